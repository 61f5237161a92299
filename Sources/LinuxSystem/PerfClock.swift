internal import CLinux
internal import Glibc

/// How the kernel stamps its records, and what that is on the recording's clock.
///
/// Where targets stamp with the CPU's counter, so does the kernel, in another unit. On machines where
/// its own conversion stands in the page of a perf event that is used, and is exact. Elsewhere, under
/// most hypervisors, records bear CLOCK_MONOTONIC_RAW, which runs as straight as the counter does: two
/// moments at which both were read give the line between them, and it gets more exact as the second
/// of them moves on. Where targets stamp with CLOCK_MONOTONIC, records do too.
public struct PerfClock: Sendable {
  private enum Conversion: Sendable {
    /// `(stamp - zero) << shift / multiplier` is the counter.
    case counter(zero: UInt64, multiplier: UInt64, shift: UInt64)
    /// A line through two moments of both clocks.
    case line(from: CounterClock.Moment, to: CounterClock.Moment)
    /// Both are the same clock.
    case same
  }

  private var conversion: Conversion

  /// The best for the clock that targets stamp with.
  public init(_ clock: CounterClock) {
    var scale = clinux_counter_scale()
    if !clock.usesCounter {
      conversion = .same
    } else if clinux_read_counter_scale(&scale) == 0, scale.shift <= 32 {
      conversion = .counter(
        zero: scale.zero, multiplier: UInt64(scale.multiplier), shift: UInt64(scale.shift))
    } else {
      let moment = CounterClock.moment()
      conversion = .line(from: moment, to: moment)
    }
  }

  /// What the kernel is to stamp with.
  var kernelClock: Int32 {
    switch conversion {
    case .counter: CLINUX_PERF_CLOCK
    case .line: CLOCK_MONOTONIC_RAW
    case .same: CLOCK_MONOTONIC
    }
  }

  /// Makes the conversion of what has been stamped up to now as exact as it can be.
  public mutating func advance() {
    guard case .line(let start, _) = conversion else { return }
    conversion = .line(from: start, to: CounterClock.moment())
  }

  /// A record's stamp as a target would have made it at that moment.
  public func stamp(_ time: UInt64) -> UInt64 {
    switch conversion {
    case .same: return time
    case .counter(let zero, let multiplier, let shift):
      let product = (time &- zero).multipliedFullWidth(by: 1 << shift)
      guard multiplier > 0, product.high < multiplier else { return 0 }
      return multiplier.dividingFullWidth(product).quotient
    case .line(let start, let end):
      let (span, ticks) = (end.time &- start.time, end.counter &- start.counter)
      let distance = Int64(bitPattern: time &- start.time)
      let product = distance.magnitude.multipliedFullWidth(by: ticks)
      guard span > 0, product.high < span else { return start.counter }
      let moved = span.dividingFullWidth(product).quotient
      return distance < 0 ? start.counter &- moved : start.counter &+ moved
    }
  }
}

extension PerfClock {
  /// A clock with a conversion as the kernel's page gives it, for machines that are not at hand.
  static func counter(zero: UInt64, multiplier: UInt64, shift: UInt64) -> PerfClock {
    PerfClock(conversion: .counter(zero: zero, multiplier: multiplier, shift: shift))
  }

  /// A clock with a line through two moments.
  static func line(from start: CounterClock.Moment, to end: CounterClock.Moment) -> PerfClock {
    PerfClock(conversion: .line(from: start, to: end))
  }

  private init(conversion: Conversion) { self.conversion = conversion }
}
