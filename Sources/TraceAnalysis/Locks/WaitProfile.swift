public import TraceModel

/// Sums what threads waited by thread, lock and place, as profiles want it.
///
/// The sums of each lock are those of the report: waits by where they were waited, or by where the lock
/// was released that others waited for, which is charged as ``LockAccumulator`` says. Memory grows with
/// locks, threads and places, not with events.
public struct WaitProfile {
  /// Who is charged with a wait.
  public enum Side: String, CaseIterable, Sendable {
    /// The one who waited.
    case waiter
    /// The one who held what was waited for.
    case holder
  }

  private struct Place: Hashable {
    var lock: LockID
    var thread: ThreadID
    var stack: StackID
  }

  private let definitions: TraceDefinitions
  private let side: Side
  private let window: Range<Int64>
  private let isOfLocksOnly: Bool
  private let lockIndex: NumberIndex
  private let isCounted: [Bool]
  private var locks: [LockAccumulator]
  private var tasks: [LockID: TaskHolds] = [:]
  private var sums: [Place: (count: UInt64, time: Int64)] = [:]

  /// Prepares a profile.
  ///
  /// - Parameters:
  ///   - window: Nanoseconds since the recording began, of which a profile is made: waits count as far
  ///     as they lie within. What was counted only is known of the whole recording alone.
  ///   - isOfLocksOnly: Whether only lock contention counts, or all other waits too: for conditions,
  ///     queues, threads to end. These have nobody who holds them.
  public init(
    definitions: TraceDefinitions, by side: Side, in window: Range<Int64> = 0..<Int64.max,
    isOfLocksOnly: Bool = true
  ) {
    self.definitions = definitions
    self.side = side
    self.window = window
    self.isOfLocksOnly = isOfLocksOnly
    let lockIndex = NumberIndex(definitions.locks.keys.map(\.rawValue))
    self.lockIndex = lockIndex
    locks = Array(repeating: LockAccumulator(), count: lockIndex.numbers.count)
    isCounted = lockIndex.numbers.map {
      let kind = definitions.locks[LockID(rawValue: $0)]?.kind ?? .unknown
      return !isOfLocksOnly || kind.isContended
    }
  }

  /// Adds events, in the order of time over all calls.
  public mutating func add(_ events: Span<Event>) {
    for index in events.indices {
      let place = lockIndex.place(of: events[index].lock.rawValue)
      guard isCounted[place] else { continue }
      switch events[index].kind {
      case .wait where side == .waiter, .taskWait where side == .waiter:
        guard overlaps(events[index]) else { continue }
        add(events[index], time: clipped(events[index]).duration)
      case .waitBegin where side == .holder:
        locks[place].begin(clipped(events[index]))
      case .wait where side == .holder:
        _ = locks[place].end(clipped(events[index]))
      case .release where side == .holder:
        let event = clipped(events[index])
        let blame = locks[place].release(event)
        // Of a hold that nobody waited for there is nothing to say.
        if blame > 0, overlaps(events[index]) { add(event, time: blame) }
      case .taskWait where side == .holder:
        tasks[events[index].lock, default: TaskHolds()].wait(clipped(events[index]))
      case .taskRelease where side == .holder:
        tasks[events[index].lock, default: TaskHolds()].release(clipped(events[index]))
      default: continue
      }
    }
  }

  /// The sums, in an order that is always the same.
  public func samples() -> [WaitSample] {
    var samples = sums.map {
      WaitSample(
        lock: $0.key.lock, thread: $0.key.thread, stack: $0.key.stack, count: $0.value.count,
        time: $0.value.time)
    }
    for (lock, holds) in tasks {
      for total in holds.byStack.totals where total.time > 0 {
        samples.append(
          WaitSample(
            lock: lock, thread: .unknown, stack: total.stack, count: total.count, time: total.time))
      }
    }
    if side == .waiter, window == 0..<Int64.max { samples += unrecorded }
    return samples.sorted {
      ($1.time, $1.count, $0.lock, $0.thread, $0.stack)
        < ($0.time, $0.count, $1.lock, $1.thread, $1.stack)
    }
  }

  /// Waits that were not recorded one by one.
  private var unrecorded: [WaitSample] {
    definitions.usesByLock.values.compactMap { use in
      guard isCounted[lockIndex.place(of: use.lock.rawValue)], use.shortWaits | use.lostWaits != 0
      else { return nil }
      let time = Int64(clamping: use.shortWaitTime)
        .addingReportingOverflow(Int64(clamping: use.lostWaitTime))
      return WaitSample(
        lock: use.lock, thread: .unknown, stack: .unknown,
        count: use.shortWaits &+ use.lostWaits, time: time.overflow ? .max : time.partialValue)
    }
  }

  private mutating func add(_ event: Event, time: Int64) {
    let place = Place(lock: event.lock, thread: event.thread, stack: event.stack)
    var sum = sums[place] ?? (0, 0)
    sum.count += 1
    let (total, overflow) = sum.time.addingReportingOverflow(time)
    sum.time = overflow ? .max : total
    sums[place] = sum
  }

  private func overlaps(_ event: Event) -> Bool {
    event.time.nanoseconds >= window.lowerBound && event.start.nanoseconds < window.upperBound
  }

  /// The part of an event within the window; nothing of it is left of one that lies outside.
  private func clipped(_ event: Event) -> Event {
    guard window != 0..<Int64.max else { return event }
    func inside(_ time: Timestamp) -> Int64 {
      min(max(time.nanoseconds, window.lowerBound), window.upperBound)
    }
    var part = event
    part.time = Timestamp(nanoseconds: inside(event.time))
    part.duration = event.isDurationKnown ? inside(event.time) - inside(event.start) : 0
    return part
  }
}
