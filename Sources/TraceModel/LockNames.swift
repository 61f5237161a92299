/// The names of a recording's locks, the same in every report and export.
///
/// A lock in static storage bears its symbol's name; a thread that is waited for, its own; any other
/// lock the name of the function that initialised it or, where nobody did, first acquired it. Locks
/// that would share a name are numbered in the order in which they were first seen.
public struct LockNames: Sendable {
  private var names: [LockID: String] = [:]

  /// Names all locks of a recording.
  public init(_ definitions: TraceDefinitions) {
    // Locks of different processes may share a name: the report shows the process beside it.
    struct Place: Hashable {
      var process: ProcessID
      var name: String
    }
    var places: [Place: [LockID]] = [:]
    for lock in definitions.locks.values {
      let name = LockNames.baseName(lock, definitions)
      places[Place(process: lock.process, name: name), default: []].append(lock.id)
    }
    for (place, locks) in places {
      if locks.count == 1 {
        names[locks[0]] = place.name
      } else {
        for (ordinal, lock) in locks.sorted().enumerated() {
          names[lock] = "\(place.name)#\(ordinal + 1)"
        }
      }
    }
  }

  /// The name of a lock; `lock?` for a number without a definition.
  public subscript(lock: LockID) -> String { names[lock] ?? "lock?" }

  private static func baseName(_ lock: Lock, _ definitions: TraceDefinitions) -> String {
    if lock.kind == .thread, let thread = definitions.threads[lock.thread] {
      return thread.name.isEmpty ? "thread \(thread.tid)" : thread.name
    }
    let place = TraceDefinitions.Location(process: lock.process, address: lock.address)
    if let symbol = definitions.symbols[place]?.first {
      // A lock inside a structure in static storage: offset tells which member.
      let isExact = symbol.offset == 0
      if !symbol.function.isEmpty {
        return isExact ? symbol.function : "\(symbol.function)+\(symbol.offset)"
      }
    }
    if let site = definitions.frames(of: lock.site).first {
      if !site.function.isEmpty { return site.function }
      if !site.module.isEmpty { return "\(site.module)+0x\(String(site.offset, radix: 16))" }
    }
    return "\(lock.kind.name) 0x\(String(lock.address, radix: 16))"
  }
}
