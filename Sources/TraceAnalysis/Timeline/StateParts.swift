internal import TraceModel

/// What a thread did in each of equal parts of a span of time.
///
/// Only parts in which the thread lived are kept. Time of which nobody has told anything is in none of
/// the sums: it is what they leave of the thread's life.
struct StateParts {
  /// One part.
  struct Part {
    /// Nanoseconds by what the thread did.
    var times = StateTimes()
    /// The lock that most of the lock waits were for, by place.
    var lock = Vote()
    /// The thread that held it during most of them, by place.
    var holder = Vote()
    /// What most of the other waits were for, by place.
    var other = Vote()
  }

  let scale: TimeParts
  private let start: Timestamp
  private let end: Timestamp
  /// The part that `parts` begins with.
  let first: Int
  private(set) var parts: [Part]

  /// Parts of a thread that lives from one moment to another.
  init(_ scale: TimeParts, from start: Timestamp, to end: Timestamp) {
    self.scale = scale
    self.start = start
    self.end = end
    first = scale.part(at: start)
    let isInside = end > scale.start && start - scale.start < scale.span && end >= start
    parts = Array(
      repeating: Part(), count: isInside ? scale.part(at: end - 1) - first + 1 : 0)
  }

  /// The thread did one thing for some time.
  mutating func add(_ activity: ThreadActivity, lock: UInt32, from: Timestamp, to: Timestamp) {
    guard activity != .untold else { return }
    scale.forEach(from: max(from, start), to: min(to, end)) { part, span in
      parts[part - first].times[activity] &+= span
      switch activity {
      case .lockWait: parts[part - first].lock.add(lock, weight: span)
      case .queueWait: parts[part - first].other.add(lock, weight: span)
      default: break
      }
    }
  }

  /// Another thread held what this one waited for.
  mutating func blame(_ holder: UInt32, from: Timestamp, to: Timestamp) {
    scale.forEach(from: max(from, start), to: min(to, end)) { part, span in
      parts[part - first].holder.add(holder, weight: span)
    }
  }

  /// Forgets everything.
  mutating func reset() {
    for index in parts.indices { parts[index] = Part() }
  }

  /// A sample has told how long the thread was on a CPU, or without one, since the one before: as much of
  /// it as there is room for is spread evenly over what no wait has told of. The rest of that it slept.
  mutating func fill(running: Int64, runnable: Int64, from: Timestamp, to: Timestamp) {
    let (from, to) = (max(from, start), min(to, end))
    var room: Int64 = 0
    scale.forEach(from: from, to: to) { part, _ in room += self.room(in: part, upTo: to) }
    guard room > 0 else { return }
    var running = min(max(running, 0), room)
    var runnable = min(max(runnable, 0), room - running)
    scale.forEach(from: from, to: to) { part, _ in
      let here = self.room(in: part, upTo: to)
      guard here > 0 else { return }
      func share(_ time: Int64) -> Int64 { Int64(Int128(time) * Int128(here) / Int128(room)) }
      let (ran, waited) = (share(running), share(runnable))
      parts[part - first].times[.running] &+= ran
      parts[part - first].times[.runnable] &+= waited
      parts[part - first].times[.sleeping] &+= here - ran - waited
      running -= ran
      runnable -= waited
      room -= here
    }
  }

  /// Nanoseconds of a part up to a moment that nothing has been told of.
  private func room(in part: Int, upTo time: Timestamp) -> Int64 {
    max(0, life(in: part, upTo: time) - parts[part - first].times.total)
  }

  /// Nanoseconds of a part in which the thread lived.
  func life(in part: Int) -> Int64 { life(in: part, upTo: end) }

  private func life(in part: Int, upTo time: Timestamp) -> Int64 {
    max(
      0,
      min(scale.offset(of: part + 1), time - scale.start)
        - max(scale.offset(of: part), start - scale.start))
  }
}

/// Finds the number that has more weight than all others together, where there is one, without keeping
/// any but the candidate: the majority vote of Boyer and Moore.
struct Vote {
  private(set) var number: UInt32 = 0
  private var weight: Int64 = 0

  @inline(__always)
  mutating func add(_ number: UInt32, weight other: Int64) {
    if number == self.number {
      weight &+= other
    } else if weight >= other {
      weight &-= other
    } else {
      weight = other &- weight
      self.number = number
    }
  }
}
