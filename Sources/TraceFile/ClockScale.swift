/// How the clock counts that a recording is stamped with.
///
/// Events are stored in the units of that clock, and in nanoseconds only where they are read: so a
/// file has every digit that the clock had, and none that a conversion made up.
public struct ClockScale: Hashable, Sendable {
  /// Nanoseconds per unit, as a fraction of 2^32.
  public var multiplier: UInt64
  /// Units that the clock goes on by at a time, at least 1: a counter may count in steps.
  public var step: Int64

  /// Makes a scale.
  public init(multiplier: UInt64, step: Int64 = 1) {
    self.multiplier = multiplier
    self.step = max(step, 1)
  }

  /// A clock that counts nanoseconds.
  public static let nanoseconds = ClockScale(multiplier: 1 << 32)

  /// Units as nanoseconds, whatever they are.
  @inline(__always)
  func nanoseconds(_ units: Int64) -> Int64 {
    let product = units.magnitude.multipliedFullWidth(by: multiplier)
    let magnitude =
      product.high >> 31 == 0
      ? Int64(truncatingIfNeeded: product.high << 32 | product.low >> 32) : .max
    return units < 0 ? -magnitude : magnitude
  }

  /// A span as a number for a column: what most spans are a multiple of is taken out, and the lowest
  /// bit says whether it was.
  @inline(__always)
  func number(_ span: Int64) -> UInt64 {
    let (quotient, rest) = span.quotientAndRemainder(dividingBy: step)
    return zigzag(rest == 0 ? quotient << 1 : span << 1 | 1)
  }

  /// Undoes ``number(_:)``; numbers that it never makes give some span.
  @inline(__always)
  func span(_ number: UInt64) -> Int64 {
    let signed = unzigzag(number)
    return signed & 1 == 0 ? (signed >> 1) &* step : signed >> 1
  }
}
