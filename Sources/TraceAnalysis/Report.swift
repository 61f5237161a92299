/// Everything that a report says about a recording, whatever its form: the text and the JSON of
/// `ctrace report` are made of this and nothing else.
///
/// Encoded with `Codable` it is the schema `ctrace-report/1`: times are integers in nanoseconds,
/// counted from the start of the recording where they are moments. Later versions only add to it.
/// The article "The JSON report" documents each field.
public struct Report: Codable, Hashable, Sendable {
  /// Names this schema.
  public static let schemaName = "ctrace-report/1"

  /// Always ``schemaName``.
  public var schema = Report.schemaName
  /// The recording as a whole.
  public var recording: RecordingSummary
  /// Process images in the order they began.
  public var processes: [ProcessSummary]
  /// Threads in the order they began.
  public var threads: [ThreadSummary]
  /// Locks, those that cost most first.
  public var locks: [LockSummary]
  /// What has a depth, the busiest first.
  public var queues: [QueueSummary]
  /// What the report concludes, most important first. Never empty.
  public var findings: [Finding]
}

/// The recording as a whole.
public struct RecordingSummary: Codable, Hashable, Sendable {
  /// The command line.
  public var program: [String]
  /// The program's exit status; nil when a signal killed it, or it outlived the recording.
  public var exitCode: Int32?
  /// The signal that killed the program.
  public var signal: Int32?
  /// Wall time.
  public var durationNs: Int64
  /// CPUs that were online.
  public var cpus: Int32
  /// Events in the file.
  public var events: UInt64
  /// Events that were lost because a ring was full, or left out of the file for its size.
  public var lostEvents: UInt64
  /// Threads that could not be recorded at all.
  public var unrecordedThreads: UInt64
  /// Calls of lock functions that could not be counted for a lock.
  public var uncountedCalls: UInt64
  /// Where scheduling data came from: kernel, switches, procfs or off.
  public var scheduling: String
  /// Whether the recording was finished properly.
  public var complete: Bool
  /// What recording cost the program's threads, estimated from counts: see ``OverheadEstimate``.
  public var overheadNs: Int64
  /// Plain sentences about what is missing and why.
  public var notes: [String]
}

/// One process image.
public struct ProcessSummary: Codable, Hashable, Sendable {
  /// The kernel's number; images of an exec chain share it.
  public var pid: Int32
  /// The number of its parent.
  public var parent: Int32
  /// The program's name.
  public var name: String
  /// When it began.
  public var startNs: Int64
  /// When it ended; nil when it outlived the recording.
  public var endNs: Int64?
  /// Whether the inside of it was recorded.
  public var recorded: Bool
}

/// One thread. Its five times sum to its lifetime.
public struct ThreadSummary: Codable, Hashable, Sendable {
  /// Its process.
  public var pid: Int32
  /// Its number.
  public var tid: Int32
  /// Its last name.
  public var name: String
  /// When it began.
  public var startNs: Int64
  /// When it ended, or the recording did.
  public var endNs: Int64
  /// On a CPU.
  public var runNs: Int64
  /// Ready to run, without a CPU; 0 without scheduling data.
  public var runnableNs: Int64
  /// Waiting for a lock that another held.
  public var lockWaitNs: Int64
  /// Waiting for a condition, a semaphore or a barrier.
  public var queueWaitNs: Int64
  /// The rest: sleeping, input and output, waiting for threads or children.
  public var idleNs: Int64
  /// The lock it waited for longest.
  public var waitedMostFor: BlockSummary?
  /// Nanoseconds of lock waits in equal parts of the recording, from its start to its end.
  public var lockWaitTimeline: [Int64]
}

/// What blocked a thread.
public struct BlockSummary: Codable, Hashable, Sendable {
  /// The `id` of the lock.
  public var lock: UInt32
  /// Its name.
  public var name: String
  /// Nanoseconds waited.
  public var waitNs: Int64
  /// The thread that held it during most of that; nil where the lock does not tell.
  public var owner: String?
}

/// Nanoseconds of several things of a kind.
public struct TimeSummary: Codable, Hashable, Sendable {
  /// All together.
  public var total: Int64
  /// The longest.
  public var max: Int64
  /// Half of them were no longer than this.
  public var p50: Int64
  /// 99 in 100 were no longer than this.
  public var p99: Int64
}

/// One lock, or another thing that threads wait for.
public struct LockSummary: Codable, Hashable, Sendable {
  /// The recording's number.
  public var id: UInt32
  /// The process that used it.
  public var pid: Int32
  /// What it is: the name of a ``TraceModel/LockKind``.
  public var kind: String
  /// The variable, or the function that initialised or first acquired it.
  public var name: String
  /// Times it was acquired.
  public var acquisitions: UInt64
  /// Requests that could not be met at once.
  public var contended: UInt64
  /// Part of the wall time during which it was held, from 0 to 1; nil for what is not held.
  public var utilisation: Double?
  /// Waits.
  public var waitNs: TimeSummary
  /// Holds that others waited for.
  public var holdNs: TimeSummary
  /// Where threads waited, most first.
  public var waiters: [WaiterSummary]
  /// Where threads released it that others waited for, most blamed first.
  public var holders: [HolderSummary]
}

/// A place where threads waited.
public struct WaiterSummary: Codable, Hashable, Sendable {
  /// Waits.
  public var count: UInt64
  /// Nanoseconds of them.
  public var waitNs: Int64
  /// The calls, innermost first.
  public var stack: [FrameSummary]
}

/// A place where a lock was released that others waited for.
public struct HolderSummary: Codable, Hashable, Sendable {
  /// Holds that ended here while others waited.
  public var count: UInt64
  /// Nanoseconds that others waited during these holds, summed over waiters.
  public var blamedNs: Int64
  /// The calls, innermost first.
  public var stack: [FrameSummary]
}

/// One function of a stack.
public struct FrameSummary: Codable, Hashable, Sendable {
  /// Its name; empty where unknown.
  public var function: String
  /// Source file; empty where unknown.
  public var file: String
  /// Line in it; 0 where unknown.
  public var line: UInt32
  /// The module's file name.
  public var module: String
  /// Bytes from the function's start, or from the module's where no function is known.
  public var offset: UInt64
}

/// Something that has a depth.
public struct QueueSummary: Codable, Hashable, Sendable {
  /// The recording's number.
  public var id: UInt32
  /// The process that used it.
  public var pid: Int32
  /// What it is.
  public var kind: String
  /// Its name.
  public var name: String
  /// Things put in: posts of a semaphore.
  public var enqueued: UInt64
  /// Things taken out: acquisitions of a semaphore.
  public var dequeued: UInt64
  /// Its depth over time.
  public var depth: DepthSummary
}

/// A depth over time.
public struct DepthSummary: Codable, Hashable, Sendable {
  /// Mean over time.
  public var mean: Double
  /// The greatest.
  public var max: Int64
  /// During 99 % of the time it was no greater than this.
  public var p99: Int64
}

/// Something that the report concludes.
public struct Finding: Codable, Hashable, Sendable {
  /// What sort of conclusion: `contention`, `no-contention`, `not-recorded`.
  public var kind: String
  /// `info`, `warning`.
  public var severity: String
  /// A sentence for people.
  public var text: String
  /// The figures behind it.
  public var evidence: [String: Int64]
}
