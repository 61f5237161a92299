/// What a thread can be doing.
enum ThreadActivity: UInt8, CaseIterable {
  /// On a CPU.
  case running
  /// Ready to run, without a CPU.
  case runnable
  /// Off the CPU, waiting for a lock that another holds.
  case lockWait
  /// Off the CPU, waiting for a condition, a semaphore or a barrier.
  case queueWait
  /// Off the CPU for anything else: asleep, input and output, children.
  case sleeping
  /// Off the CPU in a wait that no signal ends, mostly for a disk.
  case disk
  /// The kernel did not say whether it ran, and the program not that it waited.
  case untold
}

/// Nanoseconds by what a thread was doing.
struct StateTimes: Hashable {
  private var times = InlineArray<7, Int64>(repeating: 0)

  @inline(__always)
  subscript(activity: ThreadActivity) -> Int64 {
    get { times[Int(activity.rawValue)] }
    set { times[Int(activity.rawValue)] = newValue }
  }

  /// All together.
  var total: Int64 { ThreadActivity.allCases.reduce(0) { $0 &+ self[$1] } }

  /// Everything off the CPU that is not just the lack of one.
  var blocked: Int64 {
    self[.lockWait] &+ self[.queueWait] &+ self[.sleeping] &+ self[.disk]
  }

  @inline(__always)
  static func + (left: StateTimes, right: StateTimes) -> StateTimes {
    var sum = left
    for index in sum.times.indices { sum.times[index] &+= right.times[index] }
    return sum
  }

  @inline(__always)
  static func - (left: StateTimes, right: StateTimes) -> StateTimes {
    var difference = left
    for index in difference.times.indices { difference.times[index] &-= right.times[index] }
    return difference
  }

  /// The part of it that `numerator / denominator` is; its total is that part of the total. No number is
  /// too large.
  func scaled(_ numerator: Int64, of denominator: Int64) -> StateTimes {
    guard numerator > 0, denominator > 0 else { return StateTimes() }
    func part(_ time: Int64) -> Int64 {
      Int64(clamping: Int128(time) * Int128(numerator) / Int128(denominator))
    }
    var most = 0
    for index in times.indices where times[index] > times[most] { most = index }
    var scaled = StateTimes()
    for index in times.indices where index != most && times[index] != 0 {
      scaled.times[index] = part(times[index])
    }
    // With what rounding left over; mostly, there is nothing else.
    let whole = total
    scaled.times[most] = (whole == denominator ? numerator : part(whole)) &- scaled.total
    return scaled
  }

  static func == (left: StateTimes, right: StateTimes) -> Bool {
    left.times.indices.allSatisfy { left.times[$0] == right.times[$0] }
  }

  func hash(into hasher: inout Hasher) {
    for index in times.indices { hasher.combine(times[index]) }
  }
}
