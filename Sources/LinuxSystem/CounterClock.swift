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
  private let multiplier: UInt64

  /// A calibration under way: the longer it lasts, the more exact.
  public struct Calibration {
    let counter: UInt64
    let time: UInt64

    /// Begins.
    public init() { (counter, time) = CounterClock.samplePair() }
  }

  /// The machine's clock, with the start of the recording at this moment.
  ///
  /// Without the kernel's own rate this waits until the calibration has lasted 5 ms, which leaves an
  /// error of about ten in a million: the same for every stamp of the recording, so that its parts
  /// fit together all the same.
  public init(calibration: Calibration) {
    guard CounterClock.counterIsClockSource else {
      usesCounter = false
      multiplier = 1 << 32
      origin = clinux_monotonic()
      return
    }
    usesCounter = true
    var scale = clinux_counter_scale()
    if clinux_read_counter_scale(&scale) == 0, scale.shift <= 32 {
      multiplier = UInt64(scale.multiplier) << (32 - UInt64(scale.shift))
    } else {
      var pair = CounterClock.samplePair()
      while pair.time - calibration.time < 5_000_000 { pair = CounterClock.samplePair() }
      let product = (pair.time - calibration.time).multipliedFullWidth(by: 1 << 32)
      let ticks = max(pair.counter &- calibration.counter, 1)
      // A counter slower than 1 Hz would overflow: no such machine, and no trap on it either.
      multiplier = product.high < ticks ? ticks.dividingFullWidth(product).quotient : 1 << 32
    }
    origin = clinux_counter()
  }

  /// Makes the recording begin now.
  public mutating func restart() { origin = stamp() }

  /// The present moment as targets stamp it.
  public func stamp() -> UInt64 { usesCounter ? clinux_counter() : clinux_monotonic() }

  /// Nanoseconds since the recording began; negative before. Any stamp has an answer.
  @inline(__always)
  public func nanoseconds(_ stamp: UInt64) -> Int64 {
    let ticks = Int64(bitPattern: stamp &- origin)
    return ticks < 0 ? -span(ticks.magnitude) : span(ticks.magnitude)
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
    return name == "tsc\n" || name == "arch_sys_counter\n"
  }

  /// Both clocks at one moment: of many tries the one that was interrupted least.
  private static func samplePair() -> (counter: UInt64, time: UInt64) {
    var best = (counter: UInt64(0), time: UInt64(0))
    var leastSpan = UInt64.max
    for _ in 0..<64 {
      let before = clinux_counter()
      let time = clinux_monotonic_raw()
      let span = clinux_counter() &- before
      if span < leastSpan {
        leastSpan = span
        best = (before &+ span / 2, time)
      }
    }
    return best
  }
}
