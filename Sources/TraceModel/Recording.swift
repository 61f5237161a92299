/// Where the scheduling data of a recording came from, best first.
public enum SchedulingSource: UInt8, CaseIterable, Sendable {
  /// None was recorded.
  case off = 0
  /// Sampled from procfs.
  case procfs = 1
  /// Context-switch records of perf events, without wakers.
  case switches = 2
  /// Scheduler tracepoints of the kernel.
  case kernel = 3

  /// The word that stands for it in reports and in JSON.
  public var name: String { String(describing: self) }
}

/// How the recorded program ended.
public enum Termination: Hashable, Sendable {
  /// It exited with this status.
  case exited(Int32)
  /// This signal killed it.
  case signalled(Int32)
}

/// What holds for the whole of a recording. The start is known from the beginning, the rest when
/// the recording is complete.
public struct Recording: Hashable, Sendable {
  /// The command line that was recorded.
  public var program: [String]
  /// Wall-clock time of the start, nanoseconds since 1970.
  public var startTime: Int64
  /// CPUs that were online.
  public var cpus: Int32
  /// Where scheduling data came from.
  public var scheduling: SchedulingSource
  /// Why scheduling data came from nowhere better; empty where nothing is better.
  public var schedulingReason: String
  /// Kernel, CPU and the like, for people.
  public var host: String
  /// The version of ctrace that recorded.
  public var recorder: String
  /// Nanoseconds from start to end; nil while not complete.
  public var duration: Int64?
  /// How the program ended; nil while not complete or when it still runs.
  public var termination: Termination?
  /// Threads that could not be recorded because all rings were in use.
  public var unrecordedThreads: UInt64
  /// Calls that could not be counted for a lock: a signal handler made them while it interrupted the
  /// runtime, or neither a thread's table nor its ring had room.
  public var uncountedCalls: UInt64
  /// Plain sentences about what is missing from the recording and why.
  public var notes: [String]

  /// Makes a recording.
  public init(
    program: [String], startTime: Int64 = 0, cpus: Int32 = 0, scheduling: SchedulingSource = .off,
    schedulingReason: String = "", host: String = "", recorder: String = "", duration: Int64? = nil,
    termination: Termination? = nil, unrecordedThreads: UInt64 = 0, uncountedCalls: UInt64 = 0,
    notes: [String] = []
  ) {
    self.program = program
    self.startTime = startTime
    self.cpus = cpus
    self.scheduling = scheduling
    self.schedulingReason = schedulingReason
    self.host = host
    self.recorder = recorder
    self.duration = duration
    self.termination = termination
    self.unrecordedThreads = unrecordedThreads
    self.uncountedCalls = uncountedCalls
    self.notes = notes
  }
}

/// One line of a recording's definitions: what events refer to by number.
public enum Definition: Hashable, Sendable {
  /// The recording; a later one replaces an earlier one.
  case recording(Recording)
  /// A process; a later one with the same id replaces an earlier one.
  case process(Process)
  /// A thread; a later one with the same id replaces an earlier one.
  case thread(Thread)
  /// A task; a later one with the same id replaces an earlier one.
  case task(KernelTask)
  /// A lock; a later one with the same id replaces an earlier one.
  case lock(Lock)
  /// A stack.
  case stack(Stack)
  /// A mapped module.
  case module(Module)
  /// What addresses in a process mean, resolved when the recording ended. Several frames, outermost
  /// last, where functions were inlined.
  case symbol(process: ProcessID, address: UInt64, frames: [Symbol])
  /// Counts of a thread and a lock; several add up.
  case use(LockUse)
  /// Locks that a thread had at once.
  case nesting(Nesting)
}
