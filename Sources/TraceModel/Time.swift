/// A moment on the recording's only clock, in nanoseconds since the recording began.
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Nanoseconds since the recording began; negative for what began before it.
  public var nanoseconds: Int64

  /// Makes a moment from nanoseconds since the recording began.
  @inlinable
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The moment at which the recording began.
  public static var zero: Timestamp { Timestamp(nanoseconds: 0) }

  /// The order of time.
  @inlinable
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Nanoseconds from `right` to `left`, saturating instead of overflowing on hostile values.
  @inlinable
  public static func - (left: Timestamp, right: Timestamp) -> Int64 {
    let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
    guard overflow else { return difference }
    return left.nanoseconds < right.nanoseconds ? .min : .max
  }

  /// The moment `nanoseconds` before `left`, saturating instead of overflowing on hostile values.
  @inlinable
  public static func - (left: Timestamp, nanoseconds: Int64) -> Timestamp {
    let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(nanoseconds)
    return Timestamp(nanoseconds: overflow ? (nanoseconds > 0 ? .min : .max) : difference)
  }
}
