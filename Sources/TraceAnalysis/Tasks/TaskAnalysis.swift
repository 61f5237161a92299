internal import TraceModel

/// What tasks do: how long their steps take, and what they wait for.
///
/// A task is known by its number in its process, its name by the steps that it makes. Memory grows with
/// names, and by four bytes with tasks.
struct TaskAnalysis {
  /// By name and process; the first one is that of tasks whose name is not known.
  private(set) var names = [TaskAccumulator()]
  /// The place in `names` of each name in each process.
  private var places: [Key: UInt32] = [:]
  /// The place in `names` that each lock had last, by the lock's place; 0 for those that have none.
  private var latest: [UInt32] = []
  private var known = TaskNames()
  /// What was known before the part that is told.
  private var knownBefore = TaskNames()
  /// The process of each thread, by the thread's place.
  private var processes: [ProcessID] = []
  private var stepWaits: [StepWaits] = []
  private(set) var holds: [TaskHolds] = []

  /// Whether there can be any tasks: without them nothing is kept.
  private let hasTasks: Bool
  /// Names of gevent's hubs, the greenlets that its loops run in.
  private var hubs: Set<LockID> = []

  private struct Key: Hashable {
    var lock: LockID
    var process: ProcessID
  }

  init(_ definitions: TraceDefinitions, locks: NumberIndex, threads: NumberIndex) {
    hasTasks = definitions.locks.values.contains { $0.kind.isTask }
    guard hasTasks else { return }
    hubs = Set(definitions.locks.values.lazy.filter(\.isHub).map(\.id))
    latest = Array(repeating: 0, count: locks.numbers.count)
    stepWaits = Array(repeating: StepWaits(), count: threads.numbers.count)
    processes = threads.numbers.map {
      definitions.threads[ThreadID(rawValue: $0)]?.process ?? .unknown
    }
  }

  /// Forgets what was, but not what tasks are called.
  mutating func restart() {
    names = names.map {
      TaskAccumulator(lock: $0.lock, process: $0.process, isHub: hubs.contains($0.lock))
    }
    (knownBefore, known) = (known, TaskNames())
    holds = []
  }

  /// A thread has waited, maybe within a step.
  @inline(__always)
  mutating func threadWaited(_ event: Event, thread: Int) {
    if hasTasks { stepWaits[thread].add(event) }
  }

  /// A task has run.
  mutating func step(_ event: Event, lock: Int, thread: Int) {
    guard hasTasks else { return }
    let process = processes[thread]
    let place = self.place(of: event.lock, lock, in: process)
    // A callback that is no task's has no number.
    if event.value != 0, let before = known.note(place, of: event.value, in: process) {
      // A task that is renamed is one of the other name's from now on.
      if before != 0 { names[Int(before)].tasks -= 1 }
      names[Int(place)].tasks += 1
    }
    names[Int(place)].add(event, longestWait: stepWaits[thread].take(since: event.start))
  }

  @inline(__always)
  private mutating func place(of lock: LockID, _ number: Int, in process: ProcessID) -> UInt32 {
    let last = latest[number]
    if last != 0, names[Int(last)].process == process { return last }
    let key = Key(lock: lock, process: process)
    let place = places[key] ?? UInt32(names.count)
    if place == names.count {
      places[key] = place
      names.append(TaskAccumulator(lock: lock, process: process, isHub: hubs.contains(lock)))
    }
    latest[number] = place
    return place
  }

  /// A task has waited. `holds` is the place of the lock's holds, −1 where there are none yet.
  mutating func wait(_ event: Event, thread: Int, holds place: inout Int32) {
    // Who waits until it has the lock has seen all that is charged with it.
    if place >= 0 || event.outcome != .acquired { holds[holdsPlace(&place)].wait(event) }
    guard hasTasks else { return }
    let process = processes[thread]
    var name = known.name(of: event.value, in: process)
    if name == 0 { name = knownBefore.name(of: event.value, in: process) }
    names[Int(name)].wait(event)
  }

  /// A task has released a lock.
  mutating func release(_ event: Event, holds place: inout Int32) {
    holds[holdsPlace(&place)].release(event)
  }

  private mutating func holdsPlace(_ place: inout Int32) -> Int {
    if place < 0 {
      place = Int32(clamping: holds.count)
      holds.append(TaskHolds())
    }
    return Int(place)
  }
}
