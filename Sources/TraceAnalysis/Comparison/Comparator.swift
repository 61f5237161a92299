internal import TraceModel

/// Judges runs of a program: by what is so, by limits, and by other runs.
///
/// A difference counts where all of this holds: the ranks of the runs are too unlikely without one
/// (``RankSumTest``), with all that is tested taken into account (``HolmCorrection``); the median has grown by
/// more than a factor; and in a run that makes more than so many nanoseconds.
public struct Comparator: Sendable {
  private let settings: ComparisonSettings
  private let comparability: Comparability?
  private let base: [RunFigures]
  private let head: [RunFigures]

  /// Takes what is to be judged.
  ///
  /// - Parameters:
  ///   - base: The runs to compare with; none where only facts and budgets count.
  ///   - head: The runs to judge, one at least.
  ///   - comparability: How comparable the two are; nil: by what they say themselves.
  public init(
    _ settings: ComparisonSettings, base: [RunFigures], head: [RunFigures],
    comparability: Comparability? = nil
  ) {
    self.settings = settings
    self.base = base
    self.head = head
    self.comparability = base.isEmpty ? nil : comparability ?? Comparability(base, head)
  }

  /// Judges them.
  public func compare() -> Comparison {
    var comparison = Comparison(
      base: base.isEmpty ? nil : SideSummary(base), head: SideSummary(head),
      comparability: comparability, settings: settings)
    comparison.gates = facts()
    let budgets = settings.budgets.check(head)
    comparison.gates += budgets.results
    comparison.notes += budgets.missing.map {
      "no run had a lock or queue \($0), which has a budget"
    }
    if !base.isEmpty {
      comparison.notes += differences()
      var tests = self.tests()
      decide(&tests, among: tests.count { $0.result.gates }, &comparison.notes)
      markMoved(&tests)
      comparison.gates += tests.map(\.result)
    }
    applyWaivers(&comparison)
    finish(&comparison)
    return comparison
  }

  /// In what the machines of the two sides differ.
  private func differences() -> [String] {
    let (one, other) = (base[0].machine, head[0].machine)
    func note(_ what: String, _ before: String, _ now: String) -> String? {
      before == now ? nil : "\(what) differs: \(before) then, \(now) now"
    }
    return [
      note("the processor", one.processor, other.processor),
      note("the kernel", one.kernel, other.kernel),
      note("the number of CPUs", "\(one.cpus)", "\(other.cpus)"),
      note("ctrace", one.recorder, other.recorder),
    ].compactMap(\.self)
  }

  /// Judges anew, by these runs, what `first` found worse in others: what they don't say too does not fail.
  public func confirm(_ first: Comparison) -> Comparison {
    var comparison = first
    let budgets = settings.budgets.check(head).results
    var suspects = tests().filter { test in
      first.gates.contains { $0.fails && $0.tier == .difference && $0.isSameTest(as: test.result) }
    }
    var notes: [String] = []
    decide(&suspects, among: suspects.count, &notes)
    let again = budgets + suspects.map(\.result)
    for place in comparison.gates.indices
    where comparison.gates[place].fails && comparison.gates[place].tier != .fact {
      let verdict = again.first { $0.isSameTest(as: comparison.gates[place]) }?.verdict
      comparison.gates[place].confirmed = verdict == comparison.gates[place].verdict
    }
    finish(&comparison)
    return comparison
  }

  // MARK: Facts

  /// What one run is enough to know.
  private func facts() -> [GateResult] {
    struct Key: Hashable {
      var kind: String
      var lock: String
    }
    func counts(_ runs: [RunFigures]) -> [Key: Int] {
      runs.reduce(into: [:]) { counts, run in
        for fact in Set(run.facts.map { Key(kind: $0.kind, lock: $0.lock) }) {
          counts[fact, default: 0] += 1
        }
      }
    }
    let before = counts(base)
    let now = counts(head)
    var results: [GateResult] = []
    for key in Set(before.keys).union(now.keys).sorted(by: {
      ($0.kind, $0.lock) < ($1.kind, $1.lock)
    }) {
      guard let metric = GateMetric(rawValue: key.kind) else { continue }
      let isBefore = before[key] != nil
      let isNow = now[key] != nil
      let fact = (head + base).lazy.flatMap(\.facts).first {
        $0.kind == key.kind && $0.lock == key.lock
      }
      var result = GateResult(
        tier: .fact,
        subject: GateSubject(.lock, key.lock.isEmpty ? "a lock" : key.lock, place: fact?.place),
        metric: metric, verdict: isNow ? (isBefore ? .same : .regressed) : .gone,
        gates: settings.facts.contains(key.kind) && !settings.ignored.contains(key.lock))
      result.base = base.isEmpty ? [] : [Double(before[key] ?? 0)]
      result.head = [Double(now[key] ?? 0)]
      results.append(result)
    }
    return results + (base.isEmpty ? [] : acquisitionFacts())
  }

  /// Of locks that are acquired equally often in all runs of a side it is a fact how often that is.
  private func acquisitionFacts() -> [GateResult] {
    guard base.count > 1, head.count > 1 else { return [] }
    return names.compactMap { name in
      func count(_ runs: [RunFigures]) -> UInt64? {
        let counts = Set(runs.map { $0.lock(name)?.acquisitions ?? 0 })
        return counts.count == 1 ? counts.first : nil
      }
      guard let before = count(base), let now = count(head), before != now, before > 0, now > 0
      else { return nil }
      let (one, other) = (Double(before), Double(now))
      var result = GateResult(
        tier: .fact, subject: subject(name), metric: .acquisitions, verdict: .same, gates: true)
      (result.base, result.head) = ([one], [other])
      (result.baseMedian, result.headMedian, result.ratio) = (one, other, other / one)
      // What one of them costs, held and waited for.
      let cost =
        median(
          (base + head).compactMap { run in
            run.lock(name).map { Double($0.busyNs) / Double(max($0.acquisitions, 1)) }
          }) ?? 0
      if abs(other - one) * cost > Double(settings.minAbsNs) {
        if other > one * settings.minRatio { result.verdict = .regressed }
        if one > other * settings.minRatio { result.verdict = .improved }
      }
      return result
    }
  }

  // MARK: Differences

  /// One figure of both sides.
  private struct Test {
    var result: GateResult
    var lock: LockName?
    /// The probability of such ranks if nothing had changed.
    var ranks = RankSumTest.Outcome(greater: 1, less: 1)
    /// By how many nanoseconds a run has more.
    var change = 0.0
  }

  /// The locks of both sides that are looked at.
  private var names: [LockName] {
    (base + head).lockNames.filter { !settings.ignored.contains($0.name) }
  }

  private func subject(_ name: LockName) -> GateSubject {
    GateSubject(
      .lock, name.name, place: (head + base).lazy.compactMap { $0.lock(name)?.place }.first)
  }

  private func tests() -> [Test] {
    var tests: [Test] = []
    let length = median(head.map { Double($0.durationNs) }) ?? 0
    let areWaitsComparable = comparability == .interleaved
    let areHoldsComparable = comparability != .otherMachine
    for name in names {
      let before = base.map { $0.lock(name) }
      let now = head.map { $0.lock(name) }
      // What costs less than a difference must come to can't be one.
      let most = (before + now).compactMap(\.?.busyNs).max() ?? 0
      guard most > settings.minAbsNs else { continue }
      let wasThere = before.contains { $0?.isUsed == true }
      let isThere = now.contains { $0?.isUsed == true }
      guard wasThere, isThere else {
        guard wasThere || isThere else { continue }
        var result = GateResult(
          tier: .difference, subject: subject(name), metric: .presence,
          verdict: isThere ? .new : .gone, gates: false)
        result.base = before.map { Double($0?.acquisitions ?? 0) }
        result.head = now.map { Double($0?.acquisitions ?? 0) }
        tests.append(Test(result: result, lock: name))
        continue
      }
      let uses = median(now.map { Double($0?.acquisitions ?? 0) }) ?? 0
      func add(_ metric: GateMetric, gates: Bool, per: Double, _ value: (LockFigures?) -> Double?) {
        let test = test(
          subject(name), name, metric, gates: gates, before.compactMap(value),
          now.compactMap(value),
          per: per)
        if let test { tests.append(test) }
      }
      if (before + now).contains(where: { $0?.utilisation != nil }) {
        add(.utilisation, gates: true, per: length) { $0.map { $0.utilisation ?? 0 } ?? 0 }
      }
      add(.hold, gates: areHoldsComparable, per: uses) { $0?.holdPerAcquisition }
      add(.wait, gates: areWaitsComparable, per: uses) { $0?.waitPerAcquisition }
    }
    // All together, so that it shows where time has only another name.
    func sum(_ runs: [RunFigures], _ value: (LockFigures) -> Int64) -> [Double] {
      runs.map { run in
        run.locks.filter { !settings.ignored.contains($0.name) }
          .reduce(0) { $0 + Double(value($1)) }
      }
    }
    func shares(_ runs: [RunFigures]) -> [Double] {
      zip(sum(runs) { $0.heldNs ?? 0 }, runs).map { $0 / Double(max($1.durationNs, 1)) }
    }
    let all = GateSubject(.allLocks, "all locks")
    let totals = [
      test(all, nil, .utilisation, gates: true, shares(base), shares(head), per: length),
      test(
        all, nil, .waitTotal, gates: areWaitsComparable, sum(base, \.waitNs), sum(head, \.waitNs),
        per: 1),
    ]
    return tests + totals.compactMap(\.self)
  }

  /// A figure that both sides have; nil where one has not.
  ///
  /// - Parameter per: So many nanoseconds of a run are more where the figure is more by one.
  private func test(
    _ subject: GateSubject, _ lock: LockName?, _ metric: GateMetric, gates: Bool,
    _ before: [Double], _ now: [Double], per: Double
  ) -> Test? {
    guard let one = median(before), let other = median(now), one > 0 || other > 0 else {
      return nil
    }
    var test = Test(
      result: GateResult(
        tier: .difference, subject: subject, metric: metric, verdict: .same, gates: gates),
      lock: lock)
    (test.result.base, test.result.head) = (before, now)
    (test.result.baseMedian, test.result.headMedian) = (one, other)
    // By next to nothing it is more than numbers can say.
    test.result.ratio = one > 0 && (other / one).isFinite ? other / one : nil
    test.change = (other - one) * per
    return test
  }

  /// Says what came of tests: `family` of them can fail a build.
  private func decide(_ tests: inout [Test], among family: Int, _ notes: inout [String]) {
    var ranks = RankSumTest()
    for place in tests.indices {
      tests[place].ranks = ranks.compare(tests[place].result.head, with: tests[place].result.base)
    }
    let runs = (base.count, head.count)
    let least = RankSumTest.leastProbability(runs.0, runs.1)
    let canTell = least * Double(max(family, 1)) < settings.alpha
    if isBusier, let shares = noCPUShares {
      func percent(_ share: Double) -> Int { Int((share * 100).rounded()) }
      notes.append(
        "threads that could run had no CPU for \(percent(shares.base)) % of that time then, and for "
          + "\(percent(shares.head)) % now: what that makes worse can't be told from what the program does"
      )
    }
    if !canTell, family > 0 {
      let enough = (1...1000).first {
        RankSumTest.leastProbability($0, $0) * Double(family) < settings.alpha
      }
      notes.append(
        "\(runs.0) and \(runs.1) runs are too few to tell \(family) figure\(family == 1 ? "" : "s") "
          + "apart" + (enough.map { ": it takes \($0) of each" } ?? ""))
    }
    for isGate in [true, false] {
      let places = tests.indices.filter {
        tests[$0].result.gates == isGate && tests[$0].result.metric != .presence
      }
      let greater = HolmCorrection.adjust(places.map { tests[$0].ranks.greater })
      let less = HolmCorrection.adjust(places.map { tests[$0].ranks.less })
      for (rank, place) in places.enumerated() {
        decide(&tests[place], greater: greater[rank], less: less[rank], canTell: canTell)
      }
    }
  }

  /// How much greater a part of the time without a CPU makes another machine of the same one.
  private static let busier = 0.1

  /// The part of the time in which threads could have run, but had no CPU, then and now.
  private var noCPUShares: (base: Double, head: Double)? {
    guard let one = median(base.compactMap(\.noCPUShare)),
      let other = median(head.compactMap(\.noCPUShare))
    else { return nil }
    return (one, other)
  }

  /// Whether CPUs were so much shorter than when the runs were made that these are compared with: threads
  /// then hold locks for longer, because they lose their CPU meanwhile, whatever the program does. Runs that
  /// took turns had the same.
  private var isBusier: Bool {
    guard comparability != .interleaved, let shares = noCPUShares else { return false }
    return shares.head - shares.base > Comparator.busier
  }

  private func decide(_ test: inout Test, greater: Double, less: Double, canTell: Bool) {
    let isMore = test.change > 0
    let adjusted = isMore ? greater : less
    test.result.probability = isMore ? test.ranks.greater : test.ranks.less
    test.result.adjustedProbability = adjusted
    let (one, other) = (test.result.baseMedian ?? 0, test.result.headMedian ?? 0)
    let isMuch =
      max(one, other) > min(one, other) * settings.minRatio
      && abs(test.change) > Double(settings.minAbsNs)
    if !canTell {
      test.result.verdict = .inconclusive
    } else if isMuch, adjusted < settings.alpha {
      test.result.verdict = !isMore ? .improved : isBusier ? .inconclusive : .regressed
    }
  }

  // MARK: Moved

  /// Of what all that got worse costs, so much must be made up for by what got better.
  private static let madeUpFor = 0.8

  /// Where other locks got better by as much as some got worse, time has moved from these to those.
  private func markMoved(_ tests: inout [Test]) {
    markMoved(&tests, metrics: [.utilisation, .hold], total: .utilisation) { $0.heldNs ?? 0 }
    markMoved(&tests, metrics: [.wait], total: .waitTotal) { $0.waitNs }
  }

  private func markMoved(
    _ tests: inout [Test], metrics: Set<GateMetric>, total: GateMetric,
    _ value: (LockFigures) -> Int64
  ) {
    let isAllWorse = tests.contains {
      $0.lock == nil && $0.result.metric == total && $0.result.verdict == .regressed
    }
    guard !isAllWorse else { return }
    func change(_ name: LockName) -> Double {
      func middle(_ runs: [RunFigures]) -> Double {
        median(runs.map { Double($0.lock(name).map(value) ?? 0) }) ?? 0
      }
      return middle(head) - middle(base)
    }
    func locks(_ verdict: GateResult.Verdict, _ presence: GateResult.Verdict) -> Set<LockName> {
      Set(
        tests.filter {
          metrics.contains($0.result.metric) && $0.result.verdict == verdict
            || $0.result.verdict == presence
        }.compactMap(\.lock))
    }
    let worse = locks(.regressed, .new)
    let better = locks(.improved, .gone).subtracting(worse)
    let more = worse.reduce(0) { $0 + max(0, change($1)) }
    let less = better.reduce(0) { $0 + max(0, -change($1)) }
    guard more > 0, less >= more * Comparator.madeUpFor else { return }
    for place in tests.indices {
      guard let lock = tests[place].lock, worse.contains(lock) || better.contains(lock) else {
        continue
      }
      let result = tests[place].result
      if metrics.contains(result.metric) && result.verdict == .regressed || result.verdict == .new
        || result.verdict == .gone
      {
        tests[place].result.verdict = .moved
      }
    }
  }

  // MARK: The end

  private func applyWaivers(_ comparison: inout Comparison) {
    for place in comparison.gates.indices where comparison.gates[place].fails {
      let subject = comparison.gates[place].subject
      guard subject.kind == .lock || subject.kind == .queue || subject.kind == .gil else {
        continue
      }
      comparison.gates[place].waiver = settings.waivers.first { $0.lock == subject.name }
    }
  }

  /// Says what comes of all that was judged, and brings what matters most to the front.
  private func finish(_ comparison: inout Comparison) {
    let lossy = (base + head).filter { run in
      !run.complete
        || Double(run.lost) > settings.maxLost * Double(run.events.saturatingAdd(run.lost))
    }
    if comparison.gates.contains(where: \.fails) {
      comparison.verdict = .regression
    } else if comparison.gates.contains(where: { $0.gates && $0.verdict == .inconclusive }) {
      comparison.verdict = .inconclusive
    } else {
      comparison.verdict = .pass
    }
    if !lossy.isEmpty {
      comparison.verdict = .lossy
      comparison.notes.append(
        "\(lossy.count) of \(base.count + head.count) recordings are not whole or lost events")
    }
    let order = comparison.gates.enumerated().sorted {
      ($0.element.rank, $1.element.weight, $0.offset) < (
        $1.element.rank, $0.element.weight, $1.offset
      )
    }
    comparison.gates = order.map(\.element)
  }
}

extension GateResult {
  /// Whether two results are of one figure.
  func isSameTest(as other: GateResult) -> Bool {
    tier == other.tier && metric == other.metric && subject.kind == other.subject.kind
      && subject.name == other.subject.name
  }

  /// What comes first where all are shown.
  fileprivate var rank: Int {
    if fails { return 0 }
    if waiver != nil { return 1 }
    return switch (verdict, gates) {
    case (.regressed, true), (.exceeded, true): 2
    case (.inconclusive, true): 3
    case (.moved, _): 4
    case (.regressed, false): 5
    case (.new, _): 6
    case (.gone, _): 7
    case (.improved, _): 8
    default: 9
    }
  }

  /// Among alike: how much it has changed, or how far it is over its limit. What is so or not comes first.
  fileprivate var weight: Double {
    if tier == .fact, metric != .acquisitions { return .infinity }
    if let limit, let headMedian { return headMedian / max(limit, .leastNormalMagnitude) }
    guard let ratio, ratio > 0 else { return 0 }
    return max(ratio, 1 / ratio)
  }
}
