public import TraceModel

/// Collects what happened on one CPU and makes chunks of it.
///
/// They are built like those of a thread, with tasks in the place of locks and owners, because tasks
/// are all that the kernel's records know; which thread a task was is looked up when they are read.
/// What goes without saying is left out: the task that leaves a CPU is the one that came before, and
/// who wakes another is mostly the one that has the CPU.
public struct SchedulingChunkBuilder: Sendable {
  private var builder: EventChunkBuilder
  private let cpu: Int
  /// The task that has the CPU, as a reader of the chunk knows it.
  private var current = KernelTaskID.unknown

  /// A builder for a CPU whose events are stamped with nanoseconds since the recording began.
  public init(cpu: Int) {
    self.cpu = cpu
    builder = EventChunkBuilder(
      kind: .scheduling, process: .unknown, thread: ThreadID(rawValue: UInt32(cpu) + 1),
      scale: .nanoseconds)
  }

  /// Events collected so far.
  public var count: Int { builder.count }
  /// Whether it is time to ``seal(lost:)``.
  public var isFull: Bool { builder.isFull }

  /// The CPU goes from one task to another; unknown is none of the recording.
  ///
  /// - Parameter reason: Why `task` left.
  public mutating func appendSwitch(
    from task: KernelTaskID, to next: KernelTaskID, reason: Event.Operation, at time: Timestamp
  ) {
    append(.switch, reason, actor: task, object: next, value: 0, time)
    current = next
  }

  /// A task is woken; `waker` is unknown where none did.
  public mutating func appendWakeup(
    of task: KernelTaskID, by waker: KernelTaskID, operation: Event.Operation, on target: Int,
    at time: Timestamp
  ) {
    append(.wakeup, operation, actor: waker, object: task, value: Int64(target), time)
  }

  /// A task was sampled: see ``TraceModel/Event/Kind/sample``.
  public mutating func appendSample(
    of task: KernelTaskID, ran: Int64, waited: Int64, at time: Timestamp
  ) {
    builder.append(
      Event(
        kind: .sample, thread: .unknown, time: time, duration: ran,
        lock: LockID(rawValue: task.rawValue), value: waited))
  }

  private mutating func append(
    _ kind: Event.Kind, _ operation: Event.Operation, actor: KernelTaskID, object: KernelTaskID,
    value: Int64, _ time: Timestamp
  ) {
    let told = actor == current ? SchedulingDecoder.current : actor.rawValue &+ 1
    builder.append(
      Event(
        kind: kind, operation: operation, thread: .unknown, time: time,
        lock: LockID(rawValue: object.rawValue), owner: ThreadID(rawValue: told), value: value))
  }

  /// The chunk of all events so far; the builder begins anew.
  public mutating func seal(lost: UInt64) -> Chunk {
    current = .unknown
    return builder.seal(lost: lost)
  }
}

/// Makes the events of a CPU whole again: what a ``SchedulingChunkBuilder`` left out, and threads in
/// place of tasks.
struct SchedulingDecoder {
  /// Stands for the task that has the CPU; any other task is told by the number after its own.
  static let current: UInt32 = 0

  private let cpu: Int64
  private var current: UInt32 = 0

  init(_ header: ChunkHeader) { cpu = Int64(header.thread.rawValue) - 1 }

  mutating func tell(_ events: inout [Event], count: Int, of threads: ThreadsByTask) {
    var events = events.mutableSpan
    for index in 0..<min(count, events.count) {
      var event = events[index]
      let told = event.owner.rawValue
      let actor = told == SchedulingDecoder.current ? current : told &- 1
      let object = event.lock.rawValue
      event.lock = .unknown
      switch event.kind {
      case .switch:
        event.thread = threads.thread(of: actor, at: event.time)
        event.owner = threads.thread(of: object, at: event.time)
        event.value = cpu
        current = object
      case .wakeup:
        event.thread = threads.thread(of: object, at: event.time)
        event.owner = threads.thread(of: actor, at: event.time)
      default:
        event.thread = threads.thread(of: object, at: event.time)
        event.owner = .unknown
      }
      events[index] = event
    }
  }
}
