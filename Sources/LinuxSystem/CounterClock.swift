internal import CLinux

/// The conversion of a target's clock stamps to the recording's nanoseconds.
///
/// Targets stamp with the CPU's counter where that is a clock: constant, and the same on all CPUs,
/// which the kernel vouches for by using it as its own clock source. The rate is the kernel's own
/// where it publishes one (the page of a perf event), and otherwise measured against
/// CLOCK_MONOTONIC_RAW, which runs at the counter's rate without corrections. Elsewhere targets stamp
/// with CLOCK_MONOTONIC and nothing is converted.
public struct CounterClock: Sendable {
  /// Whether targets read the CPU's counter rather than call clock_gettime.
  public let usesCounter: Bool
  /// The stamp that is the recording's zero.
  public private(set) var origin: UInt64
  /// Nanoseconds per unit of the counter, as a fraction of 2^32.
  public let multiplier: UInt64
  /// Units by which the counter goes on at a time: some count slower than their rate, in steps.
  public let step: UInt64

  /// One moment as the counter and as CLOCK_MONOTONIC_RAW have it.
  struct Moment: Hashable, Sendable {
    var counter: UInt64
    var time: UInt64
  }

  /// A calibration under way: the longer it lasts, the more exact.
  public struct Calibration {
    let begin: Moment

    /// Begins.
    public init() { begin = CounterClock.moment() }
  }

  /// What targets are to stamp with.
  public enum Choice: String, CaseIterable, Sendable {
    /// The CPU's counter where it is a clock, and otherwise the system's.
    case auto
    /// The system's clock, CLOCK_MONOTONIC.
    case monotonic
  }

  /// The machine's clock, with the start of the recording at this moment.
  ///
  /// Without the kernel's own rate this waits until the calibration has lasted 5 ms, which leaves an
  /// error of about ten in a million: the same for every stamp of the recording, so that its parts
  /// fit together all the same.
  public init(calibration: Calibration, choice: Choice = .auto) {
    guard choice == .auto, CounterClock.counterIsClockSource else {
      usesCounter = false
      multiplier = 1 << 32
      step = 1
      origin = clinux_monotonic()
      return
    }
    usesCounter = true
    step = CounterClock.measuredStep()
    var scale = clinux_counter_scale()
    if clinux_read_counter_scale(&scale) == 0, scale.shift <= 32 {
      multiplier = UInt64(scale.multiplier) << (32 - UInt64(scale.shift))
    } else {
      let begin = calibration.begin
      var end = CounterClock.moment()
      while end.time - begin.time < 5_000_000 { end = CounterClock.moment() }
      let product = (end.time - begin.time).multipliedFullWidth(by: 1 << 32)
      let ticks = max(end.counter &- begin.counter, 1)
      // A counter slower than 1 Hz would overflow: no such machine, and no trap on it either.
      multiplier = product.high < ticks ? ticks.dividingFullWidth(product).quotient : 1 << 32
    }
    origin = clinux_counter()
  }

  /// Makes the recording begin now.
  public mutating func restart() { origin = stamp() }

  /// The present moment as targets stamp it.
  public func stamp() -> UInt64 { usesCounter ? clinux_counter() : clinux_monotonic() }

  /// Units of the targets' clock since the recording began; negative before.
  @inline(__always)
  public func units(_ stamp: UInt64) -> Int64 { Int64(bitPattern: stamp &- origin) }

  /// Nanoseconds since the recording began; negative before. Any stamp has an answer.
  @inline(__always)
  public func nanoseconds(_ stamp: UInt64) -> Int64 {
    let units = units(stamp)
    return units < 0 ? -span(units.magnitude) : span(units.magnitude)
  }

  /// A span of the targets' clock in nanoseconds.
  @inline(__always)
  public func span(_ ticks: UInt64) -> Int64 {
    let product = ticks.multipliedFullWidth(by: multiplier)
    let nanoseconds = product.high << 32 | product.low >> 32
    return product.high >> 31 == 0 ? Int64(bitPattern: nanoseconds) : .max
  }

  /// A span of nanoseconds in units of the targets' clock.
  public func ticks(nanoseconds: UInt64) -> UInt64 {
    let product = nanoseconds.multipliedFullWidth(by: 1 << 32)
    guard product.high < multiplier else { return .max }
    return multiplier.dividingFullWidth(product).quotient
  }

  private static var counterIsClockSource: Bool {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    let name = (try? readSmallFile(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return name == String(cString: clinux_counter_name()) + "\n"
  }

  /// The greatest number of units of which nearly all differences of readings are multiples.
  private static func measuredStep() -> UInt64 {
    var readings: [UInt64] = []
    var state: UInt64 = 1
    for _ in 0..<1024 {
      let reading = clinux_counter()
      readings.append(reading)
      // Readings that follow each other at once lie a whole loop apart, and that is not the step.
      for _ in 0...(state >> 60) { state = state &* 6_364_136_223_846_793_005 &+ (reading | 1) }
    }
    let differences = zip(readings.dropFirst(), readings).map { $0 &- $1 }.filter { $0 > 0 }
    var counts: [UInt64: Int] = [:]
    for (left, right) in zip(differences, differences.dropFirst()) {
      counts[greatestCommonDivisor(left, right), default: 0] += 1
    }
    // What pairs have in common beyond the step differs from pair to pair.
    let mostly = { (step: UInt64) in
      differences.count { $0.isMultiple(of: step) } * 10 >= differences.count * 9
    }
    return counts.keys.filter(mostly).max() ?? 1
  }

  private static func greatestCommonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (left, right) = (left, right)
    while right > 0 { (left, right) = (right, left % right) }
    return left
  }

  /// Both clocks at one moment: of many tries the one that was interrupted least.
  static func moment() -> Moment {
    var best = Moment(counter: 0, time: 0)
    var leastSpan = UInt64.max
    for _ in 0..<64 {
      let before = clinux_counter()
      let time = clinux_monotonic_raw()
      let span = clinux_counter() &- before
      if span < leastSpan {
        leastSpan = span
        best = Moment(counter: before &+ span / 2, time: time)
      }
    }
    return best
  }
}
