/// How values of one kind are distributed.
///
/// The first values are kept as they are; when there are more, they are counted in buckets, so that
/// a lock that is waited for a few times costs little memory and one that is waited for millions of
/// times no more than its buckets. Those are as in an HdrHistogram with two significant digits: no
/// wider than a 128th of the values in them.
struct Distribution {
  private static let mostKept = 48
  /// Below this each value has a bucket of its own.
  private static let exactValues: Int64 = 256
  /// From there on as many for each power of two.
  private static let bucketsPerPower = 128

  private(set) var count: UInt64 = 0
  private(set) var total: Int64 = 0
  private(set) var greatest: Int64 = 0
  private var kept: [Int64] = []
  private var buckets: [UInt64] = []

  /// Adds a value of at least 0.
  @inline(__always)
  mutating func add(_ value: Int64) {
    count &+= 1
    total = sum(total, value)
    greatest = max(greatest, value)
    if !buckets.isEmpty {
      record(value, count: 1)
    } else {
      keep(value)
    }
  }

  /// Adds so many values of which the sum and the greatest are known, as if they were alike.
  mutating func add(count: UInt64, total: Int64, greatest: Int64) {
    guard count > 0 else { return }
    beginBuckets()
    record(Int64(clamping: UInt64(max(total, 0)) / count), count: count)
    self.count = self.count &+ count
    self.total = sum(self.total, total)
    self.greatest = max(self.greatest, greatest)
  }

  /// Adds a value that counts as often as `weight` says.
  mutating func add(_ value: Int64, weight: Int64) {
    guard weight > 0 else { return }
    beginBuckets()
    record(value, count: UInt64(weight))
    count = count &+ UInt64(weight)
    greatest = max(greatest, value)
  }

  /// The value that so many of 100 are not greater than; never more than the greatest.
  func percentile(_ percentile: Double) -> Int64 {
    guard !buckets.isEmpty else {
      guard !kept.isEmpty else { return 0 }
      let rank = (percentile / 100 * Double(kept.count)).rounded(.up)
      return kept.sorted()[max(0, min(Int(rank) - 1, kept.count - 1))]
    }
    let all = buckets.reduce(0.0) { $0 + Double($1) }
    // A rank that is whole but for rounding must not become the next one.
    let rank = max((percentile.nextDown / 100 * all).rounded(.up), 1)
    var counted = 0.0
    for (bucket, count) in buckets.enumerated() {
      counted += Double(count)
      if counted >= rank { return min(Distribution.greatestValue(in: bucket), greatest) }
    }
    return greatest
  }

  /// The summary of times.
  var summary: TimeSummary {
    TimeSummary(total: total, max: greatest, p50: percentile(50), p99: percentile(99))
  }

  // MARK: Buckets

  private mutating func keep(_ value: Int64) {
    kept.append(value)
    if kept.count > Distribution.mostKept { beginBuckets() }
  }

  private mutating func beginBuckets() {
    guard buckets.isEmpty else { return }
    buckets = Array(repeating: 0, count: Int(Distribution.exactValues))
    for value in kept { record(value, count: 1) }
    kept = []
  }

  @inline(__always)
  private mutating func record(_ value: Int64, count: UInt64) {
    let bucket = Distribution.bucket(of: max(value, 0))
    if bucket >= buckets.count {
      let power = Distribution.bucketsPerPower
      let size = (bucket / power + 1) * power
      buckets.append(contentsOf: repeatElement(0, count: size - buckets.count))
    }
    buckets[bucket] &+= count
  }

  /// Of values beyond the exact ones, eight bits are looked at, of which the first is set.
  @inline(__always)
  private static func bucket(of value: Int64) -> Int {
    guard value >= exactValues else { return Int(value) }
    let shift = 56 - value.leadingZeroBitCount
    return shift * bucketsPerPower + Int(value >> Int64(shift))
  }

  private static func greatestValue(in bucket: Int) -> Int64 {
    guard Int64(bucket) >= exactValues else { return Int64(bucket) }
    let shift = Int64(bucket / bucketsPerPower - 1)
    let first = Int64(bucket % bucketsPerPower + bucketsPerPower) << shift
    return first + ((1 << shift) - 1)
  }

  @inline(__always)
  private func sum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
