/// The names of a recording's locks, the same in every report and export.
///
/// A lock that the program or the kernel has a name for bears that; one in static storage its symbol's;
/// a thread that is waited for, its own; any other lock the name of the function that initialised it or,
/// where nobody did, first acquired it, which of Python code stands behind the line. Locks that would
/// share a name are numbered in the order in which they were first seen.
///
/// Beside its name a lock has an identity: what it is called in every run and every build of its program, so
/// that recordings can be compared. That has neither address nor line. Locks that one place has made bear
/// one identity; those that several places of one function have made are numbered by the order of these
/// places, `make#2`.
public struct LockNames: Sendable {
  private var names: [LockID: String] = [:]
  private var identities: [LockID: String] = [:]

  /// What a lock is called, and by which place.
  private struct Origin: Hashable {
    var name: String
    /// The name without what changes from build to build; nil where nothing else is known.
    var identity: String?
    /// Of several places that give one identity: the module, and the line or the offset in the function.
    var module = ""
    var position: UInt64 = 0
  }

  /// Names all locks of a recording.
  public init(_ definitions: TraceDefinitions) {
    // Locks of different processes may share a name: the report shows the process beside it.
    struct Place: Hashable {
      var process: ProcessID
      var name: String
    }
    var places: [Place: [LockID]] = [:]
    var origins: [String: [Origin: [LockID]]] = [:]
    let callers = LockNames.callers(definitions)
    for lock in definitions.locks.values {
      var origin = LockNames.origin(of: lock, definitions, callers)
      places[Place(process: lock.process, name: origin.name), default: []].append(lock.id)
      guard let identity = origin.identity else { continue }
      origin.name = ""
      origins[identity, default: [:]][origin, default: []].append(lock.id)
    }
    for (identity, places) in origins {
      let sorted = places.sorted {
        ($0.key.module, $0.key.position) < ($1.key.module, $1.key.position)
      }
      for (ordinal, place) in sorted.enumerated() {
        let name = sorted.count == 1 ? identity : "\(identity)#\(ordinal + 1)"
        for lock in place.value { identities[lock] = name }
      }
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

  /// What a lock is called in other recordings too; nil where it has no name but its address.
  public func identity(of lock: LockID) -> String? { identities[lock] }

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

  private static func origin(
    of lock: Lock, _ definitions: TraceDefinitions,
    _ callers: [TraceDefinitions.Location: StackID]
  ) -> Origin {
    if lock.kind == .thread, let thread = definitions.threads[lock.thread] {
      return Origin(name: thread.name.isEmpty ? "thread \(thread.tid)" : thread.name)
    }
    if !lock.name.isEmpty { return origin(named: lock.name) }
    let place = TraceDefinitions.Location(process: lock.process, address: lock.address)
    if let symbol = definitions.symbols[place]?.first {
      // A lock inside a structure in static storage: offset tells which member.
      // What polls is known by its place in the code.
      let isExact = symbol.offset == 0 || lock.kind == .poll
      if !symbol.function.isEmpty {
        let name = isExact ? symbol.function : "\(symbol.function)+\(symbol.offset)"
        return Origin(name: name, identity: name)
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
        return Origin(
          name: "\(file):\(site.line) \(site.function)", identity: "\(file) \(site.function)",
          position: UInt64(site.line))
      }
      if !site.function.isEmpty {
        return Origin(
          name: site.function, identity: site.function, module: site.module, position: site.offset)
      }
      if !site.module.isEmpty {
        return Origin(
          name: "\(site.module)+0x\(String(site.offset, radix: 16))", identity: site.module)
      }
    }
    return Origin(name: "\(lock.kind.name) 0x\(String(lock.address, radix: 16))")
  }

  /// Of a name that the program gave: where Python made the lock it begins with file and line, of which the
  /// line changes with every edit above it.
  private static func origin(named name: String) -> Origin {
    let colon = name.firstIndex(of: ":") ?? name.endIndex
    let line = name[colon...].dropFirst().prefix { $0.isASCII && $0.isNumber }
    guard name[..<colon].hasSuffix(".py"), let number = UInt64(line) else {
      return Origin(name: name, identity: name)
    }
    return Origin(
      name: name, identity: "\(name[..<colon])\(name[line.endIndex...])", position: number)
  }
}
