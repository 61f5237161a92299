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

  private var single: [ThreadID] = []
  private var several: [UInt32: [Phase]] = [:]

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
    single = Array(repeating: .unknown, count: Int(last) + 1)
    for task in definitions.tasks.values where task.id.rawValue <= last {
      let end = task.end ?? Timestamp(nanoseconds: .max)
      let own = (threads[task.tid] ?? [])
        .filter { $0.start <= end && ($0.end ?? Timestamp(nanoseconds: .max)) >= task.start }
        .sorted { ($0.start, $0.id) < ($1.start, $1.id) }
      single[Int(task.id.rawValue)] = own.first?.id ?? .unknown
      if own.count > 1 {
        several[task.id.rawValue] = own.map { Phase(start: $0.start, thread: $0.id) }
      }
    }
  }

  /// The thread that a task was: before it is known to be any, the first that it became.
  @inline(__always)
  public func thread(of task: UInt32, at time: Timestamp) -> ThreadID {
    guard Int(task) < single.count else { return .unknown }
    return several.isEmpty ? single[Int(task)] : thread(ofSeveral: task, at: time)
  }

  private func thread(ofSeveral task: UInt32, at time: Timestamp) -> ThreadID {
    guard let phases = several[task] else { return single[Int(task)] }
    return (phases.last { $0.start <= time } ?? phases[0]).thread
  }
}
