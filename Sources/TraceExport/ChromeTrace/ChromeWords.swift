internal import TraceModel

extension SliceKind {
  /// A slice of a thread up to the name of its lock in that of the slice.
  var head: StaticString {
    switch self {
    case .wait: #"{"ph":"X","cat":"wait","name":"wait "#
    case .hold: #"{"ph":"X","cat":"hold","name":"hold "#
    case .work: #"{"ph":"X","cat":"work","name":""#
    case .call: #"{"ph":"X","cat":"call","name":""#
    case .span: #"{"ph":"X","cat":"span","name":""#
    case .taskWait: #"{"ph":"X","cat":"task","name":"waits for "#
    case .acquired: #"{"ph":"X","cat":"wakeup","name":"acquired "#
    case .release: #"{"ph":"X","cat":"hold","name":"release "#
    case .signal: #"{"ph":"X","cat":"wakeup","name":"signal "#
    case .post: #"{"ph":"X","cat":"wakeup","name":"post "#
    case .enqueue: #"{"ph":"X","cat":"queue","name":"enqueue "#
    case .dequeue: #"{"ph":"X","cat":"queue","name":"dequeue "#
    case .instant: #"{"ph":"X","cat":"instant","name":""#
    }
  }
}

extension SliceArgument {
  /// `,"WORD":`. Lengths and moments say their units: lengths are whole nanoseconds, and moments are what
  /// `ts` is.
  var key: StaticString {
    switch self {
    case .lock: #","lock":"#
    case .kind: #","kind":"#
    case .address: #","address":"#
    case .operation: #","operation":"#
    case .outcome: #","outcome":"#
    case .owner: #","owner":"#
    case .mutex: #","mutex":"#
    case .stack: #","stack":"#
    case .cut: #","cut":"#
    case .waited: #","waited_ns":"#
    case .requested: #","requested_us":"#
    case .held: #","held_ns":"#
    case .acquired: #","acquired_us":"#
    case .ran: #","ran_ns":"#
    case .began: #","began_us":"#
    case .value: #","value":"#
    case .task: #","task":"#
    case .items: #","items":"#
    case .residence: #","residence_ns":"#
    }
  }
}

extension LockCounter {
  /// A value of the counter up to its process.
  var head: StaticString {
    switch self {
    case .waiters: #"{"ph":"C","name":"waiters","#
    case .value: #"{"ph":"C","name":"value","#
    case .depth: #"{"ph":"C","name":"depth","#
    case .ready: #"{"ph":"C","name":"ready","#
    }
  }
}

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
