internal import TraceModel

/// How much is in a queue, from what went in and out.
struct QueueDepth {
  private var value: Int64 = 0
  private var isPutInto = false
  private var isTakenFrom = false
  /// Whether it is known from the start on what is in: more goes out than came in only where what came in
  /// was seen too late.
  private var startsKnown = false
  /// What it can hold at most; what is more is yet to go in.
  private var greatest = Int64.max
  /// More was taken at this moment than had been put in.
  private var owed: (count: Int64, time: Int64) = (0, 0)

  init() {}

  init(_ lock: Lock?) {
    guard let lock else { return }
    startsKnown = lock.kind.isKernelQueue
    if lock.kind.isBounded, lock.capacity > 0 { greatest = Int64(clamping: lock.capacity) }
  }

  /// What is in, as far as it can be.
  var shown: Int64 { min(max(value, 0), greatest) }

  /// So much more is in, or less.
  mutating func change(by difference: Int64, at time: Int64) {
    if difference > 0 { isPutInto = true } else { isTakenFrom = true }
    var difference = difference
    if !startsKnown {
      // Of what two threads did at the same moment the taking may be told before the putting.
      if owed.time != time { owed = (0, time) }
      let paid = min(max(difference, 0), owed.count)
      owed.count -= paid
      difference -= paid
    }
    let (sum, overflow) = value.addingReportingOverflow(difference)
    if overflow {
      value = .max
    } else if startsKnown || sum >= 0 {
      value = sum
    } else {
      let (count, isTooMuch) = owed.count.subtractingReportingOverflow(sum)
      owed.count = isTooMuch ? .max : count
      value = 0
    }
  }

  /// Something says what is in: the kernel, whose word counts while not both ends were seen, or the queue
  /// itself. Returns whether it counts.
  mutating func tell(_ value: Int64, byKernel: Bool) -> Bool {
    if byKernel, isPutInto, isTakenFrom { return false }
    self.value = value
    return true
  }
}
