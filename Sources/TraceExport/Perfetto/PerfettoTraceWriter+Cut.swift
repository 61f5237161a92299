internal import TraceModel

// Of a recording that is not shown whole, what lies outside is taken note of and not written.
extension PerfettoTraceWriter {
  mutating func addCut(_ event: Event, _ lock: Int, _ track: Int) {
    let time = event.time.nanoseconds
    if isBeforeWindow, time >= window.lowerBound { beginWindow() }
    isBehindWindow = time >= window.upperBound
    if isBehindWindow {
      guard event.lasts, event.start.nanoseconds < window.upperBound else { return }
    }
    now = max(now, min(time, window.upperBound))
    add(event, lock, track)
  }

  /// Writes what counters say when the window begins. Arrows from before it lead nowhere.
  private mutating func beginWindow() {
    isBeforeWindow = false
    now = max(now, window.lowerBound)
    for lock in locks.indices {
      locks[lock].wakeups.removeAll()
      locks[lock].items.forgetArrows()
      if locks[lock].waiting > 0 { appendWaiters(lock) }
      if locks[lock].depth.shown != 0 {
        appendCounter(.depth, lock, locks[lock].depth.shown)
      }
      if let value = locks[lock].lastValue {
        appendCounter(locks[lock].role == .loop ? .ready : .value, lock, value)
      }
    }
  }
}
