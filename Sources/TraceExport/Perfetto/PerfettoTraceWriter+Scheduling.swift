public import TraceModel

extension PerfettoTraceWriter {
  private typealias Schema = PerfettoSchema

  /// Adds the events of scheduling in the order of time, after everything else.
  ///
  /// They are written as the kernel's own trace events, each CPU's in bundles: `sched_switch` and
  /// `sched_waking`. Names are not repeated in them.
  public mutating func addScheduling(_ events: Span<Event>) {
    for place in events.indices {
      let event = events[place]
      guard event.kind == .switch || event.kind == .wakeup,
        let cpu = CPUSwitches.cpu(event.value)
      else { continue }
      schedulingNow = max(schedulingNow, event.time.nanoseconds)
      let thread = threads[threadIndex[event.thread.rawValue]].track
      let other = threads[threadIndex[event.owner.rawValue]].track
      if event.kind == .switch {
        cpuSwitches.add(
          CPUChange(
            cpu: cpu, thread: thread, reason: event.operation, next: other, time: schedulingNow))
        appendReadySwitches()
      } else {
        cpuSwitches.wake(thread, by: other, at: schedulingNow)
        appendWaking(
          of: thread, by: other, isInterrupt: event.operation == .interrupt, cpu,
          at: schedulingNow)
      }
    }
  }

  /// Writes who woke a thread, where only locks, signals and the ends of threads tell.
  mutating func appendWaking(of track: Int, by waker: Int, at time: Int64) {
    guard track != ChromeIDs.unknown, waker != ChromeIDs.unknown else { return }
    appendWaking(of: track, by: waker, isInterrupt: false, 0, at: time)
  }
}
