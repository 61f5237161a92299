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
  /// Who waited for whom, and that one for whom, from the locks that cost most on.
  public var chains: [ChainSummary]
  /// What had to happen for the run to end when it did, the longest first. The parts sum to the
  /// lifetime of the thread that ended last.
  public var criticalPath: [PathSummary]
  /// What has a depth, the busiest first.
  public var queues: [QueueSummary]
  /// What event loops run by turns, by name, most time first.
  public var tasks: [TaskSummary]
  /// Event loops, the busiest first.
  public var loops: [LoopSummary]
  /// The locks of interpreters of Python, the most waited for first.
  public var gil: [GILSummary]
  /// Work that the program has a name for, most time first.
  public var slices: [SliceSummary]
  /// Counters of the program's own, by name.
  public var counters: [CounterSummary]
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
  /// Wall time; of a report on a part of the recording, the length of that.
  public var durationNs: Int64
  /// Where the part begins that the report is on; nil when it is on all.
  public var fromNs: Int64?
  /// Where it ends.
  public var toNs: Int64?
  /// What alone the report is on, such as `lock cache_mu`; nil when it is on all.
  public var only: String?
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
  /// Why from nowhere better; empty where nothing is better.
  public var schedulingReason: String
  /// Whether the recording was finished properly.
  public var complete: Bool
  /// When it began: nanoseconds since 1970; nil where the file does not tell.
  public var startedAtNs: Int64?
  /// Kernel and processor.
  public var host: String?
  /// Who recorded it.
  public var recorder: String?
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
  /// How often it left its CPU; nil where switches were not recorded.
  public var switches: SwitchCounts?
  /// How often it came back on another CPU.
  public var migrations: UInt64?
  /// From being woken, or preempted, to being on a CPU.
  public var runQueueNs: TimeSummary?
  /// Who woke it, most often first; empty where that was not recorded.
  public var wakers: [WakerSummary]
  /// The lock it waited for longest.
  public var waitedMostFor: BlockSummary?
  /// Its longest wait for a lock; nil where there was none.
  public var longestWait: WaitSummary?
  /// What it waited for, most first, 16 at most.
  public var waits: [ThreadWaitSummary]
  /// Nanoseconds of lock waits in equal parts of the recording, from its start to its end.
  public var lockWaitTimeline: [Int64]
  /// What it did most in each of 40 equal parts of the recording: `r` was on a CPU, `w` could have
  /// been, `l` waited for a lock, `q` for a condition or queue, `i` for anything else; `u` where it is
  /// not known, and a blank where the thread was not there.
  public var states: String
  /// True for a daemon thread of Python's, for which the program does not wait at its end.
  public var daemon: Bool?
}

/// How often a thread left its CPU.
public struct SwitchCounts: Codable, Hashable, Sendable {
  /// To wait for something.
  public var voluntary: UInt64
  /// It could have run on.
  public var preempted: UInt64
}

/// What woke a thread.
public struct WakerSummary: Codable, Hashable, Sendable {
  /// Its process; 0 for interrupts.
  public var pid: Int32
  /// Its number; 0 for interrupts.
  public var tid: Int32
  /// Its name, or `interrupt`.
  public var name: String
  /// Wakeups.
  public var count: UInt64
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

/// One wait.
public struct WaitSummary: Codable, Hashable, Sendable {
  /// The `id` of the lock.
  public var lock: UInt32
  /// Its name.
  public var name: String
  /// When it began.
  public var startNs: Int64
  /// How long it took.
  public var waitNs: Int64
  /// Who held the lock when it began; nil where that is not known.
  public var owner: String?
  /// The calls, innermost first.
  public var stack: [FrameSummary]
}

/// Waits of a thread for one thing.
public struct ThreadWaitSummary: Codable, Hashable, Sendable {
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
  /// The longest.
  public var maxNs: Int64
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
  /// What it is called in every run and build of the program; nil where nothing but its address is known.
  /// Locks that one place has made share it.
  public var identity: String?
  /// Times it was acquired.
  public var acquisitions: UInt64
  /// Requests that could not be met at once.
  public var contended: UInt64
  /// Part of the wall time during which it was held, from 0 to 1; nil for what is not held.
  public var utilisation: Double?
  /// Nanoseconds that it was held, by all who had it; nil for what is not held.
  public var heldNs: Int64?
  /// Waits.
  public var waitNs: TimeSummary
  /// Holds that others waited for.
  public var holdNs: TimeSummary
  /// How many waits there were of each length, in steps of two; empty ones are left out.
  public var waitSizes: [SizeSummary]
  /// The same of holds that others waited for.
  public var holdSizes: [SizeSummary]
  /// Why the waits took as long as they did; nil where it is not known when threads ran. Waits that
  /// were only counted are not among them.
  public var waitSplitNs: WaitSplitSummary?
  /// What its holders waited for themselves while others waited for them, most first.
  public var heldUpBy: [BlockerSummary]
  /// An estimate: by so much the run would be shorter if nobody ever had to wait for this lock. Only
  /// for the locks that cost most.
  public var ifFreeNs: Int64?
  /// Threads that waited for it, or that had it then: those that waited longest first, 64 at most.
  public var threads: [LockThreadSummary]
  /// Who waited for whom, most first, 64 at most.
  public var pairs: [WaitPairSummary]
  /// Where threads waited, most first.
  public var waiters: [WaiterSummary]
  /// Where threads released it that others waited for, most blamed first.
  public var holders: [HolderSummary]
}

/// How many things there are of a length.
public struct SizeSummary: Codable, Hashable, Sendable {
  /// They are shorter than this power of two, and not shorter than the half of it.
  public var belowNs: Int64
  /// How many.
  public var count: UInt64
}

/// What one thread had to do with a lock.
public struct LockThreadSummary: Codable, Hashable, Sendable {
  /// Its process.
  public var pid: Int32
  /// Its number.
  public var tid: Int32
  /// Its name.
  public var name: String
  /// Its waits.
  public var waits: UInt64
  /// Nanoseconds of them.
  public var waitNs: Int64
  /// The longest.
  public var maxNs: Int64
  /// Waits of others that began while it had the lock.
  public var keptWaiting: UInt64
  /// Nanoseconds of them.
  public var keptWaitingNs: Int64
}

/// A thread that waited for a lock, and the one that had it when the waits began.
public struct WaitPairSummary: Codable, Hashable, Sendable {
  /// Who waited.
  public var waiter: String
  /// That one's process.
  public var waiterPid: Int32
  /// That one's number.
  public var waiterTid: Int32
  /// Who had the lock; empty where it does not tell.
  public var owner: String
  /// That one's process; 0 where it is not known.
  public var ownerPid: Int32
  /// That one's number; 0 where it is not known.
  public var ownerTid: Int32
  /// Waits.
  public var count: UInt64
  /// Nanoseconds of them.
  public var waitNs: Int64
  /// The longest.
  public var maxNs: Int64
}

/// Why waits for a lock took as long as they did, nanoseconds.
public struct WaitSplitSummary: Codable, Hashable, Sendable {
  /// Waits of which it is known.
  public var waits: UInt64
  /// Its holder was on a CPU.
  public var holderRunning: Int64
  /// Its holder could have run, but had no CPU.
  public var holderPreempted: Int64
  /// Its holder waited for another lock.
  public var holderInLockWait: Int64
  /// Its holder waited for a condition, a semaphore or a barrier.
  public var holderInQueueWait: Int64
  /// Its holder slept, or waited for input, output or a process.
  public var holderSleeping: Int64
  /// The lock was free for the waiter, and the waiter had no CPU.
  public var runQueue: Int64
  /// The way from the release to the wakeup, and holders of whom nothing is known.
  public var other: Int64
}

/// What the holder of a lock waited for itself.
public struct BlockerSummary: Codable, Hashable, Sendable {
  /// The `id` of the lock; nil for sleep, input and output.
  public var lock: UInt32?
  /// What it is.
  public var kind: String
  /// Its name.
  public var name: String
  /// Nanoseconds in which others waited because of it.
  public var blamedNs: Int64
}

/// A chain of waits, from a lock to what its last holder did.
public struct ChainSummary: Codable, Hashable, Sendable {
  /// Nanoseconds waited at its beginning.
  public var waitNs: Int64
  /// The thread that waited longest for its first lock.
  public var waiter: String
  /// That one's process; 0 where it is not known.
  public var waiterPid: Int32
  /// That one's number; 0 where it is not known.
  public var waiterTid: Int32
  /// Waits for the first lock that were longer because its holder waited for the second than because
  /// of anything else; all waits where there is no second.
  public var count: UInt64
  /// The longest of them.
  public var longestNs: Int64
  /// The links; each is what the holder of the one before waited for.
  public var links: [ChainLink]
}

/// A link of a chain.
public struct ChainLink: Codable, Hashable, Sendable {
  /// The `id` of the lock that is waited for.
  public var lock: UInt32
  /// Its name.
  public var name: String
  /// Who held it longest while others waited.
  public var holder: String
  /// That one's process; 0 where it is not known.
  public var pid: Int32
  /// That one's number; 0 where it is not known.
  public var tid: Int32
  /// What it mostly did meanwhile: `running`, `preempted`, `waiting for a lock`, `waiting for a
  /// condition or queue`, `sleeping or I/O`.
  public var doing: String
  /// Nanoseconds of that.
  public var ns: Int64
}

/// A part of the critical path.
public struct PathSummary: Codable, Hashable, Sendable {
  /// The thread's process; 0 for the parts that are too small to be told one by one.
  public var pid: Int32
  /// The thread.
  public var tid: Int32
  /// Its name.
  public var name: String
  /// What it did, as in ``ChainLink/doing``; `runnable` for having no CPU.
  public var doing: String
  /// What it waited for; empty where it did not.
  public var lock: String
  /// Nanoseconds.
  public var ns: Int64
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
  /// The process that first used it.
  public var pid: Int32
  /// What it is: the name of a ``TraceModel/LockKind``.
  public var kind: String
  /// Its name.
  public var name: String
  /// What it is called in every run and build of the program; nil where nothing but its address is known.
  public var identity: String?
  /// What is counted: `items` or `bytes`.
  public var unit: String
  /// Of so many it is full; nil where there is no limit, or none is known.
  public var capacity: UInt64?
  /// Things put in: posts of a semaphore.
  public var enqueued: UInt64
  /// Things taken out: acquisitions of a semaphore.
  public var dequeued: UInt64
  /// Its depth over time.
  public var depth: DepthSummary
  /// How long things were in it; nil where that is not known.
  public var residenceNs: TimeSummary?
  /// How long the work took that came out of it; nil where that is not known.
  public var runNs: TimeSummary?
  /// Waits for room in it; nil where there were none.
  public var putWaitNs: TimeSummary?
  /// Waits for something to come; nil where there were none.
  public var takeWaitNs: TimeSummary?
  /// Where things were put in, most first.
  public var producers: [QueueUserSummary]
  /// Where things were taken out, most first.
  public var consumers: [QueueUserSummary]
}

/// A place where things went into a queue or came out.
public struct QueueUserSummary: Codable, Hashable, Sendable {
  /// Operations.
  public var count: UInt64
  /// Items, or bytes, of them.
  public var items: UInt64
  /// The calls, innermost first.
  public var stack: [FrameSummary]
}

/// A depth over time.
public struct DepthSummary: Codable, Hashable, Sendable {
  /// Mean over time.
  public var mean: Double
  /// The greatest.
  public var max: Int64
  /// During 99 % of the time it was no greater than this.
  public var p99: Int64
  /// From the first thing put in or taken out: nanoseconds in which it was 0.
  public var emptyNs: Int64
  /// Nanoseconds in which it was as great as it can be; nil where that is not known.
  public var fullNs: Int64?
  /// The mean in equal parts of the recording, from its start to its end; empty where it was always 0.
  public var timeline: [Double]
}

/// A piece of work, or a moment, that the program has a name for.
public struct SliceSummary: Codable, Hashable, Sendable {
  /// The name.
  public var name: String
  /// Pieces of work.
  public var count: UInt64
  /// Moments.
  public var instants: UInt64
  /// How long the work took.
  public var runNs: TimeSummary
}

/// A counter of the program's own.
public struct CounterSummary: Codable, Hashable, Sendable {
  /// The name.
  public var name: String
  /// Its last value.
  public var last: Int64
  /// The least.
  public var min: Int64
  /// The greatest.
  public var max: Int64
  /// Mean over time.
  public var mean: Double
}

/// Something that the report concludes.
public struct Finding: Codable, Hashable, Sendable {
  /// What sort of conclusion, such as `contention`, `deadlock` or `no-contention`; the article "The JSON
  /// report" lists all.
  public var kind: String
  /// `info`, `warning`.
  public var severity: String
  /// A sentence for people.
  public var text: String
  /// The figures behind it.
  public var evidence: [String: Int64]
  /// Where in the program it comes from; nil where that is told elsewhere in the report.
  public var places: [FindingPlace]?
}

/// What one thread has to do with a finding.
public struct FindingPlace: Codable, Hashable, Sendable {
  /// Its process.
  public var pid: Int32
  /// The thread.
  public var tid: Int32
  /// Its name.
  public var thread: String
  /// A phrase for people, such as `waits for a_mu, held by worker`.
  public var what: String
  /// Its calls then, innermost first; empty where they are not known.
  public var stack: [FrameSummary]
}
