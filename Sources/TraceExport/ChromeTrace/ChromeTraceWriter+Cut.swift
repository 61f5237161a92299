internal import TraceModel

// Of a recording that is not shown whole, what lies outside is taken note of and not written.
extension ChromeTraceWriter {
  mutating func addCut(_ event: Event, _ lock: Int, _ track: Int) {
    let time = event.time.nanoseconds
    if isBeforeWindow {
      guard time >= window.lowerBound else { return note(event, lock, track) }
      beginWindow()
    }
    isBehindWindow = time >= window.upperBound
    if isBehindWindow {
      guard event.lasts, event.start.nanoseconds < window.upperBound else { return }
    }
    let end = Timestamp(nanoseconds: min(time, window.upperBound))
    now = max(now, ChromeTime.drawn(end))
    add(event, lock, track)
  }

  /// Keeps what an event changes, and nothing of what is written for it.
  private mutating func note(_ event: Event, _ lock: Int, _ track: Int) {
    let (written, had) = (output.count, hasEvents)
    now = max(now, ChromeTime.drawn(event.time))
    add(event, lock, track)
    output.truncate(to: written)
    hasEvents = had
  }

  /// Writes what counters say when the window begins. Arrows from before it lead nowhere.
  private mutating func beginWindow() {
    isBeforeWindow = false
    now = max(now, window.lowerBound)
    for lock in locks.indices {
      locks[lock].wakeups.removeAll()
      locks[lock].items.forgetArrows()
      if locks[lock].waiting > 0 { appendWaiters(lock) }
      if locks[lock].depth != 0 { appendDepth(lock) }
      if let value = locks[lock].lastValue {
        appendCounter(locks[lock].isLoop ? "ready" : "value", lock, value)
      }
    }
  }
}

extension Event {
  /// Whether it is about a stretch of time that ends with it.
  var lasts: Bool {
    switch kind {
    case .wait, .slice, .taskWait: true
    case .release, .taskRelease: isDurationKnown
    default: false
    }
  }
}
