import TestSupport
import Testing

@testable import TraceAnalysis

/// Runs whose figures are made, so that it is known what has changed.
@Suite struct ComparatorTests {
  /// Runs of two sides that took turns.
  struct Sides {
    var base: [RunFigures] = []
    var head: [RunFigures] = []

    /// - Parameters:
    ///   - noise: Figures vary by so much up and down.
    ///   - locks: The locks of a run by side, before they vary.
    init(
      runs: Int = 10, noise: Double = 0.1, seed: UInt64 = 1,
      _ locks: (_ isHead: Bool) -> [LockFigures]
    ) {
      var random = SeededGenerator(seed: seed)
      for pair in 0..<runs {
        for turn in 0..<2 {
          let isHead = (turn == 1) != (pair % 2 == 1)
          let run = RunFigures.made(
            locks(isHead).map { lock in
              let factor = Double.random(in: 1 - noise...1 + noise, using: &random)
              let uses = Double(lock.acquisitions)
              return .made(
                lock.name, held: Double(lock.heldNs ?? 0) / uses * factor,
                waited: Double(lock.waitNs) / uses * factor * factor,
                acquisitions: lock.acquisitions)
            }, startedAt: Int64(pair * 2 + turn) * 2_000_000_000)
          if isHead { head.append(run) } else { base.append(run) }
        }
      }
    }

    func compared(
      _ settings: ComparisonSettings = ComparisonSettings(), _ comparability: Comparability? = nil
    ) -> Comparison {
      Comparator(settings, base: base, head: head, comparability: comparability).compare()
    }
  }

  private static func result(
    _ comparison: Comparison, _ name: String, _ metric: GateMetric,
    _ tier: GateResult.Tier = .difference
  ) throws -> GateResult {
    try #require(
      comparison.gates.first { $0.subject.name == name && $0.metric == metric && $0.tier == tier },
      "\(comparison.gates.map { "\($0.subject.name) \($0.metric)" })")
  }

  /// 30 locks of which one has a section that is longer by a factor.
  private static func thirty(_ factor: Double, seed: UInt64, noise: Double = 0.3) -> Sides {
    Sides(noise: noise, seed: seed) { isHead in
      (0..<30).map {
        .made("mu\($0)", held: $0 == 7 && isHead ? 20_000 * factor : 20_000, waited: 9000)
      }
    }
  }

  @Test func `In what machines differ is told`() {
    func run(_ host: String, cpus: Int32, _ recorder: String) -> RunFigures {
      var run = RunFigures.made(host: host)
      run.machine = MachineFigures(host: host, cpus: cpus, recorder: recorder)
      return run
    }
    func notes(_ base: RunFigures, _ head: RunFigures) -> [String] {
      Comparator(ComparisonSettings(), base: [base], head: [head]).compare().notes
    }
    let here = run("Linux 6.1, One CPU", cpus: 2, "ctrace 1")
    #expect(notes(here, here).isEmpty)
    #expect(
      notes(run("Linux 6.2, Other CPU, inside", cpus: 8, "ctrace 2"), here) == [
        "the processor differs: Other CPU, inside then, One CPU now",
        "the kernel differs: Linux 6.2 then, Linux 6.1 now",
        "the number of CPUs differs: 8 then, 2 now", "ctrace differs: ctrace 2 then, ctrace 1 now",
      ])
  }

  @Test func `Nothing has changed, and nothing is found`() {
    for seed in 1...20 as ClosedRange<UInt64> {
      let comparison = ComparatorTests.thirty(1, seed: seed).compared()
      #expect(comparison.verdict == .pass && comparison.comparability == .interleaved)
      #expect(comparison.gates.allSatisfy { $0.verdict == .same })
    }
  }

  @Test func `One of thirty locks is held twice as long, and it alone is named`() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let comparison = ComparatorTests.thirty(2, seed: seed).compared()
      #expect(comparison.verdict == .regression)
      let failing = comparison.gates.filter(\.fails)
      #expect(!failing.isEmpty && failing.allSatisfy { $0.subject.name == "mu7" })
      let hold = try ComparatorTests.result(comparison, "mu7", .hold)
      #expect(hold.verdict == .regressed)
      #expect(try #require(hold.ratio) > 1.25 && hold.adjustedProbability! < 0.05)
      #expect(comparison.gates[0].fails, "what fails comes first")
    }
  }

  @Test func `The other way round it has improved`() throws {
    let sides = ComparatorTests.thirty(2, seed: 3)
    let comparison = Comparator(ComparisonSettings(), base: sides.head, head: sides.base).compare()
    #expect(comparison.verdict == .pass)
    #expect(try ComparatorTests.result(comparison, "mu7", .hold).verdict == .improved)
  }

  @Test func `What is slower by little is the same, however sure it is`() throws {
    let comparison = ComparatorTests.thirty(1.2, seed: 3, noise: 0.01).compared()
    #expect(comparison.verdict == .pass)
    let hold = try ComparatorTests.result(comparison, "mu7", .hold)
    #expect(hold.verdict == .same && hold.adjustedProbability! < 0.01)
  }

  /// 1000 holds of 450 ns more are 450 us in a run.
  @Test func `What costs little in a run is the same, whatever its factor`() throws {
    let comparison = Sides { isHead in
      [.made("small", held: isHead ? 550 : 100), .made("large", held: 50_000)]
    }.compared()
    #expect(comparison.verdict == .pass)
    #expect(try ComparatorTests.result(comparison, "small", .hold).verdict == .same)
    // What never comes to the least is not even tested, and makes nothing else harder to find.
    let tiny = Sides { isHead in [.made("tiny", held: isHead ? 400 : 100)] }.compared()
    #expect(!tiny.gates.contains { $0.subject.name == "tiny" })
  }

  @Test func `Too few runs are inconclusive, and it is said how many it takes`() {
    // Two figures of the lock and one of all locks, waits of none: the least chance of three against three is
    // 1/20, and three times that is more than 0.05; of four against four it is 1/70.
    let comparison = Sides(runs: 3) { isHead in
      [.made("a", held: isHead ? 40_000 : 10_000)]
    }.compared()
    #expect(comparison.verdict == .inconclusive)
    #expect(comparison.gates.allSatisfy { $0.verdict == .inconclusive })
    #expect(comparison.notes.contains { $0.hasSuffix("it takes 4 of each") }, "\(comparison.notes)")
    let enough = Sides(runs: 4) { isHead in
      [.made("a", held: isHead ? 40_000 : 10_000)]
    }.compared()
    #expect(enough.verdict == .regression)
  }

  @Test func `Waits fail where runs took turns, and are only shown elsewhere`() throws {
    let sides = Sides { isHead in
      [.made("a", held: 10_000, waited: isHead ? 90_000 : 30_000)]
    }
    let turns = sides.compared()
    #expect(turns.verdict == .regression)
    #expect(try ComparatorTests.result(turns, "a", .wait).fails)
    let apart = sides.compared(ComparisonSettings(), .sameMachine)
    #expect(apart.verdict == .pass)
    let wait = try ComparatorTests.result(apart, "a", .wait)
    #expect(wait.verdict == .regressed && !wait.gates)
  }

  @Test func `On another machine only the part of the time that a lock is held counts`() throws {
    let sides = Sides { isHead in
      [.made("a", held: isHead ? 40_000 : 10_000)]
    }
    let comparison = sides.compared(ComparisonSettings(), .otherMachine)
    #expect(try !ComparatorTests.result(comparison, "a", .hold).gates)
    #expect(try ComparatorTests.result(comparison, "a", .utilisation).fails)
  }

  @Test func `Where CPUs were shorter than for the baseline, worse can't be told from that`() throws
  {
    func compared(_ share: Double?, _ comparability: Comparability) -> Comparison {
      var sides = Sides { isHead in [.made("a", held: isHead ? 40_000 : 10_000)] }
      for place in sides.base.indices { sides.base[place].noCPUShare = 0.2 }
      for place in sides.head.indices { sides.head[place].noCPUShare = share }
      return sides.compared(ComparisonSettings(), comparability)
    }
    let busy = compared(0.4, .sameMachine)
    #expect(busy.verdict == .inconclusive)
    #expect(try ComparatorTests.result(busy, "a", .hold).verdict == .inconclusive)
    #expect(busy.notes.contains { $0.contains("20 %") && $0.contains("40 %") }, "\(busy.notes)")
    #expect(compared(0.29, .sameMachine).verdict == .regression)
    #expect(compared(0.1, .sameMachine).verdict == .regression)
    #expect(compared(nil, .sameMachine).verdict == .regression)
    #expect(compared(0.4, .interleaved).verdict == .regression)
  }

  @Test func `How comparable runs are they tell themselves`() {
    let sides = Sides { _ in [] }
    #expect(Comparability(sides.base, sides.head) == .interleaved)
    func runs(_ times: [Int64?], host: String = "Linux 6.1, CPU of one kind") -> [RunFigures] {
      times.map { .made(startedAt: $0, host: host) }
    }
    #expect(Comparability(runs([1, 2, 3]), runs([4, 5, 6])) == .sameMachine)
    #expect(Comparability(runs([1, nil, 5]), runs([2, 4, 6])) == .sameMachine)
    #expect(Comparability(runs([1]), runs([2])) == .sameMachine)
    #expect(
      Comparability(runs([1, 3]), runs([2, 4], host: "Linux 6.2, CPU of one kind")) == .interleaved)
    #expect(
      Comparability(runs([1, 3]), runs([2, 4], host: "Linux 6.1, Another")) == .otherMachine)
    #expect(Comparability(runs([1, 3], host: ""), runs([2, 4], host: "")) == .otherMachine)
  }

  @Test func `A lock under another name has moved, and fails nothing`() throws {
    let comparison = Sides { isHead in
      [.made(isHead ? "new_mu" : "old_mu", held: 30_000), .made("other", held: 10_000)]
    }.compared()
    #expect(comparison.verdict == .pass)
    #expect(try ComparatorTests.result(comparison, "new_mu", .presence).verdict == .moved)
    #expect(try ComparatorTests.result(comparison, "old_mu", .presence).verdict == .moved)
  }

  @Test func `What moves from one lock to another fails nothing, what comes on top does`() throws {
    func compared(_ one: Double, _ other: Double) -> Comparison {
      Sides { isHead in
        [
          .made("a", held: isHead ? one : 60_000), .made("b", held: isHead ? other : 20_000),
          .made("rest", held: 100_000),
        ]
      }.compared()
    }
    let moved = compared(20_000, 60_000)
    #expect(moved.verdict == .pass)
    #expect(try ComparatorTests.result(moved, "b", .hold).verdict == .moved)
    #expect(try ComparatorTests.result(moved, "a", .hold).verdict == .improved)
    #expect(compared(55_000, 60_000).verdict == .regression)
  }

  @Test func `A lock that is new and costs much makes all locks worse`() throws {
    let comparison = Sides { isHead in
      [.made("a", held: 50_000)] + (isHead ? [.made("b", held: 100_000)] : [])
    }.compared()
    #expect(comparison.verdict == .regression)
    #expect(try ComparatorTests.result(comparison, "b", .presence).verdict == .new)
    #expect(try ComparatorTests.result(comparison, "all locks", .utilisation).fails)
  }

  @Test func `A lock that is gone is told of`() throws {
    let comparison = Sides { isHead in
      [.made("a", held: 50_000)] + (isHead ? [] : [.made("b", held: 100_000)])
    }.compared()
    #expect(comparison.verdict == .pass)
    #expect(try ComparatorTests.result(comparison, "b", .presence).verdict == .gone)
  }

  @Test func `As often in each run is a fact, where it is more often now`() throws {
    func compared(_ before: [UInt64], _ now: [UInt64]) -> Comparison {
      func runs(_ counts: [UInt64]) -> [RunFigures] {
        counts.map { .made([.made("a", held: 10_000, acquisitions: $0)]) }
      }
      return Comparator(ComparisonSettings(), base: runs(before), head: runs(now)).compare()
    }
    let more = compared([1000, 1000], [2000, 2000])
    let fact = try ComparatorTests.result(more, "a", .acquisitions, .fact)
    #expect(more.verdict == .regression && fact.fails && fact.ratio == 2)
    #expect(
      try ComparatorTests.result(compared([2000, 2000], [1000, 1000]), "a", .acquisitions, .fact)
        .verdict == .improved)
    // By little, by chance, or once.
    #expect(compared([1000, 1000], [1100, 1100]).verdict != .regression)
    for (before, now) in [([1000, 1001], [2000, 2000]), ([1000], [2000])] as [([UInt64], [UInt64])]
    {
      #expect(!compared(before, now).gates.contains { $0.metric == .acquisitions })
    }
  }

  @Test func `A fact fails when it was not so before`() throws {
    func runs(_ facts: [FactFigures]) -> [RunFigures] {
      var run = RunFigures.made()
      run.facts = facts
      return [run]
    }
    let one = FactFigures(kind: "lock-order", lock: "a", text: "a and b are locked in two orders")
    let other = FactFigures(kind: "lock-order", lock: "c", text: "c and d are locked in two orders")
    func compared(
      _ base: [FactFigures]?, _ head: [FactFigures], _ settings: ComparisonSettings = .init()
    ) -> Comparison {
      Comparator(settings, base: base.map(runs) ?? [], head: runs(head)).compare()
    }
    #expect(compared([], [one]).verdict == .regression)
    #expect(compared(nil, [one]).verdict == .regression)
    #expect(compared([one], [one]).verdict == .pass)
    #expect(compared([one], [one, other]).verdict == .regression)
    #expect(
      try ComparatorTests.result(compared([one], []), "a", .lockOrder, .fact).verdict == .gone)
    var settings = ComparisonSettings()
    settings.facts = ["deadlock"]
    #expect(compared([], [one], settings).verdict == .pass)
    settings = ComparisonSettings()
    settings.ignored = ["a"]
    #expect(compared([], [one], settings).verdict == .pass)
    // A kind that later versions have.
    #expect(compared([], [FactFigures(kind: "livelock", lock: "a", text: "")]).gates.isEmpty)
  }

  @Test func `Budgets: the median counts, a limit of one lock comes before that of all`() throws {
    var settings = ComparisonSettings()
    settings.budgets.utilisation = 0.5
    settings.budgets.locks["busy"] = LockBudget(utilisation: 0.9, waitNs: 5000)
    settings.budgets.locks["nobody"] = LockBudget(utilisation: 0.9)
    let runs = [0.2, 0.8, 0.3].map { share in
      RunFigures.made([
        .made("a", held: share * 1e6), .made("busy", held: 800_000, waited: 6000),
        .made("b", held: 600_000),
      ])
    }
    let comparison = Comparator(settings, base: [], head: runs).compare()
    #expect(comparison.verdict == .regression && comparison.base == nil)
    #expect(try ComparatorTests.result(comparison, "a", .utilisation, .budget).verdict == .met)
    #expect(try ComparatorTests.result(comparison, "busy", .utilisation, .budget).verdict == .met)
    #expect(try ComparatorTests.result(comparison, "busy", .wait, .budget).verdict == .exceeded)
    #expect(try ComparatorTests.result(comparison, "b", .utilisation, .budget).verdict == .exceeded)
    #expect(comparison.notes == ["no run had a lock or queue nobody, which has a budget"])
  }

  @Test func `Budgets of queues, the GIL, loops and run queues`() throws {
    var run = RunFigures.made()
    run.queues = [
      QueueFigures(name: "jobs", kind: "queue", depthP99: 64, fullShare: 0.4),
      QueueFigures(name: "log", kind: "queue", depthP99: 3),
    ]
    run.gil = GILFigures(utilisation: 0.7, longestHoldNs: 80_000_000)
    run.loopLagP99Ns = 30_000_000
    run.runQueueP99Ns = 9_000_000
    func verdict(_ set: (inout Budgets) -> Void) -> Comparison.Verdict {
      var settings = ComparisonSettings()
      set(&settings.budgets)
      return Comparator(settings, base: [], head: [run]).compare().verdict
    }
    #expect(verdict { $0.queueDepth = 64 } == .pass)
    #expect(verdict { $0.queueDepth = 63 } == .regression)
    #expect(verdict { $0.queueFull = 0.4 } == .pass)
    #expect(verdict { $0.queueFull = 0.39 } == .regression)
    #expect(verdict { $0.queues["log"] = QueueBudget(depth: 2) } == .regression)
    #expect(verdict { $0.queues["jobs"] = QueueBudget(full: 0.3) } == .regression)
    #expect(verdict { $0.gilUtilisation = 0.7 } == .pass)
    #expect(verdict { $0.gilUtilisation = 0.6 } == .regression)
    #expect(verdict { $0.gilHoldNs = 79_999_999 } == .regression)
    #expect(verdict { $0.loopLagNs = 30_000_000 } == .pass)
    #expect(verdict { $0.loopLagNs = 29_999_999 } == .regression)
    #expect(verdict { $0.runQueueNs = 8_999_999 } == .regression)
  }

  @Test func `A waiver keeps a lock from failing, and is shown`() throws {
    var settings = ComparisonSettings()
    settings.waivers = [Waiver(lock: "a", until: "2030-01-31", reason: "#812")]
    let sides = Sides { isHead in
      [.made("a", held: isHead ? 40_000 : 10_000), .made("rest", held: 400_000)]
    }
    let comparison = sides.compared(settings)
    #expect(comparison.verdict == .pass)
    let hold = try ComparatorTests.result(comparison, "a", .hold)
    #expect(hold.verdict == .regressed && hold.waiver?.reason == "#812")
  }

  @Test func `A recording that lost events says nothing`() {
    func verdict(_ lost: UInt64, complete: Bool = true) -> Comparison.Verdict {
      var run = RunFigures.made(lost: lost)
      run.complete = complete
      return Comparator(ComparisonSettings(), base: [.made()], head: [run]).compare().verdict
    }
    #expect(verdict(0) == .pass)
    #expect(verdict(1000) == .pass)
    #expect(verdict(1001) == .lossy)
    #expect(verdict(0, complete: false) == .lossy)
  }

  @Test func `Only what a second batch says too fails`() throws {
    func sides(_ factor: Double, seed: UInt64) -> Sides {
      ComparatorTests.thirty(factor, seed: seed)
    }
    let first = sides(2, seed: 1).compared()
    let same = sides(2, seed: 2)
    let confirmed = Comparator(ComparisonSettings(), base: same.base, head: same.head).confirm(
      first)
    #expect(confirmed.verdict == .regression)
    #expect(confirmed.gates.filter(\.fails).allSatisfy { $0.confirmed == true })
    let other = sides(1, seed: 3)
    let refuted = Comparator(ComparisonSettings(), base: other.base, head: other.head).confirm(
      first)
    #expect(refuted.verdict == .pass)
    let hold = try ComparatorTests.result(refuted, "mu7", .hold)
    #expect(hold.confirmed == false && hold.verdict == .regressed && !hold.fails)
  }

  @Test func `A budget is confirmed likewise, a fact needs no second run`() throws {
    var settings = ComparisonSettings()
    settings.budgets.utilisation = 0.5
    func runs(_ held: Double, _ facts: [FactFigures] = []) -> [RunFigures] {
      var run = RunFigures.made([.made("a", held: held)])
      run.facts = facts
      return [run]
    }
    let first = Comparator(settings, base: [], head: runs(800_000)).compare()
    #expect(first.verdict == .regression)
    #expect(
      Comparator(settings, base: [], head: runs(700_000)).confirm(first).verdict == .regression)
    #expect(Comparator(settings, base: [], head: runs(100_000)).confirm(first).verdict == .pass)
    let fact = FactFigures(kind: "deadlock", lock: "a", text: "")
    let second = Comparator(settings, base: [], head: runs(100_000, [fact])).compare()
    #expect(
      Comparator(settings, base: [], head: runs(100_000)).confirm(second).verdict == .regression)
  }
}
