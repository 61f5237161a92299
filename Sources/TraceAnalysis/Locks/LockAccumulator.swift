internal import TraceModel

/// What is known of one lock so far.
///
/// Blame follows the edges of waits and holds: a release charges its place with the time that others
/// waited while the lock was held, for each waiter that part of the wait that lies within the hold
/// and has not been charged to an earlier one. So waits are charged once, however many waiters and
/// holds overlap, and nothing is kept but the waits that go on.
struct LockAccumulator {
  /// A wait that has not ended.
  struct Waiter {
    var thread: ThreadID
    /// From here on it is not charged to any holder yet.
    var unchargedFrom: Timestamp
    /// Why it has taken so long up to there.
    var split = WaitSplit()
  }

  /// A part of a wait that ended, without the lock, before the hold did that it was for.
  private struct Departed {
    var start: Timestamp
    var end: Timestamp
  }

  /// Waits that can end without the lock before its holder releases it, at most so many are kept.
  private static let mostDeparted = 64

  private(set) var waits = Distribution()
  /// Holds that others waited for.
  private(set) var holds = Distribution()
  private(set) var waitersByStack = StackTotals()
  private(set) var holdersByStack = StackTotals()
  /// Holds that were measured one by one, and nanoseconds of them.
  private(set) var measuredHolds: (count: UInt64, time: Int64) = (0, 0)
  /// Where the rest is kept, once it is waited for.
  var contended = -1
  /// Where its holds by tasks are kept, once there are any.
  var taskHolds: Int32 = -1
  private var waiting: [Waiter] = []
  private var departed: [Departed] = []

  /// A thread begins to wait.
  mutating func begin(_ event: Event) {
    waiting.append(Waiter(thread: event.thread, unchargedFrom: event.time))
  }

  /// Whether threads wait for it.
  var isWaitedFor: Bool { !waiting.isEmpty }

  /// A wait ends; returns what is known of it.
  mutating func end(_ event: Event) -> Waiter? {
    waits.add(event.duration)
    waitersByStack.add(event.stack, time: event.duration)
    guard let place = waiting.firstIndex(where: { $0.thread == event.thread }) else { return nil }
    let waiter = waiting[place]
    waiting[place] = waiting[waiting.count - 1]
    waiting.removeLast()
    if event.outcome != .acquired, departed.count < LockAccumulator.mostDeparted {
      departed.append(Departed(start: waiter.unchargedFrom, end: event.time))
    }
    return waiter
  }

  /// A task has waited.
  mutating func addTaskWait(_ event: Event) {
    waits.add(event.duration)
    waitersByStack.add(event.stack, time: event.duration)
  }

  /// A task has released what others waited for; what they waited is told by ``TaskHolds``.
  mutating func addTaskRelease(_ event: Event) {
    if event.isDurationKnown { holds.add(event.duration) }
  }

  /// How many wait.
  var waiterCount: Int { waiting.count }

  /// From when on a hold that ends is to be charged with what one waited; nil where it is not.
  func chargedFrom(_ waiter: Int, by release: Event) -> Timestamp? {
    let from = max(holdStart(release), waiting[waiter].unchargedFrom)
    return release.time > from ? from : nil
  }

  /// What a holder did while one waited, to be added before its ``release(_:)``.
  mutating func add(holder times: StateTimes, of whole: Int64, to waiter: Int) {
    waiting[waiter].split.add(holder: times, of: whole)
  }

  /// For how long one has waited of those that a hold which ends has kept waiting longest; to be asked
  /// before its ``release(_:)``.
  func longestWaited(by release: Event) -> Int64 {
    var longest: Int64 = 0
    for waiter in waiting.indices {
      guard let from = chargedFrom(waiter, by: release) else { continue }
      longest = max(longest, release.time - from)
    }
    return longest
  }

  /// Of a hold whose acquire was not seen: long ago. Every release while others wait is told, so that
  /// whoever releases the lock had it since the one before.
  private func holdStart(_ release: Event) -> Timestamp {
    release.isDurationKnown ? release.start : Timestamp(nanoseconds: .min / 2)
  }

  /// A hold ends that others waited for, or that looked as if they did: a lock that was handed over
  /// keeps the mark of having waiters for one more hold. Returns what it is charged with.
  @discardableResult
  mutating func release(_ event: Event) -> Int64 {
    measuredHolds.count += 1
    measuredHolds.time &+= event.duration
    guard !waiting.isEmpty || !departed.isEmpty else { return 0 }
    if event.isDurationKnown { holds.add(event.duration) }
    let start = holdStart(event)
    var blame: Int64 = 0
    for index in waiting.indices {
      let from = max(start, waiting[index].unchargedFrom)
      if event.time > from {
        blame &+= event.time - from
        // Before the hold began nobody is known to have had the lock.
        waiting[index].split.other &+= max(0, from - waiting[index].unchargedFrom)
      }
      waiting[index].unchargedFrom = max(waiting[index].unchargedFrom, event.time)
    }
    for wait in departed { blame &+= max(0, min(event.time, wait.end) - max(start, wait.start)) }
    departed.removeAll(keepingCapacity: true)
    blame = max(0, blame)
    holdersByStack.add(event.stack, time: blame)
    return blame
  }
}

/// Counts and times by stack.
struct StackTotals {
  struct Total {
    var stack: StackID
    var count: UInt64 = 0
    var time: Int64 = 0
  }

  private(set) var totals: [Total] = []
  private var places = Places<StackID>()

  /// Adds those of another.
  mutating func add(_ others: StackTotals) {
    for other in others.totals {
      let place = places.place(of: other.stack)
      if place == totals.count { totals.append(Total(stack: other.stack)) }
      totals[place].count &+= other.count
      let (sum, overflow) = totals[place].time.addingReportingOverflow(other.time)
      totals[place].time = overflow ? .max : sum
    }
  }

  /// Adds one occurrence.
  @inline(__always)
  mutating func add(_ stack: StackID, time: Int64) {
    let place = places.place(of: stack)
    if place == totals.count { totals.append(Total(stack: stack)) }
    totals[place].count += 1
    let (sum, overflow) = totals[place].time.addingReportingOverflow(time)
    totals[place].time = overflow ? .max : sum
  }

  /// Those with most time first.
  var sorted: [Total] {
    totals.sorted { ($1.time, $1.count, $0.stack) < ($0.time, $0.count, $1.stack) }
  }
}
