internal import TraceModel

/// The depth of one thing over time, from its values after each change.
struct DepthAccumulator {
  private var distribution = Distribution()
  private var value: Int64?
  private var since = Timestamp.zero
  private var weighted = 0.0
  private var duration = 0.0
  private var greatest: Int64 = 0

  /// Whether any value was seen.
  var isEmpty: Bool { value == nil }

  /// The depth is `value` from `time` on.
  mutating func change(to value: Int64, at time: Timestamp) {
    settle(at: time)
    self.value = value
    greatest = max(greatest, value)
  }

  /// The summary up to `end`.
  func summary(end: Timestamp) -> DepthSummary {
    var whole = self
    whole.settle(at: end)
    return DepthSummary(
      mean: whole.duration > 0 ? whole.weighted / whole.duration : Double(value ?? 0),
      max: greatest, p99: whole.distribution.percentile(99))
  }

  private mutating func settle(at time: Timestamp) {
    defer { since = max(since, time) }
    guard let value else { return }
    let lasted = max(0, time - since)
    distribution.add(value, weight: lasted)
    weighted += Double(value) * Double(lasted)
    duration += Double(lasted)
  }
}
