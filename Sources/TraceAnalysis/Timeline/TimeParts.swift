public import TraceModel

/// A span of time in equal parts, as a timeline shows it.
public struct TimeParts: Hashable, Sendable {
  /// A longer span is cut, so that no sum of its parts overflows: 146 years.
  private static let longest = Int64.max / 2

  /// When the first part begins; not before the recording.
  public let start: Timestamp
  /// Nanoseconds of all parts together.
  public let span: Int64
  /// Nanoseconds of each part; the last one may reach beyond the span.
  public let length: Int64
  /// How many parts there are; fewer than were asked for where they would be shorter than a nanosecond.
  public let count: Int

  /// The time from `start` to `end` in at most `count` parts.
  public init(from start: Timestamp, to end: Timestamp, count: Int) {
    self.start = max(start, .zero)
    span = min(max(end - self.start, 1), TimeParts.longest)
    let count = Int64(min(max(count, 1), 1 << 20))
    length = (span - 1) / count + 1
    self.count = Int((span - 1) / length) + 1
  }

  /// When a part begins, as nanoseconds from `start`.
  func offset(of part: Int) -> Int64 { min(Int64(part) * length, span) }

  /// The part that a moment lies in; the nearest for moments outside.
  func part(at time: Timestamp) -> Int {
    Int(min(max(time - start, 0), span - 1) / length)
  }

  /// Calls `body` with each part that the time from `from` to `to` touches, and with how many nanoseconds.
  @inline(__always)
  func forEach(from: Timestamp, to: Timestamp, _ body: (_ part: Int, _ span: Int64) -> Void) {
    var time = max(from - start, 0)
    let end = min(to - start, span)
    while time < end {
      let part = time / length
      let next = min(end, (part + 1) * length)
      body(Int(part), next - time)
      time = next
    }
  }
}
