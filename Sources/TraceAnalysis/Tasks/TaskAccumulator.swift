internal import TraceModel

/// What is known so far of the tasks of one name.
struct TaskAccumulator {
  /// A step as long as this keeps a loop from its other tasks for long: asyncio's own
  /// `slow_callback_duration`.
  static let longStep: Int64 = 100_000_000

  struct Step {
    var task: Int64 = 0
    var thread = ThreadID.unknown
    var start = Timestamp.zero
    var duration: Int64 = -1
    var stack = StackID.unknown
    var wait: StepWaits.Wait?
  }

  /// What they waited for.
  struct Waited {
    var lock: LockID
    var count: UInt64 = 0
    var time: Int64 = 0
  }

  /// The name, and the process: names are shared by processes.
  let lock: LockID
  let process: ProcessID
  /// Tasks that bear the name.
  var tasks: UInt64 = 0
  private(set) var steps = Distribution()
  private(set) var longest = Step()
  /// Long steps by place.
  private(set) var longSteps = StackTotals()
  private(set) var waits = Distribution()
  private(set) var waited: [Waited] = []
  private var places = Places<LockID>()

  /// Whether it is the loop itself, which waits where nobody has anything to do.
  private let isHub: Bool

  init(lock: LockID = .unknown, process: ProcessID = .unknown, isHub: Bool = false) {
    self.lock = lock
    self.process = process
    self.isHub = isHub
  }

  /// A step has ended, within which the thread waited no longer than this.
  @inline(__always)
  mutating func add(_ event: Event, longestWait wait: StepWaits.Wait?) {
    steps.add(event.duration)
    let stack = event.stack == .unknown ? wait?.stack ?? .unknown : event.stack
    if event.duration > longest.duration {
      longest = Step(
        task: event.value, thread: event.thread, start: event.start, duration: event.duration,
        stack: stack, wait: wait)
    }
    if event.duration >= TaskAccumulator.longStep, !isHub {
      longSteps.add(stack, time: event.duration)
    }
  }

  /// One of them has waited.
  mutating func wait(_ event: Event) {
    waits.add(event.duration)
    let place = places.place(of: event.lock)
    if place == waited.count { waited.append(Waited(lock: event.lock)) }
    waited[place].count += 1
    waited[place].time = waited[place].time.saturatingAdd(event.duration)
  }
}
