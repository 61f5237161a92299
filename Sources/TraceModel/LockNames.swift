/// The names of a recording's locks, the same in every report and export.
///
/// A lock that the program or the kernel has a name for bears that; one in static storage its symbol's;
/// a thread that is waited for, its own; any other lock the name of the function that initialised it or,
/// where nobody did, first acquired it, which of Python code stands behind the line. Locks that would
/// share a name are numbered in the order in which they were first seen.
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
    let callers = LockNames.callers(definitions)
    for lock in definitions.locks.values {
      let name = LockNames.baseName(lock, definitions, callers)
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

  /// Stacks by their innermost address: of a first acquisition no more than that is known, and in a
  /// program that is not optimised it lies in a wrapper of the lock.
  private static func callers(
    _ definitions: TraceDefinitions
  ) -> [TraceDefinitions.Location: StackID] {
    var callers: [TraceDefinitions.Location: StackID] = [:]
    for stack in definitions.stacks.values where stack.frames.count > 1 {
      let place = TraceDefinitions.Location(process: stack.process, address: stack.frames[0])
      callers[place] = min(callers[place] ?? stack.id, stack.id)
    }
    return callers
  }

  private static func baseName(
    _ lock: Lock, _ definitions: TraceDefinitions,
    _ callers: [TraceDefinitions.Location: StackID]
  ) -> String {
    if lock.kind == .thread, let thread = definitions.threads[lock.thread] {
      return thread.name.isEmpty ? "thread \(thread.tid)" : thread.name
    }
    if !lock.name.isEmpty { return lock.name }
    let place = TraceDefinitions.Location(process: lock.process, address: lock.address)
    if let symbol = definitions.symbols[place]?.first {
      // A lock inside a structure in static storage: offset tells which member.
      // What polls is known by its place in the code.
      let isExact = symbol.offset == 0 || lock.kind == .poll
      if !symbol.function.isEmpty {
        return isExact ? symbol.function : "\(symbol.function)+\(symbol.offset)"
      }
    }
    var site = definitions.frames(of: lock.site).first
    if let wrapper = site, LockFunctions.contains(wrapper),
      let address = definitions.stacks[lock.site]?.frames.first,
      let caller = callers[
        TraceDefinitions.Location(process: lock.process, address: address)]
    {
      site = definitions.frames(of: caller).first
    }
    if let site {
      // A line tells more than the function: its file is at hand.
      if site.isPython {
        let file = site.file.split(separator: "/").last ?? "?"
        return "\(file):\(site.line) \(site.function)"
      }
      if !site.function.isEmpty { return site.function }
      if !site.module.isEmpty { return "\(site.module)+0x\(String(site.offset, radix: 16))" }
    }
    return "\(lock.kind.name) 0x\(String(lock.address, radix: 16))"
  }
}
