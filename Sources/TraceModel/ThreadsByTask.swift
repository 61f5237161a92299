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
    var tasks: [Int32: [KernelTask]] = [:]
    for task in definitions.tasks.values where task.id.rawValue <= last {
      tasks[task.tid, default: []].append(task)
    }
    for (tid, tasks) in tasks {
      guard let threads = threads[tid], threads.count + phases.count < Int(Int32.max) else {
        continue
      }
      add(
        tasks.sorted { ($0.start, $0.id) < ($1.start, $1.id) },
        threads.sorted { ($0.start, $0.id) < ($1.start, $1.id) })
    }
  }

  /// Adds the tasks and the threads of one of the kernel's numbers, both in the order they began.
  private mutating func add(_ tasks: [KernelTask], _ threads: [Thread]) {
    let never = Timestamp(nanoseconds: .max)
    // By when each thread and all before it had ended; one of which that is not known, with its task.
    var ends: [Timestamp] = []
    var begun = 0
    for thread in threads {
      while begun < tasks.count, tasks[begun].start <= thread.start { begun += 1 }
      let end = thread.end ?? (begun > 0 ? tasks[begun - 1].end : nil) ?? never
      ends.append(max(end, ends.last ?? end))
    }
    let offset = Int32(phases.count)
    phases += threads.map { Phase(start: $0.start, thread: $0.id) }
    for task in tasks {
      let end = task.end ?? never
      let first = partition(0..<threads.count) { ends[$0] >= task.start }
      let beyond = partition(0..<threads.count) { threads[$0].start > end }
      guard first < beyond else { continue }
      ranges[Int(task.id.rawValue)] = offset + Int32(first)..<offset + Int32(beyond)
    }
  }

  /// The thread that a task was: before it is known to be any, the first that it became.
  @inline(__always)
  public func thread(of task: UInt32, at time: Timestamp) -> ThreadID {
    guard Int(task) < ranges.count else { return .unknown }
    let range = ranges[Int(task)]
    guard range.count > 1 else {
      return range.isEmpty ? .unknown : phases[Int(range.lowerBound)].thread
    }
    let own = Int(range.lowerBound)..<Int(range.upperBound)
    let next = partition(own) { phases[$0].start > time }
    return phases[max(next - 1, own.lowerBound)].thread
  }
}

/// The first place for which a condition holds that holds for all later ones too.
private func partition(_ places: Range<Int>, _ holds: (Int) -> Bool) -> Int {
  var (low, high) = (places.lowerBound, places.upperBound)
  while low < high {
    let middle = (low + high) / 2
    if holds(middle) { high = middle } else { low = middle + 1 }
  }
  return low
}
