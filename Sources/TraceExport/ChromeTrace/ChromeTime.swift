internal import TraceModel

/// Times as Perfetto reads them without an error: nanoseconds since the trace began, never negative.
///
/// It reads decimals as floating-point numbers, which are exact to the nanosecond for some weeks, and
/// whole microseconds as integers. Times beyond ``exact`` are therefore whole microseconds. Rounding
/// keeps their order, so that slices that nest still do.
enum ChromeTime {
  /// From here on times are whole microseconds: 23 days.
  static let exact: Int64 = 2_000_000_000_000_000

  static func drawn(_ time: Timestamp) -> Int64 {
    let time = max(time.nanoseconds, 0)
    return time < exact ? time : time - time % 1000
  }
}

extension ByteBuffer {
  /// Appends a drawn time, or the length between two: as exact as ``ChromeTime`` says.
  mutating func append(drawn time: Int64) {
    if time < ChromeTime.exact { append(microseconds: time) } else { append(time / 1000) }
  }
}
