internal import Histogram
internal import TraceModel

/// How values of one kind are distributed.
///
/// The first values are kept as they are; when there are more, an HdrHistogram with two significant
/// digits takes over, so that a lock that is waited for a few times costs little memory and one that
/// is waited for millions of times no more than a histogram's.
struct Distribution {
  private static let mostKept = 48
  /// More values than these are not counted: a histogram's own sums are to stay numbers.
  private static let mostCounted = UInt64(Int64.max)

  private(set) var count: UInt64 = 0
  private(set) var total: Int64 = 0
  private(set) var greatest: Int64 = 0
  private var kept: [Int64] = []
  private var histogram: SharedHistogram?

  /// A histogram that is recorded to where it lies. As a part of a value it would be copied with each
  /// number that is added, which costs more than reading the event that the number is of.
  private final class SharedHistogram {
    var histogram: Histogram<UInt64>
    /// How many values have so many bits.
    var sizes: [UInt64]
    init(_ histogram: Histogram<UInt64>, _ sizes: [UInt64]) {
      self.histogram = histogram
      self.sizes = sizes
    }
  }

  /// Adds a value of at least 0.
  mutating func add(_ value: Int64) {
    total = total.saturatingAdd(value)
    greatest = max(greatest, value)
    if histogram != nil {
      record(value, count: 1)
    } else {
      count += 1
      kept.append(value)
      if kept.count > Distribution.mostKept { beginHistogram() }
    }
  }

  /// Adds so many values of which the sum and the greatest are known, as if they were alike.
  mutating func add(count: UInt64, total: Int64, greatest: Int64) {
    guard count > 0 else { return }
    if histogram == nil { beginHistogram() }
    record(Int64(clamping: UInt64(max(total, 0)) / count), count: count)
    self.total = self.total.saturatingAdd(total)
    self.greatest = max(self.greatest, greatest)
  }

  /// Adds a value that counts as often as `weight` says.
  mutating func add(_ value: Int64, weight: Int64) {
    guard weight > 0 else { return }
    if histogram == nil { beginHistogram() }
    record(value, count: UInt64(weight))
    greatest = max(greatest, value)
  }

  /// The value that so many of 100 are not greater than; never more than the greatest.
  func percentile(_ percentile: Double) -> Int64 {
    if let histogram {
      return min(Int64(clamping: histogram.histogram.valueAtPercentile(percentile)), greatest)
    }
    guard !kept.isEmpty else { return 0 }
    let rank = (percentile / 100 * Double(kept.count)).rounded(.up)
    return kept.sorted()[max(0, min(Int(rank) - 1, kept.count - 1))]
  }

  /// The summary of times.
  var summary: TimeSummary {
    TimeSummary(total: total, max: greatest, p50: percentile(50), p99: percentile(99))
  }

  /// How many there are of each size, in steps of two.
  var buckets: [SizeSummary] {
    var sizes = histogram?.sizes ?? Distribution.noSizes
    for value in kept { sizes[Distribution.bits(value)] += 1 }
    return sizes.indices.filter { sizes[$0] > 0 }.map { bits in
      SizeSummary(belowNs: bits < 63 ? 1 << Int64(bits) : .max, count: sizes[bits])
    }
  }

  private static let noSizes = [UInt64](repeating: 0, count: 64)

  @inline(__always)
  private static func bits(_ value: Int64) -> Int { 64 - max(value, 1).leadingZeroBitCount }

  private mutating func beginHistogram() {
    var histogram = Histogram<UInt64>(
      highestTrackableValue: 1 << 16, numberOfSignificantValueDigits: .two)
    histogram.autoResize = true
    var sizes = Distribution.noSizes
    for value in kept {
      histogram.record(UInt64(max(value, 0)))
      sizes[Distribution.bits(value)] += 1
    }
    kept = []
    self.histogram = SharedHistogram(histogram, sizes)
  }

  @inline(__always)
  private mutating func record(_ value: Int64, count: UInt64) {
    // A copy of this distribution goes its own way.
    if !isKnownUniquelyReferenced(&histogram), let shared = histogram {
      histogram = SharedHistogram(shared.histogram, shared.sizes)
    }
    let count = min(count, Distribution.mostCounted - self.count)
    self.count += count
    histogram?.histogram.record(UInt64(max(value, 0)), count: count)
    histogram?.sizes[Distribution.bits(value)] += count
  }
}
