internal import TraceModel

/// Why a wait for a lock took as long as it did, in nanoseconds. The parts sum to the wait.
struct WaitSplit {
  /// Its holder was on a CPU.
  var holderRunning: Int64 = 0
  /// Its holder could have run, but had no CPU.
  var holderPreempted: Int64 = 0
  /// Its holder waited for another lock.
  var holderInLockWait: Int64 = 0
  /// Its holder waited for a condition, a semaphore or a barrier.
  var holderInQueueWait: Int64 = 0
  /// Its holder slept, or waited for input or output or for a process.
  var holderSleeping: Int64 = 0
  /// The lock was released, and the waiter had no CPU.
  var runQueue: Int64 = 0
  /// Nobody is known to have held the lock: the way from the release to the wakeup, holders that
  /// nothing told of.
  var other: Int64 = 0

  /// Adds a time in which the holder did this, as far as that is known.
  mutating func add(holder times: StateTimes, of whole: Int64) {
    var rest = max(whole, 0)
    func part(_ time: Int64) -> Int64 {
      let part = min(max(time, 0), rest)
      rest -= part
      return part
    }
    holderRunning &+= part(times[.running])
    holderPreempted &+= part(times[.runnable])
    holderInLockWait &+= part(times[.lockWait])
    holderInQueueWait &+= part(times[.queueWait])
    holderSleeping &+= part(times[.sleeping] &+ times[.disk])
    other &+= rest
  }

  /// Adds what was left of a wait when nobody held the lock any more.
  mutating func add(waiter times: StateTimes, of whole: Int64) {
    let runnable = min(max(times[.runnable], 0), whole)
    runQueue &+= runnable
    other &+= whole - runnable
  }

  mutating func add(_ split: WaitSplit) {
    holderRunning &+= split.holderRunning
    holderPreempted &+= split.holderPreempted
    holderInLockWait &+= split.holderInLockWait
    holderInQueueWait &+= split.holderInQueueWait
    holderSleeping &+= split.holderSleeping
    runQueue &+= split.runQueue
    other &+= split.other
  }
}

/// What is known of a lock that was waited for, beyond counts and times.
struct ContendedLock {
  /// A release, post or signal while others waited, and what led to it.
  struct Wake {
    var thread: Int
    var time: Timestamp
    var path: PathState
  }

  /// Why its waits took as long as they did, over all that could be told.
  var split = WaitSplit()
  /// Waits that could be told.
  var splitWaits: UInt64 = 0
  /// What its holders waited for themselves while others waited for them.
  var blockers = TimesByNumber()
  /// Who held it while others waited.
  var holders = TimesByNumber()
  /// The last wakeup of a waiter.
  var wake: Wake?
  /// How it went from one thread to the next.
  var handovers = Handovers()
  /// Of a reader/writer lock.
  var writers = WriterWaits()
  /// Of a condition.
  var wakes = ConditionWakes()
}

/// Nanoseconds by number of a lock or of a thread.
struct TimesByNumber {
  struct Total {
    var number: UInt32
    var time: Int64 = 0
    /// Waits that were longer because of it than because of any other, and the longest of them.
    var waits: UInt64 = 0
    var longest: Int64 = 0
  }

  private(set) var totals: [Total] = []
  private var places = Places<LockID>()

  mutating func add(_ number: UInt32, _ time: Int64) {
    totals[place(of: number)].time &+= time
  }

  /// A wait has ended that was longer because of this one than because of any other.
  mutating func add(wait duration: Int64, for number: UInt32) {
    let place = place(of: number)
    totals[place].waits += 1
    totals[place].longest = max(totals[place].longest, duration)
  }

  private mutating func place(of number: UInt32) -> Int {
    let place = places.place(of: LockID(rawValue: number))
    if place == totals.count { totals.append(Total(number: number)) }
    return place
  }

  /// Those with most time first.
  var sorted: [Total] {
    totals.sorted { ($1.time, $0.number) < ($0.time, $1.number) }
  }
}
