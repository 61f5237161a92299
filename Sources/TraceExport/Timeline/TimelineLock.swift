internal import TraceModel

/// A lock, or what else threads wait for or put things into, while its events are drawn.
struct TimelineLock {
  /// What it is to the events that are about it.
  enum Role {
    case lock, interpreter, queue, loop, task, call, label
  }

  var role = Role.lock
  /// Threads that wait for it.
  var waiting = 0
  var wakeups = Wakeups()
  /// When it was last released: on its track no hold begins before.
  var lastHold: Int64 = 0
  var depth = QueueDepth()
  var items = PendingItems()
  /// Whether it is a queue whose items come out in the order in which they went in.
  var isOrdered = false
  /// What its counter of values last said.
  var lastValue: Int64?
  /// Whether it is shown, and its counters, whichever thread uses it.
  var isShown = true
  /// Of a thread that is waited for: its track, and when it ended.
  var joined: (track: Int, end: Int64)?

  /// All locks; the first one stands for locks without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: TimelineIDs, shown: Set<LockID>?
  ) -> (locks: [TimelineLock], index: NumberIndex) {
    let locks = definitions.orderedLocks
    let unknown = TimelineLock(isShown: shown?.contains(.unknown) ?? true)
    return (
      [unknown]
        + locks.map {
          TimelineLock(
            role: Role($0.kind), depth: QueueDepth($0), isOrdered: $0.kind.isOrdered,
            isShown: shown?.contains($0.id) ?? true, joined: joined($0, definitions, ids))
        },
      NumberIndex(locks.map(\.id.rawValue))
    )
  }

  private static func joined(
    _ lock: Lock, _ definitions: TraceDefinitions, _ ids: TimelineIDs
  ) -> (track: Int, end: Int64)? {
    guard lock.kind == .thread, let end = definitions.threads[lock.thread]?.end else { return nil }
    return (ids.track(lock.thread), end.nanoseconds)
  }
}

extension TimelineLock.Role {
  init(_ kind: LockKind) {
    self =
      switch kind {
      case .gil: .interpreter
      case .eventLoop: .loop
      case .task, .greenlet: .task
      case .call: .call
      case .label: .label
      default: kind.isQueue ? .queue : .lock
      }
  }
}

extension LockKind {
  /// Whether what goes into it comes out in the same order.
  fileprivate var isOrdered: Bool { self == .pipe || self == .socket || self == .messages }
}
