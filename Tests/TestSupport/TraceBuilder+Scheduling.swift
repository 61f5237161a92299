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
