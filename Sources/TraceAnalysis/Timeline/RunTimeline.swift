/// A run over time, in equal parts: what its threads did, how many waited for its locks, how deep its
/// queues were. Text and pages draw it.
///
/// Its size is bounded by threads, locks and queues times parts, however many events there were. What
/// several parts have in common is named once, by the recording's number.
public struct RunTimeline: Hashable, Sendable {
  /// The time that it shows.
  public var scale: TimeParts
  /// The threads that did most, those that waited longest for locks first.
  public var threads: [ThreadTrack]
  /// Threads that it leaves out.
  public var otherThreads: Int
  /// How many threads waited for the locks that were waited for longest.
  public var waiters: [CounterTrack]
  /// How deep queues and counters were, the busiest first.
  public var depths: [CounterTrack]
  /// Names of the locks that parts refer to, by number.
  public var lockNames: [UInt32: String]
  /// Names of the threads that parts refer to, by number.
  public var threadNames: [UInt32: String]
}

/// A thread over time.
public struct ThreadTrack: Hashable, Sendable {
  /// Its place among the threads of the report.
  public var thread: Int
  /// The part of the timeline that `parts` begins with: the thread did not live before.
  public var first: Int
  /// What it did.
  public var parts: [ThreadPart]
}

/// What a thread did in one part of a timeline, nanoseconds. The times sum to `life`.
public struct ThreadPart: Hashable, Sendable {
  /// In which it lived.
  public var life: Int64 = 0
  /// On a CPU.
  public var running: Int64 = 0
  /// Ready to run, without a CPU.
  public var runnable: Int64 = 0
  /// Waiting for a lock that another held.
  public var lockWait: Int64 = 0
  /// Waiting for a condition, a semaphore, a barrier or a queue.
  public var queueWait: Int64 = 0
  /// Asleep for anything else.
  public var idle: Int64 = 0
  /// The lock that it waited for longest, and who held that meanwhile; 0 where there is none, or none is
  /// known.
  public var lock: UInt32 = 0
  /// See `lock`.
  public var holder: UInt32 = 0
  /// What it waited for longest beside locks; 0 for nothing.
  public var waitedFor: UInt32 = 0

  /// Nobody told whether it ran or slept.
  public var unknown: Int64 {
    max(0, life &- running &- runnable &- lockWait &- queueWait &- idle)
  }

  /// What it did longest; nil where it did not live.
  public var state: ThreadState? {
    guard life > 0 else { return nil }
    return ThreadState.allCases.max { self[$0] < self[$1] }
  }

  /// Nanoseconds in a state.
  public subscript(state: ThreadState) -> Int64 {
    switch state {
    case .lockWait: lockWait
    case .runnable: runnable
    case .running: running
    case .queueWait: queueWait
    case .idle: idle
    case .unknown: unknown
    }
  }

  /// Makes a part in which nothing is.
  public init() {}

  /// Several parts as one.
  public init(merging parts: some Sequence<ThreadPart>) {
    var lock = Vote()
    var holder = Vote()
    var other = Vote()
    for part in parts {
      life &+= part.life
      running &+= part.running
      runnable &+= part.runnable
      lockWait &+= part.lockWait
      queueWait &+= part.queueWait
      idle &+= part.idle
      if part.lock != 0 { lock.add(part.lock, weight: part.lockWait) }
      if part.holder != 0 { holder.add(part.holder, weight: part.lockWait) }
      if part.waitedFor != 0 { other.add(part.waitedFor, weight: part.queueWait) }
    }
    (self.lock, self.holder, self.waitedFor) = (lock.number, holder.number, other.number)
  }
}

/// What a thread can be doing, as a timeline shows it. Of two that lasted equally long, the one that
/// comes first here is shown.
public enum ThreadState: String, CaseIterable, Sendable {
  /// Waiting for a lock that another held.
  case lockWait
  /// Ready to run, without a CPU.
  case runnable
  /// On a CPU.
  case running
  /// Waiting for a condition, a semaphore, a barrier or a queue.
  case queueWait
  /// Asleep, input and output, waiting for threads or children.
  case idle
  /// Nobody told whether it ran or slept.
  case unknown
}

/// A number over time.
public struct CounterTrack: Hashable, Sendable {
  /// The number of the lock or queue.
  public var id: UInt32
  /// Its process.
  public var pid: Int32
  /// What it is: the name of a ``TraceModel/LockKind``.
  public var kind: String
  /// Its name.
  public var name: String
  /// What is counted: `threads`, `items`, `bytes`; empty for what only the program knows.
  public var unit: String
  /// Of so many it is full; nil where there is no limit, or none is known.
  public var capacity: UInt64?
  /// The mean of each part of the timeline.
  public var means: [Double]
  /// The greatest of each.
  public var maxima: [Int64]

  /// Whether it was always 0.
  var isFlat: Bool { maxima.allSatisfy { $0 == 0 } }
}
