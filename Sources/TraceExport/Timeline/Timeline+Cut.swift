internal import TraceModel

// Of a recording that is not shown whole, what lies outside is taken note of and not written.
extension Timeline {
  mutating func addCut(_ event: Event, _ lock: Int, _ track: Int) {
    let time = event.time.nanoseconds
    if encoder.isHidden, time >= window.lowerBound { beginWindow() }
    isBehindWindow = time >= window.upperBound
    if isBehindWindow {
      guard event.lasts, event.start.nanoseconds < window.upperBound else { return }
    }
    now = max(now, Encoder.drawn(Timestamp(nanoseconds: min(time, window.upperBound))))
    add(event, lock, track)
  }

  /// Writes what counters say when the window begins. Arrows from before it lead nowhere.
  private mutating func beginWindow() {
    encoder.isHidden = false
    now = max(now, window.lowerBound)
    for lock in locks.indices {
      locks[lock].wakeups.removeAll()
      locks[lock].items.forgetArrows()
      if locks[lock].waiting > 0 { writeWaiters(lock) }
      if locks[lock].depth.shown != 0 { writeDepth(lock) }
      if let value = locks[lock].lastValue {
        write(locks[lock].role == .loop ? .ready : .value, lock, value)
      }
    }
  }
}

extension Event {
  /// Whether it is about a stretch of time that ends with it.
  fileprivate var lasts: Bool {
    switch kind {
    case .wait, .slice, .taskWait: true
    case .release, .taskRelease: isDurationKnown
    default: false
    }
  }
}
