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
        event.time.nanoseconds < window.upperBound, let cpu = CPUSwitches.cpu(event.value)
      else { continue }
      schedulingNow = max(schedulingNow, event.time.nanoseconds)
      let (thread, other) = (scheduled(event.thread), scheduled(event.owner))
      if isCut, thread == ChromeIDs.unknown,
        event.kind == .wakeup || other == ChromeIDs.unknown
      {
        continue
      }
      if !hasScheduling, schedulingNow >= window.lowerBound { beginScheduling() }
      if event.kind == .switch {
        cpuSwitches.add(
          CPUChange(
            cpu: cpu, thread: thread, reason: event.operation, next: other, time: schedulingNow))
        appendReadySwitches()
      } else {
        cpuSwitches.wake(thread, by: other, at: schedulingNow)
        guard hasScheduling else { continue }
        appendWaking(
          of: thread, by: other, cpu, at: schedulingNow)
      }
    }
  }

  /// The track of a thread; that of the idle task for one that is not shown.
  private func scheduled(_ thread: ThreadID) -> Int {
    let recorded = threads[threadIndex[thread.rawValue]]
    return recorded.isShown ? recorded.track : ChromeIDs.unknown
  }

  private mutating func beginScheduling() {
    hasScheduling = true
    if window.lowerBound > 0 {
      cpuSwitches.begin(at: window.lowerBound)
      appendReadySwitches()
    }
  }

  /// Writes who woke a thread, where only locks, signals and the ends of threads tell.
  mutating func appendWaking(of track: Int, by waker: Int, at time: Int64) {
    guard track != ChromeIDs.unknown, waker != ChromeIDs.unknown, !isBeforeWindow,
      time >= window.lowerBound
    else { return }
    appendWaking(of: track, by: waker, 0, at: time)
  }
}
