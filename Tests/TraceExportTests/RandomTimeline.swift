import TestSupport
import TraceModel

/// Threads that wait for, hold, release, signal and post at random, as real ones might: while a
/// thread waits it does nothing else. Locks: 1 a mutex, 2 a condition, 3 a semaphore.
func randomTimeline(_ generator: inout SeededGenerator, count: Int) -> [Event] {
  struct State {
    var wait: Event?
    var holds: [(lock: UInt32, since: Int64)] = []
  }
  var states = Array(repeating: State(), count: 4)
  var events: [Event] = []
  var now: Int64 = 0
  while events.count < count {
    // Often at the same moment.
    now += Int64.random(in: -3...6, using: &generator).clamped
    let thread = Int.random(in: 0..<4, using: &generator)
    let id = ThreadID(UInt32(thread) + 1)
    let lock = UInt32.random(in: 1...3, using: &generator)
    var event = Event(kind: .wait, thread: id, time: .init(now), lock: .init(lock))
    if var wait = states[thread].wait {
      states[thread].wait = nil
      wait.kind = .wait
      wait.duration = Timestamp(now) - wait.time
      wait.time = .init(now)
      wait.outcome = Bool.random(using: &generator) ? .acquired : .timedOut
      events.append(wait)
      states[thread].holds.append((wait.lock.rawValue, now))
      continue
    }
    switch Int.random(in: 0..<5, using: &generator) {
    case 0:
      event.kind = .waitBegin
      states[thread].wait = event
      events.append(event)
    case 1: states[thread].holds.append((lock, now))
    case 2:
      event.kind = .signal
      event.lock = .init(2)
      event.operation = Bool.random(using: &generator) ? .signal : .broadcast
      events.append(event)
    case 3:
      event.kind = .value
      event.lock = .init(3)
      event.operation = .post
      event.value = Int64.random(in: 0...5, using: &generator)
      events.append(event)
    default:
      guard let place = states[thread].holds.indices.randomElement(using: &generator) else { break }
      let hold = states[thread].holds.remove(at: place)
      event.kind = .release
      event.lock = .init(hold.lock)
      event.isDurationKnown = Int.random(in: 0..<8, using: &generator) > 0
      event.duration = event.isDurationKnown ? now - hold.since : 0
      events.append(event)
    }
  }
  // The recording ends: waits that go on are told as unfinished.
  for state in states {
    guard var wait = state.wait else { continue }
    wait.kind = .wait
    wait.duration = Timestamp(now) - wait.time
    wait.time = .init(now)
    wait.outcome = .unfinished
    events.append(wait)
  }
  return events
}

extension Int64 {
  fileprivate var clamped: Int64 { Swift.max(0, self) }
}
