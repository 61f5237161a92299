internal import LinuxSystem
internal import TraceAnalysis

/// Runs what is to be judged, judges it, and runs it again where something fails.
final class GateSession {
  private let configuration: GateConfiguration
  private let runner: ProgramRunner
  private let isQuiet: Bool

  /// Prepares; nothing runs yet.
  init(
    _ configuration: GateConfiguration, _ options: ProgramRunner.Options, isQuiet: Bool = false
  ) throws {
    self.configuration = configuration
    self.isQuiet = isQuiet
    runner = try ProgramRunner(options)
  }

  /// Recordings of what is judged that are kept.
  var recordings: [String] { runner.kept }

  /// Runs two programs by turns and judges the second.
  func compare(base: GateProgram, head: GateProgram) throws -> Comparison {
    let pairs = configuration.runs ?? GateConfiguration.runsToCompare
    let order = RunOrder.byTurns(pairs).map { $0 == .base ? base : head }
    return try judge(
      order, what: "\(base.words) and \(head.words) by turns", comparability: .interleaved
    )
    .comparison
  }

  /// Runs a program and judges it, by runs that were made before where there are any.
  ///
  /// - Returns: What came of it, and the runs, as far as the program did not fail.
  func check(
    _ program: GateProgram, runs: Int, baseline: [RunFigures] = []
  ) throws -> (comparison: Comparison, runs: [RunFigures]) {
    let order = Array(repeating: program, count: configuration.runs ?? runs)
    let (comparison, batch) = try judge(order, what: program.words, baseline: baseline)
    return (comparison, batch.head)
  }

  // MARK: Judging

  private func judge(
    _ order: [GateProgram], what: String, baseline: [RunFigures] = [],
    comparability: Comparability? = nil
  ) throws -> (comparison: Comparison, first: Batch) {
    let settings = configuration.settings
    func comparator(_ batch: Batch) -> Comparator {
      Comparator(
        settings, base: baseline + batch.base, head: batch.head, comparability: comparability)
    }
    let what = "\(order.count) run\(order.count == 1 ? "" : "s") of \(what)"
    let first = try batch(order, what)
    if let stop = first.stop { return (judge(stop, first, order, baseline), first) }
    let comparison = comparator(first).compare()
    guard configuration.confirms, comparison.verdict == .regression,
      comparison.gates.contains(where: { $0.fails && $0.tier != .fact })
    else { return (comparison, first) }
    let second = try batch(order, "to confirm what failed, \(what)")
    if let stop = second.stop { return (judge(stop, second, order, baseline), first) }
    return (comparator(second).confirm(comparison), first)
  }

  /// Judges runs that could not go on.
  private func judge(
    _ stop: Stop, _ batch: Batch, _ order: [GateProgram], _ baseline: [RunFigures]
  ) -> Comparison {
    let machine = MachineFigures(
      host: hostDescription, cpus: Int32(clamping: onlineCPUs), recorder: "ctrace \(ctraceVersion)")
    // A deadlock is something to find. Everything else can't be told without runs that end.
    if stop.isDeadlock, stop.failure.side == GateSide.head.rawValue {
      var comparison = Comparator(configuration.settings, base: [], head: batch.head).compare()
      if comparison.verdict == .regression {
        comparison.notes.append(
          "run \(stop.failure.run) hung in a deadlock and was ended: nothing else was compared")
        return comparison
      }
    }
    func side(_ side: GateSide, _ runs: [RunFigures]) -> SideSummary? {
      let program = order.first { $0.side == side }
      if program == nil, runs.isEmpty { return nil }
      return SideSummary(runs, of: program?.arguments ?? [], on: machine)
    }
    var comparison = Comparison(
      failed: stop.failure, base: side(.base, baseline + batch.base),
      head: side(.head, batch.head) ?? SideSummary([], on: machine),
      settings: configuration.settings)
    if stop.isDeadlock {
      comparison.notes.append("run \(stop.failure.run) hung in a deadlock and was ended")
    }
    return comparison
  }

  // MARK: Running

  /// Why runs ended early.
  private struct Stop {
    var failure: FailedRun
    var isDeadlock: Bool
  }

  /// Some runs.
  private struct Batch {
    var base: [RunFigures] = []
    var head: [RunFigures] = []
    var stop: Stop?

    mutating func add(_ figures: RunFigures, _ side: GateSide) {
      switch side {
      case .base: base.append(figures)
      case .head: head.append(figures)
      }
    }
  }

  private func batch(_ order: [GateProgram], _ what: String) throws -> Batch {
    var batch = Batch()
    var progress = RunProgress(what, runs: order.count, isQuiet: isQuiet)
    defer { progress.finish() }
    for program in order {
      progress.begin(program.side)
      switch try runner.run(program) {
      case .done(let figures): batch.add(figures, program.side)
      case .deadlocked(let failure, let figures):
        batch.add(figures, program.side)
        batch.stop = Stop(failure: failure, isDeadlock: true)
        return batch
      case .failed(let failure):
        batch.stop = Stop(failure: failure, isDeadlock: false)
        return batch
      }
      progress.end()
    }
    return batch
  }
}
