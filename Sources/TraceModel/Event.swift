/// One thing that happened in one thread, stamped when it ended.
///
/// A flat value without references, so that millions of them stream through the analyses without
/// reference counting. Which fields a kind fills is said at ``Kind``; the others are zero.
public struct Event: Hashable, Sendable {
  /// What happened. The raw value is the file format's number.
  public enum Kind: UInt8, CaseIterable, Sendable {
    /// The thread asked for a lock that it could not have at once. From `time - duration` to
    /// `time`; fills `operation`, `outcome`, `lock`, `owner` (who held it when the wait began) and
    /// `stack`; `partner` is the mutex of a condition wait.
    case wait = 1
    /// The thread released a lock that others were waiting for. The hold lasted from
    /// `time - duration` to `time`; fills `operation` (`.wait` where a wait for a condition did it),
    /// `lock`, `stack` (where it was released).
    /// A duration of 0 with `isDurationKnown == false` means that the acquire was not seen.
    case release = 2
    /// The thread woke waiters of a condition. Fills `operation` (`.signal`, `.broadcast`),
    /// `lock` (the condition) and `stack`.
    case signal = 3
    /// The value of a semaphore after an operation, or the depth of a queue. Fills `operation`
    /// (`.post`, `.wait`, `.told`), `lock` and `value`.
    case value = 4
    /// A CPU went from one thread to another. `thread` left it, for the reason that `operation` gives,
    /// and `owner` came; either is unknown where it is no thread of the recording, or the source does
    /// not tell of both at once. `value` is the CPU.
    case `switch` = 5
    /// A thread that slept can run again. `thread` was woken and `owner` woke it; `operation` is
    /// `.interrupt` where that was none. `value` is the CPU it is to run on.
    case wakeup = 6
    /// What became of a thread since it was last sampled: nanoseconds on a CPU in `duration`,
    /// nanoseconds in which it could have run, but had no CPU, in `value`.
    case sample = 7
    /// The thread put items into a queue. Fills `lock`, `stack` and `value`: how many, or how many
    /// bytes where those are counted.
    case enqueue = 8
    /// The thread took items out of a queue. Fills `lock`, `stack` and `value`, as ``enqueue`` does;
    /// with `isDurationKnown`, they had been in the queue from `time - duration` on.
    case dequeue = 9
    /// The thread did a piece of work, from `time - duration` to `time`: what a queue had for it, or
    /// what the program calls by the name of a ``LockKind/label``. Fills `lock`; of a
    /// step of a task, its number as `value`.
    case slice = 10
    /// Something happened that the program has a name for. Fills `lock`, `value` and `stack`.
    case instant = 11
    /// A counter of the program's has a value from now on. Fills `lock` and `value`.
    case counter = 12
    /// A task of the thread's waited, from `time - duration` to `time`, while the thread did other
    /// things. Fills `operation`, `outcome`, `lock`, `stack` and `value`: the task's number.
    case taskWait = 13
    /// A task of the thread's released a lock that other tasks were waiting for. Fills `lock`, `stack`
    /// and `value`, as ``taskWait`` does, and the duration as ``release`` does.
    case taskRelease = 14
    /// A wait begins. In no file: the reader puts it in front of the ``wait`` that it announces, at
    /// that one's start. It fills the same fields, and its duration is 0.
    case waitBegin = 255

    /// Whether it is the kernel's word on a thread, and not the program's on a lock.
    @inlinable
    public var isScheduling: Bool { self == .switch || self == .wakeup || self == .sample }
  }

  /// The operation behind an event. The raw value is the file format's number.
  public enum Operation: UInt8, CaseIterable, Sendable {
    /// Unknown to this version.
    case unknown = 0
    /// An exclusive lock of a mutex, spinlock or other lock.
    case lock = 1
    /// The shared side of a reader/writer lock.
    case read = 2
    /// The exclusive side of a reader/writer lock.
    case write = 3
    /// A wait for a condition or for a semaphore.
    case wait = 4
    /// A post to a semaphore.
    case post = 5
    /// A wake of one waiter of a condition.
    case signal = 6
    /// A wake of all waiters of a condition.
    case broadcast = 7
    /// An arrival at a barrier.
    case arrive = 8
    /// A one-time initialisation.
    case once = 9
    /// A wait for a thread's end. The lock is of kind ``LockKind/thread``.
    case join = 10
    /// A thread left its CPU and could have run on.
    case preempted = 11
    /// A thread left its CPU to wait for something.
    case blocked = 12
    /// A thread left its CPU for a wait that no signal ends, mostly for a disk.
    case uninterruptible = 13
    /// A thread left its CPU for good.
    case ended = 14
    /// An interrupt woke a thread: a timer, a device.
    case interrupt = 15
    /// A wait for room in a queue.
    case put = 16
    /// A wait for something in a queue.
    case take = 17
    /// A wait for any of several files.
    case poll = 18
    /// Of work that may have been done in several threads: the one of the event has ended it.
    case span = 19
    /// What the kernel says is in a queue, when asked now and then. It counts while not both ends of the
    /// queue have been seen.
    case told = 20
  }

  /// How a wait ended. The raw value is the file format's number.
  public enum Outcome: UInt8, CaseIterable, Sendable {
    /// It got what it waited for.
    case acquired = 0
    /// Its time ran out.
    case timedOut = 1
    /// The thread was cancelled while it waited.
    case cancelled = 2
    /// The call failed: an error of the call, a signal handler that ran.
    case failed = 3
    /// It had not ended when the recording or the thread did; `time` is that end.
    case unfinished = 4
    /// Of a wait for a condition: its time ran out, and another thread had woken the condition just before
    /// the wait began, while this one had the mutex already.
    case missed = 5
  }

  /// What happened.
  public var kind: Kind
  /// The operation that was called.
  public var operation: Operation
  /// How a wait ended.
  public var outcome: Outcome
  /// Whether `duration` was measured; false when the start was not seen.
  public var isDurationKnown: Bool
  /// The thread in which it happened.
  public var thread: ThreadID
  /// When it ended.
  public var time: Timestamp
  /// Nanoseconds that it lasted until `time`; never negative.
  public var duration: Int64
  /// The lock it is about.
  public var lock: LockID
  /// The mutex of a condition wait; otherwise unknown.
  public var partner: LockID
  /// The thread that held the lock when the wait began, where the lock says so.
  public var owner: ThreadID
  /// Where in the program it was called.
  public var stack: StackID
  /// The value of a semaphore or counter, how many items went in or out, or the number of a task.
  public var value: Int64

  /// Makes an event; everything that its kind does not fill keeps its default.
  @inlinable
  public init(
    kind: Kind,
    operation: Operation = .unknown,
    outcome: Outcome = .acquired,
    isDurationKnown: Bool = true,
    thread: ThreadID,
    time: Timestamp,
    duration: Int64 = 0,
    lock: LockID = .unknown,
    partner: LockID = .unknown,
    owner: ThreadID = .unknown,
    stack: StackID = .unknown,
    value: Int64 = 0
  ) {
    self.kind = kind
    self.operation = operation
    self.outcome = outcome
    self.isDurationKnown = isDurationKnown
    self.thread = thread
    self.time = time
    self.duration = duration
    self.lock = lock
    self.partner = partner
    self.owner = owner
    self.stack = stack
    self.value = value
  }

  /// When a wait or a hold began.
  @inlinable
  public var start: Timestamp { time - duration }
}
