import TestSupport
import Testing

@testable import TraceAnalysis

@Suite struct RankSumTests {
  private func isClose(_ one: Double, _ other: Double, _ slack: Double = 1e-12) -> Bool {
    abs(one - other) <= slack * max(1, abs(other))
  }

  @Test func `All greater than all is one way in as many as there are`() {
    // 3 of 6 can be chosen in 20 ways, 10 of 20 in 184756.
    #expect(isClose(RankSumTest.probability(that: [4, 5, 6], exceed: [1, 2, 3]), 1.0 / 20))
    let low = (1...10).map(Double.init)
    #expect(
      isClose(RankSumTest.probability(that: low.map { $0 + 100 }, exceed: low), 1.0 / 184_756))
    #expect(isClose(RankSumTest.leastProbability(10, 10), 1.0 / 184_756))
    #expect(isClose(RankSumTest.leastProbability(5, 5), 1.0 / 252))
    #expect(isClose(RankSumTest.leastProbability(1, 3), 1.0 / 4))
  }

  @Test func `Alike on both sides means nothing`() {
    #expect(RankSumTest.probability(that: [7, 7, 7], exceed: [7, 7, 7]) == 1)
    #expect(RankSumTest.probability(that: [], exceed: [1]) == 1)
    #expect(RankSumTest.probability(that: [1], exceed: []) == 1)
  }

  /// Every way to choose, one after another.
  private func counted(_ greater: [Double], _ others: [Double]) -> Double {
    let all = greater + others
    func rank(_ value: Double) -> Double {
      let less = all.count { $0 < value }
      let alike = all.count { $0 == value }
      return Double(less) + Double(alike + 1) / 2
    }
    let ranks = all.map(rank)
    let observed = ranks.prefix(greater.count).reduce(0, +)
    var ways = 0
    var atLeast = 0
    for choice in 0..<(1 << all.count) where choice.nonzeroBitCount == greater.count {
      ways += 1
      let sum = ranks.indices.reduce(0.0) { $0 + (choice >> $1 & 1 == 1 ? ranks[$1] : 0) }
      if sum >= observed { atLeast += 1 }
    }
    return Double(atLeast) / Double(ways)
  }

  @Test func `It is what counting all ways says, ties too`() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<50 {
      let one = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        Double(Int.random(in: 0...6, using: &random))
      }
      let other = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        Double(Int.random(in: 0...6, using: &random))
      }
      let found = RankSumTest.probability(that: one, exceed: other)
      #expect(isClose(found, counted(one, other)), "\(one) \(other)")
    }
  }

  @Test func `Of many values the approximation agrees with the exact count`() {
    var random = SeededGenerator(seed: 8)
    // As many as are still counted, and each of them twice, with as much between the sides.
    let one = (0..<20).map { _ in Double.random(in: 0...10, using: &random) }
    let other = (0..<20).map { _ in Double.random(in: 0...8, using: &random) }
    let exact = RankSumTest.probability(that: one, exceed: other)
    let more = RankSumTest.probability(that: one + [other[0]], exceed: other + [one[0]])
    #expect(abs(exact - more) < 0.1)
    // 50 against 50, all greater: beyond any doubt.
    let low = (1...50).map(Double.init)
    #expect(RankSumTest.probability(that: low.map { $0 + 100 }, exceed: low) < 1e-15)
    // One side just behind the other at each step.
    let half = RankSumTest.probability(
      that: (0..<50).map { Double($0 * 2) }, exceed: (0..<50).map { Double($0 * 2 + 1) })
    #expect(half > 0.5 && half < 0.6)
  }

  @Test func `Values without a difference are found different as often as they may`() {
    var random = SeededGenerator(seed: 9)
    var found = 0
    for _ in 0..<2000 {
      let values = (0..<12).map { _ in Double.random(in: 0...1, using: &random) }
      if RankSumTest.probability(that: Array(values[..<6]), exceed: Array(values[6...])) < 0.05 {
        found += 1
      }
    }
    // 5 % of 2000, and what four standard deviations of that are.
    #expect(found > 40 && found < 140, "\(found)")
  }

  /// Worked by hand: 4 × 0.005, 3 × 0.01, then never less than the one before.
  @Test func `Holm's correction`() {
    let adjusted = HolmCorrection.adjust([0.01, 0.04, 0.03, 0.005])
    for (value, expected) in zip(adjusted, [0.03, 0.06, 0.06, 0.02]) {
      #expect(isClose(value, expected))
    }
    #expect(HolmCorrection.adjust([]).isEmpty)
    #expect(HolmCorrection.adjust([0.5, 0.9]) == [1, 1])
  }

  @Test func `The median of an even number is between the two in the middle`() {
    #expect(median([]) == nil)
    #expect(median([3, 1, 2]) == 2)
    #expect(median([4, 1, 2, 3]) == 2.5)
  }
}
