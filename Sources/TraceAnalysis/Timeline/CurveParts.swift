internal import TraceModel

/// A number over time, such as the depth of a queue, in equal parts: its mean and its greatest in each.
struct CurveParts {
  private let scale: TimeParts
  /// Number times nanoseconds.
  private var weighted: [Double]
  /// The greatest; nil before there was a number.
  private var greatest: [Int64?]

  init(_ scale: TimeParts) {
    self.scale = scale
    weighted = Array(repeating: 0, count: scale.count)
    greatest = Array(repeating: nil, count: scale.count)
  }

  /// The number was `value` for some time.
  mutating func add(_ value: Int64, from: Timestamp, to: Timestamp) {
    scale.forEach(from: from, to: to) { part, span in
      weighted[part] += Double(value) * Double(span)
      greatest[part] = max(greatest[part] ?? value, value)
    }
  }

  /// The mean of each part.
  var means: [Double] {
    weighted.enumerated().map { part, sum in
      sum / Double(max(scale.offset(of: part + 1) - scale.offset(of: part), 1))
    }
  }

  /// The greatest number of each part; 0 where there was none.
  var maxima: [Int64] { greatest.map { $0 ?? 0 } }
}

/// How many threads wait for a lock, over time.
struct WaiterCurve {
  private(set) var parts: CurveParts
  private var count: Int64 = 0
  private var since = Timestamp.zero

  init(_ scale: TimeParts) { parts = CurveParts(scale) }

  /// So many wait from a moment on.
  mutating func change(to count: Int, at time: Timestamp) {
    if self.count > 0 { parts.add(self.count, from: since, to: time) }
    self.count = Int64(count)
    since = time
  }
}
