import TestSupport
import Testing

@testable import TraceAnalysis

@Suite struct RankSumTests {
  private func compare(_ sample: [Double], with other: [Double]) -> RankSumTest.Outcome {
    var test = RankSumTest()
    return test.compare(sample, with: other)
  }

  private func isClose(_ one: Double, _ other: Double, _ slack: Double = 1e-12) -> Bool {
    abs(one - other) <= slack * max(1, abs(other))
  }

  @Test func `All greater than all is one way in as many as there are`() {
    // 3 of 6 can be chosen in 20 ways, 10 of 20 in 184756.
    #expect(isClose(compare([4, 5, 6], with: [1, 2, 3]).greater, 1.0 / 20))
    let low = (1...10).map(Double.init)
    #expect(
      isClose(compare(low.map { $0 + 100 }, with: low).greater, 1.0 / 184_756))
    #expect(isClose(RankSumTest.leastProbability(10, 10), 1.0 / 184_756))
    #expect(isClose(RankSumTest.leastProbability(5, 5), 1.0 / 252))
    #expect(isClose(RankSumTest.leastProbability(1, 3), 1.0 / 4))
  }

  @Test func `Alike on both sides means nothing`() {
    let nothing = RankSumTest.Outcome(greater: 1, less: 1)
    #expect(compare([7, 7, 7], with: [7, 7, 7]) == nothing)
    #expect(compare([], with: [1]) == nothing)
    #expect(compare([1], with: []) == nothing)
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
    // One for all: what it keeps of earlier samples must not matter.
    var test = RankSumTest()
    for _ in 0..<50 {
      let one = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        Double(Int.random(in: 0...6, using: &random))
      }
      let other = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        Double(Int.random(in: 0...6, using: &random))
      }
      let found = test.compare(one, with: other).greater
      #expect(isClose(found, counted(one, other)), "\(one) \(other)")
    }
  }

  @Test func `The approximation for many values agrees with the exact count`() {
    var random = SeededGenerator(seed: 8)
    for most in [8.0, 9, 10, 12, 15] {
      // Whole numbers, so that some are equal.
      func values(_ most: Double) -> [Double] {
        (0..<20).map { _ in Double.random(in: 0...most, using: &random).rounded() }
      }
      let (one, other) = (values(10), values(most))
      let ranks = RankSumTest.doubledRanks(one + other)
      let sum = ranks.prefix(20).reduce(0, +)
      var test = RankSumTest()
      let exact = test.exact(ranks, choosing: 20, sum)
      let approximate = RankSumTest.approximate(ranks, choosing: 20, sum)
      #expect(abs(exact.greater - approximate.greater) < 0.005, "\(exact) \(approximate)")
      #expect(abs(exact.less - approximate.less) < 0.005, "\(exact) \(approximate)")
    }
    // 50 against 50, all greater: beyond any doubt.
    let low = (1...50).map(Double.init)
    let outcome = compare(low.map { $0 + 100 }, with: low)
    #expect(outcome.greater < 1e-15 && outcome.less > 0.999)
  }

  @Test func `Values without a difference are found different as often as they may`() {
    var random = SeededGenerator(seed: 9)
    var found = 0
    for _ in 0..<2000 {
      let values = (0..<12).map { _ in Double.random(in: 0...1, using: &random) }
      if compare(Array(values[..<6]), with: Array(values[6...])).greater < 0.05 {
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
