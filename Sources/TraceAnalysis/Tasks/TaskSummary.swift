/// Tasks of one name: coroutines that an event loop of asyncio's runs by turns, or greenlets.
public struct TaskSummary: Codable, Hashable, Sendable {
  /// Their process.
  public var pid: Int32
  /// `asyncio` or `greenlet`.
  public var kind: String
  /// The name.
  public var name: String
  /// True for the greenlets that gevent's loops run in; otherwise nil.
  public var hub: Bool?
  /// How many tasks bear the name, those that were given another not among them; 0 where it is that of a
  /// loop's callback.
  public var tasks: UInt64
  /// How often one of them ran, until it waited or ended.
  public var steps: UInt64
  /// Nanoseconds in which one of them ran.
  public var runNs: Int64
  /// The longest step.
  public var longestStepNs: Int64
  /// All steps.
  public var stepNs: TimeSummary
  /// Where and when the longest step was; nil where there were none.
  public var longestStep: StepSummary?
  /// Steps that kept the thread from its other tasks for long.
  public var longSteps: LongStepsSummary
  /// How often one of them waited for something that is known.
  public var waits: UInt64
  /// All waits.
  public var waitNs: TimeSummary
  /// What they waited for, most first.
  public var waitedFor: [TaskWaitSummary]
}

/// One step of a task.
public struct StepSummary: Codable, Hashable, Sendable {
  /// The task's number in its process.
  public var task: Int64
  /// The thread that it ran on.
  public var tid: Int32
  /// The thread's name.
  public var thread: String
  /// When it began.
  public var startNs: Int64
  /// How long it took.
  public var ns: Int64
  /// What the thread waited for longest meanwhile; nil where that is not known.
  public var blockedBy: StepWaitSummary?
  /// The calls, innermost first: those of that wait where the step itself has none.
  public var stack: [FrameSummary]
}

/// What a thread waited for during a step of a task.
public struct StepWaitSummary: Codable, Hashable, Sendable {
  /// The `id` of the lock.
  public var lock: UInt32
  /// What it is.
  public var kind: String
  /// Its name.
  public var name: String
  /// Nanoseconds.
  public var waitNs: Int64
}

/// Steps of at least 100 ms.
public struct LongStepsSummary: Codable, Hashable, Sendable {
  /// How many there were.
  public var count: UInt64
  /// Nanoseconds of them.
  public var ns: Int64
  /// Where they were, most time first.
  public var places: [StepPlaceSummary]
}

/// Where long steps were.
public struct StepPlaceSummary: Codable, Hashable, Sendable {
  /// Steps.
  public var count: UInt64
  /// Nanoseconds of them.
  public var ns: Int64
  /// The calls, innermost first; empty where they are not known.
  public var stack: [FrameSummary]
}

/// What tasks of one name waited for.
public struct TaskWaitSummary: Codable, Hashable, Sendable {
  /// The `id` of the lock.
  public var lock: UInt32
  /// What it is.
  public var kind: String
  /// Its name.
  public var name: String
  /// Waits.
  public var count: UInt64
  /// Nanoseconds of them.
  public var waitNs: Int64
}

/// An event loop.
public struct LoopSummary: Codable, Hashable, Sendable {
  /// The recording's number.
  public var id: UInt32
  /// Its process.
  public var pid: Int32
  /// Its name.
  public var name: String
  /// Callbacks that it ran which were due at a time.
  public var timers: UInt64
  /// How late callbacks ran after they were due; nil where that is not known.
  public var lagNs: TimeSummary?
  /// Callbacks that were ready to run.
  public var readyDepth: DepthSummary
}
