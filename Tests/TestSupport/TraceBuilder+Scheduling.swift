internal import TraceFile
public import TraceModel

/// What the kernel says of threads.
///
///     trace.come(worker, at: 100)
///     trace.leave(worker, .blocked, at: 300)
///     trace.wake(worker, by: main, at: 400)
extension TraceBuilder {
  /// A thread comes onto a CPU.
  public mutating func come(_ thread: ThreadID, on cpu: Int64 = 0, at time: Int64) {
    change(from: .unknown, to: thread, .unknown, on: cpu, at: time)
  }

  /// A thread leaves its CPU.
  public mutating func leave(
    _ thread: ThreadID, _ reason: Event.Operation, on cpu: Int64 = 0, at time: Int64
  ) {
    change(from: thread, to: .unknown, reason, on: cpu, at: time)
  }

  /// A CPU goes from one thread to another.
  public mutating func change(
    from thread: ThreadID, to next: ThreadID, _ reason: Event.Operation, on cpu: Int64 = 0,
    at time: Int64
  ) {
    add(
      Event(
        kind: .switch, operation: reason, thread: thread, time: Timestamp(nanoseconds: time),
        owner: next, value: cpu))
  }

  /// A thread is woken; by an interrupt where nobody did.
  public mutating func wake(
    _ thread: ThreadID, by waker: ThreadID = .unknown, on cpu: Int64 = 0, at time: Int64
  ) {
    add(
      Event(
        kind: .wakeup, operation: waker == .unknown ? .interrupt : .unknown, thread: thread,
        time: Timestamp(nanoseconds: time), owner: waker, value: cpu))
  }

  /// A thread sleeps from one moment to another, and comes back onto its CPU then.
  public mutating func sleep(
    _ thread: ThreadID, _ reason: Event.Operation = .blocked, from start: Int64, woken: Int64?,
    by waker: ThreadID = .unknown, to end: Int64, on cpu: Int64 = 0
  ) {
    leave(thread, reason, on: cpu, at: start)
    if let woken { wake(thread, by: waker, on: cpu, at: woken) }
    come(thread, on: cpu, at: end)
  }

  /// A thread was sampled.
  public mutating func sample(_ thread: ThreadID, ran: Int64, waited: Int64, at time: Int64) {
    add(
      Event(
        kind: .sample, thread: thread, time: Timestamp(nanoseconds: time), duration: ran,
        value: waited))
  }

  /// A thread wakes one waiter of a condition, or all of them.
  public mutating func signal(
    _ thread: ThreadID, _ lock: LockID, _ operation: Event.Operation = .signal, at time: Int64
  ) {
    add(
      Event(
        kind: .signal, operation: operation, thread: thread, time: Timestamp(nanoseconds: time),
        lock: lock))
  }
}

extension TraceBuilder {
  /// The recording as a file in which the kernel's word stands as it does in real ones: by CPU, of tasks.
  /// What happens at the same moment in several chunks has no order.
  public func fileByCPU() throws -> [UInt8] {
    var trace = self
    for case .thread(let thread) in list {
      trace.define(
        .task(
          KernelTask(
            id: KernelTaskID(rawValue: thread.id.rawValue), tid: thread.tid, start: thread.start,
            end: thread.end)))
    }
    trace.events = events.filter { !$0.kind.isScheduling }
    var cpus: [Int64: SchedulingChunkBuilder] = [:]
    for event in events.sorted(by: { $0.time < $1.time }) where event.kind.isScheduling {
      let (own, other) = (
        KernelTaskID(rawValue: event.thread.rawValue), KernelTaskID(rawValue: event.owner.rawValue)
      )
      var cpu = cpus[event.value] ?? SchedulingChunkBuilder(cpu: Int(event.value))
      if event.kind == .switch {
        cpu.appendSwitch(from: own, to: other, reason: event.operation, at: event.time)
      } else {
        cpu.appendWakeup(
          of: own, by: other, operation: event.operation, on: Int(event.value), at: event.time)
      }
      cpus[event.value] = cpu
    }
    let chunks = cpus.sorted { $0.key < $1.key }.map { cpu in
      var builder = cpu.value
      return builder.seal(lost: 0)
    }
    return try trace.file(scheduling: chunks)
  }
}
