internal import TraceModel

/// The texts that what is said of a lock is put together from.
struct ChromeLock {
  /// Its name, escaped.
  var name: TextTable.Text
  /// Its name as that of a counter, a JSON string, of which a process must not have two.
  var counter: TextTable.Text
  /// `"pid":1,"ts":`, the process whose counters show it.
  var process: TextTable.Text
  /// `"lock":"NAME","kind":"KIND","address":"0x0"`.
  var arguments: TextTable.Text
  /// The place of the track that its holds have: that of an interpreter.
  var track: Int

  /// All locks; the first one stands for locks without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: TimelineIDs, _ texts: inout TextTable
  ) -> [ChromeLock] {
    struct Counter: Hashable {
      var pid: UInt32
      var name: String
    }
    let names = LockNames(definitions)
    var counters: Set<Counter> = []
    var all: [ChromeLock] = []
    for lock in [nil] + definitions.orderedLocks.map(Optional.some) {
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
      all.append(
        ChromeLock(
          name: texts.add(name), counter: texts.add("\"\(counter)\""),
          process: texts.add("\"pid\":\(pid),\"ts\":"), arguments: texts.add(arguments),
          track: ids.track(of: lock?.id ?? .unknown)))
    }
    return all
  }
}
