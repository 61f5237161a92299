/// Everything that the events of a recording refer to by number.
///
/// Grows with processes, threads, locks and stacks, not with events. Tolerates anything a damaged
/// file may say: numbers without a definition simply have none.
public struct TraceDefinitions: Hashable, Sendable {
  /// An address in a process.
  public struct Location: Hashable, Sendable {
    /// The process.
    public var process: ProcessID
    /// The address in it.
    public var address: UInt64

    /// Makes a location.
    public init(process: ProcessID, address: UInt64) {
      self.process = process
      self.address = address
    }
  }

  /// The recording itself.
  public private(set) var recording = Recording(program: [])
  /// Processes by number.
  public private(set) var processes: [ProcessID: Process] = [:]
  /// Threads by number.
  public private(set) var threads: [ThreadID: Thread] = [:]
  /// Tasks by number.
  public private(set) var tasks: [KernelTaskID: KernelTask] = [:]
  /// Locks by number.
  public private(set) var locks: [LockID: Lock] = [:]
  /// Stacks by number.
  public private(set) var stacks: [StackID: Stack] = [:]
  /// Modules of all processes, in the order they were mapped.
  public private(set) var modules: [Module] = []
  /// What addresses mean: innermost function first, inlined ones included.
  public private(set) var symbols: [Location: [Symbol]] = [:]
  /// Counts by lock, summed over all threads; their `thread` is unknown.
  public private(set) var usesByLock: [LockID: LockUse] = [:]
  /// Counts by thread, summed over all locks that are contended for; their `lock` is unknown.
  public private(set) var lockUsesByThread: [ThreadID: LockUse] = [:]
  /// Counts by thread, summed over everything else that is waited for.
  public private(set) var otherUsesByThread: [ThreadID: LockUse] = [:]
  /// Counts by thread of the locks of interpreters, each hold of which is measured.
  public private(set) var interpreterUses: [LockID: [ThreadID: LockUse]] = [:]

  /// Locks that threads had at once, in the order in which they were told.
  public private(set) var nestings: [Nesting] = []

  /// Makes an empty collection.
  public init() {}

  /// Makes a collection of these definitions.
  public init(_ definitions: some Sequence<Definition>) {
    for definition in definitions { add(definition) }
  }

  /// Adds one; what a later definition replaces is said at ``Definition``.
  public mutating func add(_ definition: Definition) {
    switch definition {
    case .recording(let recording): self.recording = recording
    case .process(let process): processes[process.id] = process
    case .thread(let thread): threads[thread.id] = thread
    case .task(let task): tasks[task.id] = task
    case .lock(let lock): locks[lock.id] = lock
    case .stack(let stack): stacks[stack.id] = stack
    case .module(let module): modules.append(module)
    case .symbol(let process, let address, let frames):
      symbols[Location(process: process, address: address)] = frames
    case .nesting(let nesting): nestings.append(nesting)
    case .use(let use):
      usesByLock[use.lock, default: LockUse(thread: .unknown, lock: use.lock)].add(use)
      let empty = LockUse(thread: use.thread, lock: .unknown)
      if locks[use.lock]?.kind == .gil {
        interpreterUses[use.lock, default: [:]][
          use.thread, default: LockUse(thread: use.thread, lock: use.lock)
        ].add(use)
      }
      if locks[use.lock]?.kind.isContended ?? true {
        lockUsesByThread[use.thread, default: empty].add(use)
      } else {
        otherUsesByThread[use.thread, default: empty].add(use)
      }
    }
  }

  /// The frames of a stack, innermost first; one address may stand for several inlined functions. The
  /// first is what called the lock, and not what the lock is made of: of Python code, the program's own.
  /// An address that was not resolved gives a symbol with that address as its offset.
  public func frames(of stack: StackID) -> [Symbol] {
    guard let stack = stacks[stack] else { return [] }
    let frames = stack.frames.flatMap { address in
      symbols[Location(process: stack.process, address: address)] ?? [Symbol(offset: address)]
    }
    // A library's own thread that waits is only in the library.
    let users = frames.drop { FutexFunctions.isHidden($0) || LockFunctions.contains($0) }
    if let first = users.first, first.function != "start_thread" {
      return Array(users).fromOwnPython
    }
    let callers = frames.drop(while: LockFunctions.contains)
    return callers.isEmpty ? frames : Array(callers).fromOwnPython
  }

  /// Whether a thread is none of the program's, and known only because it ran beside one that is.
  public func isForeign(_ thread: Thread) -> Bool {
    processes[thread.process]?.runtime == .foreign
  }

  /// Forgets everything that was only counted: counts are of the whole recording, and say nothing of a
  /// part of it.
  public mutating func forgetCounts() {
    (usesByLock, interpreterUses) = ([:], [:])
    (lockUsesByThread, otherUsesByThread) = ([:], [:])
    for thread in threads.keys {
      threads[thread]?.cpuTime = nil
      threads[thread]?.runnableTime = nil
    }
  }

  /// Whether the recording was finished properly: its duration is known.
  public var isComplete: Bool { recording.duration != nil }
}

extension LockUse {
  /// Adds the counts of another use; saturates instead of overflowing on hostile values.
  mutating func add(_ other: LockUse) {
    acquisitions = acquisitions.saturatingAdd(other.acquisitions)
    releases = releases.saturatingAdd(other.releases)
    shortWaits = shortWaits.saturatingAdd(other.shortWaits)
    shortWaitTime = shortWaitTime.saturatingAdd(other.shortWaitTime)
    lostWaits = lostWaits.saturatingAdd(other.lostWaits)
    lostWaitTime = lostWaitTime.saturatingAdd(other.lostWaitTime)
    longestUnrecordedWait = max(longestUnrecordedWait, other.longestUnrecordedWait)
    sampledHolds = sampledHolds.saturatingAdd(other.sampledHolds)
    sampledHoldTime = sampledHoldTime.saturatingAdd(other.sampledHoldTime)
  }
}
