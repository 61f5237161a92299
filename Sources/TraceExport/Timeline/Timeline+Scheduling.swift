internal import TraceModel

// The kernel's word on threads: who is on which CPU, and who woke whom.
extension Timeline {
  /// Adds the events of scheduling in the order of time, after everything else.
  mutating func addScheduling(_ events: Span<Event>) {
    for place in events.indices {
      let event = events[place]
      guard event.kind == .switch || event.kind == .wakeup,
        event.time.nanoseconds < window.upperBound, let cpu = CPUSwitches.cpu(event.value)
      else { continue }
      schedulingNow = max(schedulingNow, Encoder.drawn(event.time))
      let (thread, other) = (scheduled(event.thread), scheduled(event.owner))
      if isCut, thread == TimelineIDs.unknown,
        event.kind == .wakeup || other == TimelineIDs.unknown
      {
        continue
      }
      if !hasScheduling, schedulingNow >= window.lowerBound { beginScheduling() }
      if event.kind == .switch {
        cpuSwitches.add(
          CPUChange(
            cpu: cpu, thread: thread, reason: event.operation, next: other, time: schedulingNow))
        writeReadySwitches()
      } else {
        cpuSwitches.wake(thread, by: other, at: schedulingNow)
        guard hasScheduling else { continue }
        encoder.addWakeup(of: thread, by: other, cpu: cpu, at: schedulingNow)
      }
    }
  }

  /// Ends all CPUs.
  mutating func finishScheduling() {
    cpuSwitches.finish(by: window.upperBound)
    writeReadySwitches()
  }

  /// Writes who woke a thread, where only locks, signals and the ends of threads tell.
  mutating func writeWakeup(of track: Int, by waker: Int, at time: Int64) {
    guard track != TimelineIDs.unknown, waker != TimelineIDs.unknown, !encoder.isHidden,
      time >= window.lowerBound
    else { return }
    encoder.addWakeup(of: track, by: waker, cpu: 0, at: time)
  }

  /// The track of a thread; that of the idle task for one that is not shown.
  @inline(__always)
  private func scheduled(_ thread: ThreadID) -> Int {
    let thread = threads[threadIndex[thread.rawValue]]
    return thread.isShown ? thread.track : TimelineIDs.unknown
  }

  private mutating func beginScheduling() {
    hasScheduling = true
    encoder.beginScheduling()
    if window.lowerBound > 0 {
      cpuSwitches.begin(at: window.lowerBound)
      writeReadySwitches()
    }
  }

  private mutating func writeReadySwitches() {
    // What came before the window tells who is on the CPUs when it begins.
    if hasScheduling {
      for place in cpuSwitches.ready.indices { encoder.add(cpuSwitches.ready[place]) }
    }
    cpuSwitches.removeReady()
  }
}
