public import TraceModel

/// What of a recording is exported: all of it, unless something is left out.
public struct ExportCut: Sendable {
  /// Nanoseconds since the recording began, from which on and before which things are shown. What
  /// began before or ended after is shown as far as it lies between.
  public var window: Range<Int64> = 0..<Int64.max
  /// Only these threads, and the locks of ``locks`` with whatever thread used them, are shown; all of
  /// them where it is nil.
  public var threads: Set<ThreadID>?
  /// The locks that are shown of threads which are not among ``threads``.
  public var locks: Set<LockID>?
  /// What was left out and why, for people; one sentence each.
  public var notes: [String] = []

  /// Everything.
  public init() {}

  /// Whether nothing is left out.
  public var isWhole: Bool { window == 0..<Int64.max && threads == nil && locks == nil }
}

/// How long threads waited, by thread and by what they waited for: a choice of what is worth showing.
public struct WaitTotals {
  private let threads: NumberedTotals
  private let locks: NumberedTotals
  private var threadTimes: [Int64]
  private var lockTimes: [Int64]
  private let window: Range<Int64>

  /// Sums what lies in the window of a cut.
  public init(definitions: TraceDefinitions, cut: ExportCut) {
    threads = NumberedTotals(definitions.threads.keys.map(\.rawValue))
    locks = NumberedTotals(definitions.locks.keys.map(\.rawValue))
    threadTimes = Array(repeating: 0, count: threads.numbers.count)
    lockTimes = Array(repeating: 0, count: locks.numbers.count)
    window = cut.window
  }

  /// Adds events, in any order.
  public mutating func add(_ events: Span<Event>) {
    for place in events.indices {
      let event = events[place]
      guard event.kind == .wait || event.kind == .taskWait else { continue }
      let start = max(event.start.nanoseconds, window.lowerBound)
      let time = max(0, min(event.time.nanoseconds, window.upperBound) - start)
      lockTimes[locks.index[event.lock.rawValue]] &+= time
      // A task waits while its thread does other things.
      if event.kind == .wait { threadTimes[threads.index[event.thread.rawValue]] &+= time }
    }
  }

  /// The threads that waited longest, and what was waited for longest: so many of each, fewer where no
  /// more have waited.
  public func longest(_ count: Int) -> (threads: Set<ThreadID>, locks: Set<LockID>) {
    (
      Set(threads.longest(count, threadTimes).map(ThreadID.init(rawValue:))),
      Set(locks.longest(count, lockTimes).map(LockID.init(rawValue:)))
    )
  }
}

/// Numbers of a recording, and the places of their sums.
private struct NumberedTotals {
  /// The first stands for what has no definition.
  let numbers: [UInt32]
  let index: NumberIndex

  init(_ numbers: [UInt32]) {
    let sorted = numbers.sorted()
    self.numbers = [0] + sorted
    index = NumberIndex(sorted)
  }

  func longest(_ count: Int, _ times: [Int64]) -> [UInt32] {
    let ordered = zip(numbers, times).dropFirst().filter { $0.1 > 0 }
      .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    return ordered.prefix(count).map(\.0)
  }
}
