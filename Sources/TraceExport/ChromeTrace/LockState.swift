internal import TraceModel

/// A lock while its events are written.
struct LockState {
  /// Its name, escaped.
  var name: TextTable.Text
  /// Its name as that of a counter, a JSON string, of which a process must not have two.
  var counter: TextTable.Text
  /// `"pid":1`, the process whose counters show it.
  var process: TextTable.Text
  /// `"lock":"NAME","kind":"KIND","address":"0x0"`.
  var arguments: TextTable.Text
  /// Threads that wait for it.
  var waiting = 0
  var wakeups = Wakeups()
  var isQueue = false
  var isTask = false
  var isLoop = false
  var isCall = false
  /// The track that its holds have; 0 where they are on those of threads.
  var ownTrack = 0
  /// When a task released it last.
  var lastTaskHold: Int64 = 0
  var isKernelQueue = false
  /// What it can hold at most; what is more is yet to go in.
  var greatestDepth = Int64.max
  var isPutInto = false
  var isTakenFrom = false
  /// Whether things were seen to come in and to go out.
  var hasBothEnds: Bool { isPutInto && isTakenFrom }
  /// What is in a queue.
  var depth: Int64 = 0
  var items = PendingItems()
  /// Whether it is a queue whose items come out in the order in which they went in.
  var isOrdered = false
  /// What its counter of values last said.
  var lastValue: Int64?
  /// Whether it is shown, and its counters, whichever thread uses it.
  var isShown = true

  /// The states of all locks; the first one stands for locks without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: ChromeIDs, shown: Set<LockID>?,
    _ texts: inout TextTable
  ) -> (states: [LockState], index: NumberIndex) {
    struct Counter: Hashable {
      var pid: UInt32
      var name: String
    }
    let locks = definitions.locks.values.sorted { $0.id < $1.id }
    let names = LockNames(definitions)
    var counters: Set<Counter> = []
    var states: [LockState] = []
    for lock in [nil] + locks.map(Optional.some) {
      let name = names[lock?.id ?? .unknown].jsonEscaped
      let pid = ids.process(lock?.process ?? .unknown).pid
      // Images of an exec chain are one process, and each may have a lock of that name.
      var counter = name
      if !counters.insert(Counter(pid: pid, name: counter)).inserted {
        counter = "\(name) [\(lock?.id.rawValue ?? 0)]"
        counters.insert(Counter(pid: pid, name: counter))
      }
      var arguments = "\"lock\":\"\(name)\""
      if let lock {
        let address = String(lock.address, radix: 16)
        arguments += ",\"kind\":\"\(lock.kind.name)\",\"address\":\"0x\(address)\""
      }
      states.append(
        LockState(
          name: texts.add(name), counter: texts.add("\"\(counter)\""),
          process: texts.add("\"pid\":\(pid)"), arguments: texts.add(arguments),
          isQueue: lock?.kind.isQueue ?? false, isTask: lock?.kind.isTask ?? false,
          isLoop: lock?.kind == .eventLoop, isCall: lock?.kind == .call,
          ownTrack: lock.map { ids.track(of: $0.id) } ?? 0,
          isKernelQueue: lock?.kind.isKernelQueue ?? false,
          greatestDepth: lock.map(greatestDepth) ?? .max, isOrdered: lock?.kind.isOrdered ?? false,
          isShown: shown.map { $0.contains(lock?.id ?? .unknown) } ?? true))
    }
    return (states, NumberIndex(locks.map(\.id.rawValue)))
  }

  private static func greatestDepth(_ lock: Lock) -> Int64 {
    lock.kind.isBounded && lock.capacity > 0 ? Int64(clamping: lock.capacity) : .max
  }
}

extension LockKind {
  /// Whether what goes into it comes out in the same order.
  var isOrdered: Bool { self == .pipe || self == .socket || self == .messages }
}
