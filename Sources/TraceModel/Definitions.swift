/// What kind of thing threads waited for. The raw value is the file format's number; ``name`` is
/// the word of reports.
public enum LockKind: UInt8, CaseIterable, Sendable {
  /// Unknown to this version.
  case unknown = 0
  /// A POSIX or C11 mutex.
  case mutex = 1
  /// A POSIX reader/writer lock.
  case rwlock = 2
  /// A POSIX spinlock.
  case spinlock = 3
  /// A POSIX semaphore.
  case semaphore = 4
  /// A POSIX or C11 condition variable.
  case condition = 5
  /// A POSIX barrier.
  case barrier = 6
  /// A one-time initialisation.
  case once = 7
  /// A thread that others wait for to end.
  case thread = 8
  /// A word that the kernel lets threads wait at, as locks of all kinds are made of. It is not known
  /// which.
  case futex = 9
  /// A queue of the program's own, or of a library that it uses.
  case queue = 10
  /// No lock: a name for pieces of work, instants and counters.
  case label = 11
  /// A queue of Dispatch.
  case dispatchQueue = 12
  /// A semaphore of Dispatch.
  case dispatchSemaphore = 13
  /// A group of Dispatch, whose members others wait for.
  case dispatchGroup = 14
  /// An actor or executor of Swift, with the jobs that are to run on it.
  case actor = 15
  /// A POSIX message queue.
  case messageQueue = 16
  /// A System V message queue.
  case systemVQueue = 17
  /// A set of System V semaphores.
  case systemVSemaphore = 18
  /// A pipe or FIFO: a queue of bytes.
  case pipe = 19
  /// One direction of a local socket: a queue of bytes.
  case socket = 20
  /// An eventfd: a counter that threads wait for.
  case eventfd = 21
  /// What poll, select and epoll wait for: any of several files.
  case poll = 22
  /// A pool of threads with the work that is handed to it.
  case threadPool = 23
  /// A lock that the program itself has named.
  case lock = 24
  /// CPython's global interpreter lock.
  case gil = 25
  /// A lock of Python's: `threading.Lock`, `threading.RLock`, and those inside the interpreter.
  case pythonLock = 26
  /// A `threading.Condition`.
  case pythonCondition = 27
  /// A `threading.Event`.
  case pythonEvent = 28
  /// A `threading.Semaphore`.
  case pythonSemaphore = 29
  /// A `threading.Barrier`.
  case pythonBarrier = 30
  /// A queue of the module `queue`.
  case pythonQueue = 31
  /// An `asyncio.Lock`.
  case asyncioLock = 32
  /// An `asyncio.Condition`.
  case asyncioCondition = 33
  /// An `asyncio.Event`.
  case asyncioEvent = 34
  /// An `asyncio.Semaphore`.
  case asyncioSemaphore = 35
  /// An `asyncio.Queue`.
  case asyncioQueue = 36
  /// An event loop of asyncio's, with the callbacks that are to run.
  case eventLoop = 37
  /// No lock: a name for tasks of asyncio's.
  case task = 38
  /// No lock: a name for greenlets.
  case greenlet = 39
  /// A lock of gevent's.
  case geventLock = 40
  /// An event of gevent's, or a result that is to come.
  case geventEvent = 41
  /// A semaphore of gevent's.
  case geventSemaphore = 42
  /// A queue of gevent's.
  case geventQueue = 43
  /// A result that is to come: of a task, of work that an executor does.
  case future = 44
  /// A connection between processes, by which messages go.
  case messages = 45
  /// No lock: calls of C during which a thread of Python's has not the interpreter's lock.
  case call = 46

  /// The word that stands for the kind in reports and in JSON: lower case, with hyphens.
  public var name: String {
    String(describing: self).reduce(into: "") { name, letter in
      name += letter.isUppercase ? "-" + letter.lowercased() : String(letter)
    }
  }

  /// Whether a wait for it is lock contention: someone else had it. Waits for conditions,
  /// barriers, queues and threads are waits for something to happen instead.
  public var isContended: Bool {
    switch self {
    case .mutex, .rwlock, .spinlock, .once, .lock, .gil, .pythonLock, .asyncioLock, .geventLock:
      true
    default: false
    }
  }

  /// Whether a thread has it from an acquire to a release.
  public var isHeld: Bool {
    switch self {
    case .mutex, .rwlock, .spinlock, .lock, .gil, .pythonLock: true
    default: false
    }
  }

  /// Whether a thread that waits for it is idle, or waits for input or output or for another to end,
  /// rather than for what a queue or condition brings.
  public var isIdle: Bool { self == .thread || self == .poll || self == .call }

  /// Whether tasks wait for it, while the thread that they run on does other things.
  public var isOfTasks: Bool {
    switch self {
    case .asyncioLock, .asyncioCondition, .asyncioEvent, .asyncioSemaphore, .asyncioQueue,
      .geventLock,
      .geventEvent, .geventSemaphore, .geventQueue:
      true
    default: false
    }
  }

  /// Whether it is a name for tasks: what threads run by turns.
  public var isTask: Bool { self == .task || self == .greenlet }

  /// Whether items, bytes or counts go through it.
  public var isQueue: Bool {
    switch self {
    case .queue, .dispatchQueue, .actor, .messageQueue, .systemVQueue, .pipe, .socket, .threadPool,
      .eventfd, .systemVSemaphore, .pythonQueue, .asyncioQueue, .geventQueue, .eventLoop, .messages:
      true
    default: false
    }
  }

  /// Whether it is an object of Python's threads: where it was made is known by frames of Python's alone.
  public var isPython: Bool {
    switch self {
    case .pythonLock, .pythonCondition, .pythonEvent, .pythonSemaphore, .pythonBarrier,
      .pythonQueue,
      .future:
      true
    default: false
    }
  }

  /// Whether it is a queue of the kernel's, of which is known what was in when it was first looked at.
  public var isKernelQueue: Bool {
    switch self {
    case .messageQueue, .systemVQueue, .systemVSemaphore, .pipe, .socket, .eventfd: true
    default: false
    }
  }

  /// Whether the kernel keeps it from holding more than its capacity: what goes beyond is what threads
  /// that are blocked want to put in.
  public var isBounded: Bool { self == .messageQueue || self == .pipe }

  /// Whether what goes through it is counted in bytes.
  public var holdsBytes: Bool { self == .pipe || self == .socket }
}

/// One program image of the recording: see ``ProcessID``.
public struct Process: Hashable, Sendable {
  /// What the runtime in the target was able to do.
  public enum Runtime: UInt8, Sendable {
    /// The process was recorded.
    case loaded = 0
    /// The process was seen, but nothing inside it was recorded: it is linked statically, runs
    /// with raised privileges or could not reach the recorder.
    case absent = 1
    /// It is none of the program's, and known only because its threads ran beside the program's.
    case foreign = 2
    /// It was recorded from outside: its scheduling and its waits for futexes.
    case outside = 3
  }

  /// The recording's number.
  public var id: ProcessID
  /// The kernel's number; reused by the kernel, and shared by the images of an exec chain.
  public var pid: Int32
  /// The kernel's number of its parent when it began.
  public var parentPID: Int32
  /// Name of the program, without its folder.
  public var name: String
  /// The command line, as far as it is known.
  public var arguments: [String]
  /// When this image began.
  public var start: Timestamp
  /// When this image ended; nil while it runs.
  public var end: Timestamp?
  /// Whether the inside of the process was recorded.
  public var runtime: Runtime

  /// Makes a process.
  public init(
    id: ProcessID, pid: Int32, parentPID: Int32 = 0, name: String = "", arguments: [String] = [],
    start: Timestamp, end: Timestamp? = nil, runtime: Runtime = .loaded
  ) {
    self.id = id
    self.pid = pid
    self.parentPID = parentPID
    self.name = name
    self.arguments = arguments
    self.start = start
    self.end = end
    self.runtime = runtime
  }
}

/// One thread of the recording: see ``ThreadID``.
public struct Thread: Hashable, Sendable {
  /// The recording's number.
  public var id: ThreadID
  /// The process it is part of.
  public var process: ProcessID
  /// The kernel's number.
  public var tid: Int32
  /// Its last name.
  public var name: String
  /// When it began, or was first seen.
  public var start: Timestamp
  /// When it ended; nil while it runs.
  public var end: Timestamp?
  /// Nanoseconds on a CPU, where the thread could be asked; nil where not.
  public var cpuTime: Int64?
  /// Nanoseconds in which it could have run, but had no CPU, where that was asked for; nil where not.
  public var runnableTime: Int64?
  /// Whether it is a daemon thread of Python's, for which the program does not wait at its end.
  public var isDaemon: Bool

  /// Makes a thread.
  public init(
    id: ThreadID, process: ProcessID, tid: Int32, name: String = "", start: Timestamp,
    end: Timestamp? = nil, cpuTime: Int64? = nil, runnableTime: Int64? = nil,
    isDaemon: Bool = false
  ) {
    self.id = id
    self.process = process
    self.tid = tid
    self.name = name
    self.start = start
    self.end = end
    self.cpuTime = cpuTime
    self.runnableTime = runnableTime
    self.isDaemon = isDaemon
  }
}

/// What the kernel calls a task: a thread from its creation to its end, whatever it executes meanwhile.
///
/// Scheduling is recorded by task, because the kernel knows nothing of program images. A task is the
/// threads with its number that began before it ended: see ``ThreadsByTask``.
public struct KernelTask: Hashable, Sendable {
  /// The recording's number.
  public var id: KernelTaskID
  /// The kernel's number.
  public var tid: Int32
  /// When it was created, or first seen.
  public var start: Timestamp
  /// When it ended; nil while it runs.
  public var end: Timestamp?
  /// The task that created it, where that was seen.
  public var parent: KernelTaskID

  /// Makes a task.
  public init(
    id: KernelTaskID, tid: Int32, start: Timestamp, end: Timestamp? = nil,
    parent: KernelTaskID = .unknown
  ) {
    self.id = id
    self.tid = tid
    self.start = start
    self.end = end
    self.parent = parent
  }
}

/// One lock of the recording, or another thing that threads wait for or put things into: see
/// ``LockID``.
public struct Lock: Hashable, Sendable {
  /// The recording's number.
  public var id: LockID
  /// The process that first used it.
  public var process: ProcessID
  /// What it is.
  public var kind: LockKind
  /// Its address in the process; of what processes share, a number of the kernel's.
  public var address: UInt64
  /// Counts the locks that this address has been: 0 for the first.
  public var generation: UInt32
  /// Where it was initialised (`isInitialised`) or first acquired; unknown for static ones never
  /// seen at either.
  public var site: StackID
  /// Whether `site` is where the lock was initialised.
  public var isInitialised: Bool
  /// For a lock of kind ``LockKind/thread``: the thread whose end it stands for.
  public var thread: ThreadID
  /// What the program or the kernel calls it; empty where nobody does.
  public var name: String
  /// Items, or bytes, that a queue can hold; 0 where there is no limit, or none is known.
  public var capacity: UInt64

  /// Whether it is the name of the greenlets that gevent's loops run in: what runs there while nobody
  /// has anything to do is no work.
  public var isHub: Bool { kind == .greenlet && name == "Hub" }

  /// Makes a lock.
  public init(
    id: LockID, process: ProcessID, kind: LockKind, address: UInt64, generation: UInt32 = 0,
    site: StackID = .unknown, isInitialised: Bool = false, thread: ThreadID = .unknown,
    name: String = "", capacity: UInt64 = 0
  ) {
    self.id = id
    self.process = process
    self.kind = kind
    self.address = address
    self.generation = generation
    self.site = site
    self.isInitialised = isInitialised
    self.thread = thread
    self.name = name
    self.capacity = capacity
  }
}

/// Locks that a thread had at once: when it asked for one more, or when it was last seen.
public struct Nesting: Hashable, Sendable {
  /// A lock that the thread had.
  public struct Held: Hashable, Sendable {
    /// The lock.
    public var lock: LockID
    /// Whether others could have it at the same time: it was the shared side of a reader/writer lock.
    public var isShared: Bool

    /// Makes one.
    public init(lock: LockID, isShared: Bool = false) {
      self.lock = lock
      self.isShared = isShared
    }
  }

  /// The thread.
  public var thread: ThreadID
  /// What it had, in the order in which it was acquired.
  public var held: [Held]
  /// What it asked for, and would have waited for; unknown where these are the locks that it had when the
  /// recording, or its own life, ended.
  public var wanted: LockID
  /// Whether it asked for the shared side of a reader/writer lock.
  public var isShared: Bool
  /// When it did so for the first time.
  public var time: Timestamp
  /// Where in the program it did.
  public var stack: StackID

  /// Makes a nesting.
  public init(
    thread: ThreadID, held: [Held], wanted: LockID = .unknown, isShared: Bool = false,
    time: Timestamp, stack: StackID = .unknown
  ) {
    self.thread = thread
    self.held = held
    self.wanted = wanted
    self.isShared = isShared
    self.time = time
    self.stack = stack
  }
}

/// A call stack: return addresses in the process, innermost first.
public struct Stack: Hashable, Sendable {
  /// The recording's number.
  public var id: StackID
  /// The process in whose address space the frames are.
  public var process: ProcessID
  /// Return addresses, innermost first.
  public var frames: [UInt64]

  /// Makes a stack.
  public init(id: StackID, process: ProcessID, frames: [UInt64]) {
    self.id = id
    self.process = process
    self.frames = frames
  }
}

/// A program or library mapped into a process.
public struct Module: Hashable, Sendable {
  /// The process that mapped it.
  public var process: ProcessID
  /// The difference between an address in the process and the file's own virtual addresses.
  public var bias: UInt64
  /// First mapped address.
  public var start: UInt64
  /// One past the last mapped address.
  public var end: UInt64
  /// The file it was mapped from.
  public var path: String
  /// The GNU build-id note; empty where there is none.
  public var buildID: [UInt8]
  /// When it was mapped.
  public var loaded: Timestamp

  /// Makes a module.
  public init(
    process: ProcessID, bias: UInt64, start: UInt64, end: UInt64, path: String,
    buildID: [UInt8] = [], loaded: Timestamp = .zero
  ) {
    self.process = process
    self.bias = bias
    self.start = start
    self.end = end
    self.path = path
    self.buildID = buildID
    self.loaded = loaded
  }
}

/// What an address in a process means.
public struct Symbol: Hashable, Sendable {
  /// The function or variable, demangled; empty where no symbol covers the address.
  public var function: String
  /// Source file; empty where unknown.
  public var file: String
  /// Line in `file`; 0 where unknown.
  public var line: UInt32
  /// The module's file name, without its folder; empty where no module covers the address.
  public var module: String
  /// Bytes from the start of the function, or from the start of the module where no symbol covers
  /// the address, or the address itself where no module does.
  public var offset: UInt64

  /// The module of frames that are Python code: `file` and `line` are those of the source. No file has
  /// such a name, as the interpreter itself may have that without the slash.
  public static let pythonModule = "python/"
  /// Whether it is Python code.
  public var isPython: Bool { module == Symbol.pythonModule }

  /// Makes a symbol.
  public init(
    function: String = "", file: String = "", line: UInt32 = 0, module: String = "",
    offset: UInt64 = 0
  ) {
    self.function = function
    self.file = file
    self.line = line
    self.module = module
    self.offset = offset
  }
}

/// What one thread did with one lock beyond its recorded events: exact counts kept in the target.
///
/// Several for the same pair add up.
public struct LockUse: Hashable, Sendable {
  /// The thread.
  public var thread: ThreadID
  /// The lock.
  public var lock: LockID
  /// Times it was acquired, contended or not.
  public var acquisitions: UInt64
  /// Times it was released to others: posts of a semaphore, signals of a condition.
  public var releases: UInt64
  /// Waits too short to be recorded one by one.
  public var shortWaits: UInt64
  /// Nanoseconds spent in those.
  public var shortWaitTime: UInt64
  /// Waits whose event was lost because the ring was full; they are counted here all the same.
  public var lostWaits: UInt64
  /// Nanoseconds spent in those.
  public var lostWaitTime: UInt64
  /// The longest wait among the short and the lost ones, nanoseconds.
  public var longestUnrecordedWait: UInt64
  /// Holds nobody waited for, of which some are measured: how many those stand for.
  public var sampledHolds: UInt64
  /// Nanoseconds of the measured ones, each as often as it stands for others.
  public var sampledHoldTime: UInt64

  /// Makes a use.
  public init(
    thread: ThreadID, lock: LockID, acquisitions: UInt64 = 0, releases: UInt64 = 0,
    shortWaits: UInt64 = 0, shortWaitTime: UInt64 = 0, lostWaits: UInt64 = 0,
    lostWaitTime: UInt64 = 0, longestUnrecordedWait: UInt64 = 0, sampledHolds: UInt64 = 0,
    sampledHoldTime: UInt64 = 0
  ) {
    self.thread = thread
    self.lock = lock
    self.acquisitions = acquisitions
    self.releases = releases
    self.shortWaits = shortWaits
    self.shortWaitTime = shortWaitTime
    self.lostWaits = lostWaits
    self.lostWaitTime = lostWaitTime
    self.longestUnrecordedWait = longestUnrecordedWait
    self.sampledHolds = sampledHolds
    self.sampledHoldTime = sampledHoldTime
  }
}
