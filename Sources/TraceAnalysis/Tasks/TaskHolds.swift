internal import TraceModel

/// Holds of a lock that tasks share, and how long others waited during each.
///
/// That a task waited is known only when it is over, because thousands of one thread may wait at once.
/// So the holds that may yet be waited for are kept, in the order of time. Each of them is taken to begin
/// where the one before it ended at the earliest, which is also when a hold began whose acquire was not
/// seen: what was waited is charged once. A wait is charged to the hold that it began in in part, and to
/// all after it in whole: that is counted by differences, so that a wait costs the search for the first.
struct TaskHolds {
  private struct Hold {
    var start: Int64
    var end: Int64
    var stack: StackID
    /// How many more waits go on all through this hold than through the one before.
    var more: Int32
    /// Nanoseconds of waits that do not.
    var part: Int64
  }

  /// A wait that ended, without the lock, while a task held it that has not released it since.
  private struct Departed {
    var start: Int64
    var end: Int64
  }

  /// What was waited for longer than so many holds ago is not charged.
  private static let mostHolds = 1 << 13
  private static let mostDeparted = 64

  private var holds: [Hold] = []
  /// The first that is still kept, and how many waits go on all through the one before it.
  private var first = 0
  private var through: Int64 = 0
  /// Waits that go on all through the last hold, to be taken off again.
  private var throughLast: Int32 = 0
  private var departed: [Departed] = []
  private var lastEnd = Int64.min / 4
  private var retired = StackTotals()

  /// A task releases the lock.
  mutating func release(_ event: Event) {
    let end = max(lastEnd, TaskHolds.bounded(event.time))
    let start = max(lastEnd, event.isDurationKnown ? TaskHolds.bounded(event.start) : .min / 4)
    var part: Int64 = 0
    for wait in departed {
      part = part.saturatingAdd(max(0, min(end, wait.end) - max(start, wait.start)))
    }
    departed.removeAll(keepingCapacity: true)
    if holds.count - first >= TaskHolds.mostHolds { retireFirst() }
    holds.append(
      Hold(start: start, end: end, stack: event.stack, more: 0 &- throughLast, part: part))
    throughLast = 0
    lastEnd = end
  }

  /// A task has waited.
  mutating func wait(_ event: Event) {
    let start = TaskHolds.bounded(event.start)
    let place = firstHold(endingAfter: start)
    if place < holds.count {
      holds[place].part = holds[place].part.saturatingAdd(
        holds[place].end - max(holds[place].start, start))
      if place + 1 < holds.count {
        holds[place + 1].more &+= 1
        throughLast &+= 1
      }
    }
    // Whoever holds it now has held it since the last release.
    if event.outcome != .acquired, departed.count < TaskHolds.mostDeparted {
      departed.append(Departed(start: max(start, lastEnd), end: TaskHolds.bounded(event.time)))
    }
  }

  /// A moment of which differences are numbers, whatever a file says.
  private static func bounded(_ time: Timestamp) -> Int64 {
    min(max(time.nanoseconds, .min / 4), .max / 4)
  }

  /// What was waited, by where the lock was released.
  var byStack: StackTotals {
    var whole = self
    while whole.first < whole.holds.count { whole.retireFirst() }
    return whole.retired
  }

  private func firstHold(endingAfter time: Int64) -> Int {
    var (low, high) = (first, holds.count)
    // Most waits begin in one of the last few.
    while low < high {
      let middle = (low + high) / 2
      if holds[middle].end > time { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private mutating func retireFirst() {
    let hold = holds[first]
    through &+= Int64(hold.more)
    let whole = through.multipliedReportingOverflow(by: hold.end - hold.start)
    let blame = hold.part.saturatingAdd(whole.overflow ? .max : whole.partialValue)
    retired.add(hold.stack, time: max(0, blame))
    first += 1
    if first > 64, first * 2 > holds.count {
      holds.removeFirst(first)
      first = 0
    }
  }
}
