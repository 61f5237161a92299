internal import TraceModel

extension Event.Operation {
  /// `,"operation":"WORD"`; nothing for one that is unknown.
  var argument: StaticString {
    switch self {
    case .unknown: ""
    case .lock: #","operation":"lock""#
    case .read: #","operation":"read""#
    case .write: #","operation":"write""#
    case .wait: #","operation":"wait""#
    case .post: #","operation":"post""#
    case .signal: #","operation":"signal""#
    case .broadcast: #","operation":"broadcast""#
    case .arrive: #","operation":"arrive""#
    case .once: #","operation":"once""#
    case .join: #","operation":"join""#
    case .put: #","operation":"put""#
    case .take: #","operation":"take""#
    case .poll: #","operation":"poll""#
    case .told, .preempted, .blocked, .uninterruptible, .ended, .interrupt, .span: ""
    }
  }

  /// Whether several waiters can have the lock at once.
  var isShared: Bool { self == .read }
}

extension Event.Outcome {
  /// `,"outcome":"WORD"`.
  var argument: StaticString {
    switch self {
    case .acquired: #","outcome":"acquired""#
    case .timedOut: #","outcome":"timedOut""#
    case .cancelled: #","outcome":"cancelled""#
    case .failed: #","outcome":"failed""#
    case .unfinished: #","outcome":"unfinished""#
    case .missed: #","outcome":"missed""#
    }
  }
}
