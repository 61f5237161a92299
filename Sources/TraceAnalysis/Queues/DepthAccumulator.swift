internal import TraceModel

/// The depth of one thing over time, from its changes.
struct DepthAccumulator {
  /// Parts that the recording is divided into for the timeline.
  static let timelineParts = 40

  private var distribution = Distribution()
  private var value: Int64?
  private var since = Timestamp.zero
  private var weighted = 0.0
  private var duration = 0.0
  private var greatest: Int64 = 0
  private var least: Int64 = 0
  private var emptyTime: Int64 = 0
  /// More was taken at this moment than had been put in.
  private var owed: (count: Int64, time: Timestamp) = (0, .zero)
  private var fullTime: Int64 = 0
  /// Depth times nanoseconds in each part of the recording.
  private var timeline: [Double] = []
  /// The same more finely, where that is wanted.
  var curve: CurveParts?
  private let capacity: Int64
  private let isBounded: Bool
  private let startsKnown: Bool
  private let origin: Timestamp
  private let partLength: Int64

  /// - Parameters:
  ///   - capacity: The depth at which it is full; 0 for none.
  ///   - isBounded: Whether it never is deeper than that: what is more is yet to go in.
  ///   - startsKnown: Whether it is told what was in before the recording began: when more goes out than
  ///     has come in, what came in was seen too late, or not at all.
  ///   - origin: Where the timeline begins.
  ///   - partLength: Nanoseconds of each part of the timeline.
  init(
    capacity: Int64, isBounded: Bool = false, startsKnown: Bool = false,
    origin: Timestamp = .zero, partLength: Int64
  ) {
    self.capacity = capacity
    self.isBounded = isBounded && capacity > 0
    self.startsKnown = startsKnown
    self.origin = origin
    self.partLength = max(partLength, 1)
  }

  /// Forgets what was, up to a moment, but not how deep it is.
  mutating func restart(at time: Timestamp) {
    settle(at: time)
    distribution = Distribution()
    (weighted, duration) = (0, 0)
    greatest = value.map(shown) ?? 0
    least = value ?? 0
    (emptyTime, fullTime) = (0, 0)
    timeline = []
  }

  /// Nanoseconds from the first value to the last change, and of these those in which it was empty, and
  /// full: without what follows its use.
  var used: (time: Int64, empty: Int64, full: Int64) {
    (Int64(clamping: Int128(duration)), emptyTime, fullTime)
  }

  /// Whether any value was seen.
  var isEmpty: Bool { value == nil }

  /// The depth is `value` from `time` on.
  mutating func change(to value: Int64, at time: Timestamp) {
    settle(at: time)
    greatest = max(greatest, shown(value))
    least = self.value == nil ? value : min(least, value)
    self.value = value
  }

  /// Of a number, what is in.
  private func shown(_ value: Int64) -> Int64 {
    let least = startsKnown ? max(value, 0) : value
    return isBounded ? min(least, capacity) : least
  }

  /// The depth is greater by `difference` from `time` on. It is never less than 0: what was in before
  /// the recording began may not be known. But of what two threads did at the same moment, the taking may be
  /// told before the putting.
  mutating func change(by difference: Int64, at time: Timestamp) {
    if startsKnown {
      return change(to: (value ?? 0).saturatingAdd(difference), at: time)
    }
    if owed.time != time { owed = (0, time) }
    let paid = min(max(difference, 0), owed.count)
    owed.count -= paid
    let (sum, overflow) = (value ?? 0).addingReportingOverflow(difference - paid)
    if sum < 0 {
      let (count, isTooMuch) = owed.count.subtractingReportingOverflow(sum)
      owed.count = isTooMuch ? .max : count
    }
    change(to: overflow ? .max : max(sum, 0), at: time)
  }

  /// The summary up to `end`.
  func summary(end: Timestamp) -> DepthSummary {
    var whole = self
    whole.settle(at: end)
    return DepthSummary(
      mean: whole.duration > 0 ? whole.weighted / whole.duration : Double(shown(value ?? 0)),
      max: greatest, p99: whole.distribution.percentile(99), emptyNs: whole.emptyTime,
      fullNs: capacity > 0 ? whole.fullTime : nil,
      timeline: whole.timeline.map { ($0 / Double(partLength) * 100).rounded() / 100 })
  }

  /// The values of a counter up to `end`.
  func counterSummary(name: String, end: Timestamp) -> CounterSummary {
    var whole = self
    whole.settle(at: end)
    return CounterSummary(
      name: name, last: value ?? 0, min: least, max: greatest,
      mean: whole.duration > 0 ? whole.weighted / whole.duration : Double(value ?? 0))
  }

  /// Its curve up to `end`.
  func curve(end: Timestamp) -> CurveParts? {
    var whole = self
    whole.settle(at: end)
    return whole.curve
  }

  private mutating func settle(at time: Timestamp) {
    defer { since = max(since, time) }
    guard let value = value.map(shown) else { return }
    let lasted = max(0, time - since)
    guard lasted > 0 else { return }
    distribution.add(max(value, 0), weight: lasted)
    weighted += Double(value) * Double(lasted)
    duration += Double(lasted)
    if value <= 0 { emptyTime = emptyTime.saturatingAdd(lasted) }
    if capacity > 0, value >= capacity { fullTime = fullTime.saturatingAdd(lasted) }
    if value != 0 { addToTimeline(value, from: since, to: time) }
    curve?.add(value, from: since, to: time)
  }

  private mutating func addToTimeline(_ value: Int64, from start: Timestamp, to end: Timestamp) {
    if timeline.isEmpty {
      timeline = Array(repeating: 0, count: DepthAccumulator.timelineParts)
    }
    let end = max(end - origin, 0)
    var time = min(max(start - origin, 0), end)
    while time < end {
      let part = Int(time / partLength)
      guard part < timeline.count else { return }
      // The last part of an absurd recording would end beyond all numbers.
      let (next, overflow) = Int64(part + 1).multipliedReportingOverflow(by: partLength)
      let last = overflow ? end : min(end, next)
      timeline[part] += Double(value) * Double(last - time)
      time = last
    }
  }
}
