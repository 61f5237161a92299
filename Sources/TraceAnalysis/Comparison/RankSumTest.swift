internal import RealModule

/// The Mann-Whitney U test, also called Wilcoxon's rank-sum test: whether values of one sample tend to be
/// greater than those of another, whatever their distribution.
///
/// H. B. Mann and D. R. Whitney, "On a Test of Whether One of Two Random Variables Is Stochastically Larger
/// than the Other", 1947. Equal values share the mean of their ranks. Up to ``mostExact`` values in all the
/// probability is exact, counted over all ways to deal the values that there are out to both sides; beyond
/// that it is the normal approximation, corrected for ties and for continuity.
public struct RankSumTest {
  /// Up to so many values in both samples the probability is exact.
  static let mostExact = 40

  /// The probability of ranks like those of two samples, if it does not depend on the sample what a value is.
  public struct Outcome: Hashable, Sendable {
    /// That those of the first are at least as great as they are.
    public var greater: Double
    /// That they are at most as great.
    public var less: Double
  }

  /// Which ranks there are, and how many of them one sample has: what the ways to deal them out depend on.
  private struct Deal: Hashable {
    var ranks: [Int]
    var count: Int
  }

  /// The ways by sum, of what was counted already: samples of one size without equal values share them.
  private var counted: [Deal: [Double]] = [:]

  /// Makes a test, for many samples.
  public init() {}

  /// Tests two samples; both probabilities are 1 where one has no values.
  public mutating func compare(_ sample: [Double], with other: [Double]) -> Outcome {
    guard !sample.isEmpty, !other.isEmpty else { return Outcome(greater: 1, less: 1) }
    let ranks = RankSumTest.doubledRanks(sample + other)
    let sum = ranks.prefix(sample.count).reduce(0, +)
    return ranks.count <= RankSumTest.mostExact
      ? exact(ranks, choosing: sample.count, sum)
      : RankSumTest.approximate(ranks, choosing: sample.count, sum)
  }

  /// The least probability that samples of these sizes can give, with no two values equal.
  public static func leastProbability(_ one: Int, _ other: Int) -> Double {
    guard one > 0, other > 0 else { return 1 }
    // One in the number of ways to choose the places of one side.
    return (1...one).reduce(1) { $0 * Double($1) / Double(other + $1) }
  }

  /// Twice the rank of each value, which is whole though equal values share the mean of theirs.
  static func doubledRanks(_ values: [Double]) -> [Int] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Int](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      // Ranks start + 1 to end.
      for place in order[start..<end] { ranks[place] = start + 1 + end }
      start = end
    }
    return ranks
  }

  mutating func exact(_ ranks: [Int], choosing count: Int, _ sum: Int) -> Outcome {
    let deal = Deal(ranks: ranks.sorted(), count: count)
    let sums = counted[deal] ?? RankSumTest.waysBySum(deal.ranks, choosing: count)
    counted[deal] = sums
    let all = sums.reduce(0, +)
    return Outcome(
      greater: sums[sum...].reduce(0, +) / all, less: sums[...sum].reduce(0, +) / all)
  }

  /// Counts the ways to choose so many of the ranks, by their sum.
  private static func waysBySum(_ ranks: [Int], choosing count: Int) -> [Double] {
    let size = ranks.reduce(0, +) + 1
    // By how many are chosen, and within that by their sum.
    var ways = [Double](repeating: 0, count: (count + 1) * size)
    ways[0] = 1
    for (seen, rank) in ranks.enumerated() {
      for chosen in stride(from: min(seen + 1, count), through: 1, by: -1) {
        for total in stride(from: size - 1, through: rank, by: -1) {
          ways[chosen * size + total] += ways[(chosen - 1) * size + total - rank]
        }
      }
    }
    return Array(ways[(count * size)...])
  }

  static func approximate(_ ranks: [Int], choosing count: Int, _ sum: Int) -> Outcome {
    let n = Double(ranks.count)
    let (one, other) = (Double(count), n - Double(count))
    let u = Double(sum) / 2 - one * (one + 1) / 2
    var ties = 0.0
    for (_, alike) in Dictionary(grouping: ranks, by: \.self) {
      let t = Double(alike.count)
      ties += t * t * t - t
    }
    let variance = one * other / 12 * (n + 1 - ties / (n * (n - 1)))
    guard variance > 0 else { return Outcome(greater: 1, less: 1) }
    func tail(_ distance: Double) -> Double {
      0.5 * .erfc((distance - 0.5) / (2 * variance).squareRoot())
    }
    let distance = u - one * other / 2
    return Outcome(greater: tail(distance), less: tail(-distance))
  }
}

/// Holm's correction: with many tests at once, the chance that any of them is wrong stays what it would be
/// with one.
///
/// S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
public enum HolmCorrection {
  /// The corrected probabilities, in the same order.
  public static func adjust(_ probabilities: [Double]) -> [Double] {
    let order = probabilities.indices.sorted { probabilities[$0] < probabilities[$1] }
    var adjusted = probabilities
    var greatest = 0.0
    for (rank, place) in order.enumerated() {
      greatest = max(greatest, min(1, probabilities[place] * Double(order.count - rank)))
      adjusted[place] = greatest
    }
    return adjusted
  }
}

/// The middle of some values; of an even number the mean of the two in the middle; nil of none.
public func median(_ values: [Double]) -> Double? {
  guard !values.isEmpty else { return nil }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
