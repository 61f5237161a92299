/// Which thread of the recording a task was at a moment.
///
/// A process that executes another program goes on as the same task and as another thread: that of
/// the new image. And the kernel gives the numbers of tasks that have ended to others.
public struct ThreadsByTask: Sendable {
  /// A thread and from when on the task was it.
  private struct Phase {
    var start: Timestamp
    var thread: ThreadID
  }

  /// By task, where in `phases` those are that it was: in a row, from the first on.
  private var ranges: [Range<Int32>] = []
  private var phases: [Phase] = []

  /// No task is known.
  public init() {}

  /// The threads of a recording.
  public init(_ definitions: TraceDefinitions) {
    var threads: [Int32: [Thread]] = [:]
    for thread in definitions.threads.values where thread.tid > 0 {
      threads[thread.tid, default: []].append(thread)
    }
    // Numbers are handed out in order; a file that says otherwise makes no table of its choice.
    let last = definitions.tasks.keys.map(\.rawValue).filter { $0 <= 1 << 24 }.max() ?? 0
    ranges = Array(repeating: 0..<0, count: Int(last) + 1)
    for task in definitions.tasks.values where task.id.rawValue <= last {
      let end = task.end ?? Timestamp(nanoseconds: .max)
      let own = (threads[task.tid] ?? [])
        .filter { $0.start <= end && ($0.end ?? Timestamp(nanoseconds: .max)) >= task.start }
        .sorted { ($0.start, $0.id) < ($1.start, $1.id) }
      let start = Int32(phases.count)
      phases += own.map { Phase(start: $0.start, thread: $0.id) }
      ranges[Int(task.id.rawValue)] = start..<Int32(phases.count)
    }
  }

  /// The thread that a task was: before it is known to be any, the first that it became.
  @inline(__always)
  public func thread(of task: UInt32, at time: Timestamp) -> ThreadID {
    guard Int(task) < ranges.count else { return .unknown }
    let range = ranges[Int(task)]
    guard !range.isEmpty else { return .unknown }
    var place = Int(range.upperBound) - 1
    while place > Int(range.lowerBound), phases[place].start > time { place -= 1 }
    return phases[place].thread
  }
}
