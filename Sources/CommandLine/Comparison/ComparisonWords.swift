internal import TraceAnalysis

/// What a comparison says in words and figures. All forms that people read are made of these, so that they
/// say the same.
struct ComparisonWords {
  /// With names that can be shown.
  let comparison: Comparison
  /// Whether there are letters beyond ASCII.
  let hasUnicode: Bool

  init(_ comparison: Comparison, hasUnicode: Bool = true) {
    self.comparison = comparison.printable
    self.hasUnicode = hasUnicode
  }

  // MARK: The verdict

  /// One or two words, in capitals.
  var verdict: String {
    switch comparison.verdict {
    case .pass: "PASS"
    case .regression: "REGRESSION"
    case .inconclusive: "INCONCLUSIVE"
    case .programFailed: "PROGRAM FAILED"
    case .lossy: "LOSSY"
    }
  }

  /// What it comes from.
  var sentence: String {
    switch comparison.verdict {
    case .pass: return passed
    case .regression:
      let failing = comparison.gates(.failed)
      guard let worst = failing.first else { return "something got worse" }
      let rest = failing.count - 1
      return sentence(of: worst)
        + (rest > 0 ? ", and \(counted(rest, "other figure")) \(rest == 1 ? "fails" : "fail")" : "")
    case .inconclusive:
      return "\(runs) are too few to tell: "
        + "\(counted(comparison.gates(.inconclusive).count, "figure")) may be worse or not"
    case .programFailed: return failure ?? "the program failed, so that its runs mean nothing"
    case .lossy:
      let lost = (comparison.base?.lost ?? 0).addingReportingOverflow(comparison.head.lost)
      return "the recordings lack too much to be judged by: "
        + "\(grouped(lost.overflow ? .max : lost.partialValue)) events were lost"
    }
  }

  private var passed: String {
    let (hasBase, hasLimits) = (comparison.base != nil, !comparison.settings.budgets.isEmpty)
    var claims = hasBase ? ["nothing got worse"] : []
    if !hasBase, !comparison.settings.facts.isEmpty {
      claims.append("found no \(comparison.settings.facts.joined(separator: ", no "))")
    }
    if hasLimits { claims.append("no limit is exceeded") }
    if !hasBase, !hasLimits { claims.append("no budget is set") }

    let kinds: [(GateSubject.Kind, String)] = [(.lock, "lock"), (.queue, "queue")]
    var looked = kinds.compactMap { kind, noun in
      let count = comparison.subjects(kind)
      return count > 0 ? counted(count, noun) : nil
    }
    if looked.isEmpty, hasBase {
      looked = ["no lock costs more than \(brief(Double(comparison.settings.minAbsNs))) of a run"]
    }
    let others = [
      (Standing.waived, "waived"), (.unconfirmed, "worse in the first runs alone"),
      (.shown, "worse, but only shown"),
    ].compactMap { standing, word -> String? in
      let count = comparison.gates(standing).count
      return count > 0 ? "\(counted(count, "figure")) \(count == 1 ? "is" : "are") \(word)" : nil
    }
    let claim = claims.joined(separator: ", and ")
    return (["\(claim): \((looked + [runs]).joined(separator: ", "))"] + others)
      .joined(separator: "; ")
  }

  /// `10 runs a side`
  private var runs: String {
    guard let base = comparison.base else { return counted(comparison.head.runs, "run") }
    let (one, other) = (base.runs, comparison.head.runs)
    return one == other ? "\(counted(one, "run")) a side" : "\(one) and \(counted(other, "run"))"
  }

  private var failure: String? {
    guard let failure = comparison.failure else { return nil }
    let ending =
      failure.longestNs.map { "took longer than \(brief(Double($0))) and was ended" }
      ?? failure.signal.map { "was killed by signal \($0)" } ?? failure.exitCode.map {
        "exited \($0)"
      }
      ?? "failed"
    return "\(failure.command) \(ending) in run \(failure.run), so that the runs mean nothing"
  }

  // MARK: A figure

  /// What a figure says, with what it is taken from: `mu is held 2.0× as long each time: 10.2 → 20.4 us
  /// (20 runs, p < 0.001)`.
  func sentence(of gate: GateResult) -> String {
    let evidence = evidence(of: gate)
    return claim(of: gate) + (evidence.isEmpty ? "" : " (\(evidence.joined(separator: ", ")))")
  }

  private func claim(of gate: GateResult) -> String {
    switch gate.tier {
    case .fact where gate.metric != .acquisitions: fact(gate)
    case .budget:
      "\(predicate(gate)) \(head(gate))\(scope(gate)), \(gate.verdict == .met ? "within" : "over") "
        + "its limit of \(limit(gate))"
    case .fact, .difference: difference(gate)
    }
  }

  private func fact(_ gate: GateResult) -> String {
    let what =
      switch gate.metric {
      case .deadlock: "\(name(gate)) is part of a deadlock"
      case .lockOrder: "\(name(gate)) and another lock are taken in both orders"
      case .leftLocked: "\(name(gate)) was left locked by a thread that ended"
      default: "\(name(gate)): \(label(gate))"
      }
    switch gate.verdict {
    case .gone: return what + " no longer"
    case .regressed where comparison.base != nil: return what + ", which was not so before"
    default: return what
    }
  }

  private func difference(_ gate: GateResult) -> String {
    switch gate.verdict {
    case .new: return "\(name(gate)) was not used before"
    case .gone: return "\(name(gate)) is no longer used"
    default: break
    }
    let change = change(gate)
    guard gate.verdict != .same, gate.verdict != .inconclusive else {
      return "\(predicate(gate)) \(change)"
    }
    guard let ratio = ratio(gate) else { return "\(predicate(gate)) more than before: \(change)" }
    let isTime = gate.metric.unit == .nanoseconds
    let degree = isTime ? "as long" : gate.metric == .acquisitions ? "as often" : "as much"
    return "\(predicate(gate)) \(ratio) \(degree)\(scope(gate)): \(change)"
  }

  /// What a figure is of, behind it.
  private func scope(_ gate: GateResult) -> String {
    switch gate.metric {
    case .utilisation, .full: " of a run"
    case .hold, .wait: " each time"
    default: ""
    }
  }

  /// The subject and what is said of it, before a figure.
  private func predicate(_ gate: GateResult) -> String {
    let name = name(gate)
    let isPlural = gate.subject.kind == .allLocks || gate.subject.kind == .threads
    let verb = isPlural ? "are" : "is"
    switch gate.metric {
    case .utilisation: return "\(name) \(verb) \(gate.subject.kind == .gil ? "busy" : "held")"
    case .hold: return "\(name) \(verb) held"
    case .wait, .waitTotal: return "\(name) \(verb) waited for"
    case .acquisitions: return "\(name) \(verb) acquired"
    case .depth: return "\(name) \(verb) as deep as"
    case .full: return "\(name) \(verb) full"
    case .longestHold: return "\(name) \(verb) kept from others for"
    case .lag: return "\(name) run what is due late by"
    case .runQueue: return "\(name) wait for a CPU for"
    case .presence, .deadlock, .lockOrder, .leftLocked: return "\(name): \(label(gate))"
    }
  }

  private func evidence(of gate: GateResult) -> [String] {
    var parts: [String] = []
    switch gate.tier {
    case .fact where gate.metric != .acquisitions:
      let runs = comparison.head.runs
      if runs > 1, let count = gate.head.first, count > 0 {
        parts.append("in \(whole(count)) of \(counted(runs, "run"))")
      }
    case .fact: parts.append("the same in all runs of a side")
    case .budget:
      if gate.head.count > 1 { parts.append("the median of \(counted(gate.head.count, "run"))") }
    case .difference:
      parts.append(counted(gate.base.count + gate.head.count, "run"))
      if let probability = probability(gate, sign: true) { parts.append("p \(probability)") }
    }
    if gate.confirmed == true { parts.append("confirmed by more runs") }
    if gate.confirmed == false { parts.append("more runs did not confirm it") }
    if let waiver = gate.waiver {
      parts.append("waived until \(waiver.until): \(waiver.reason)")
    }
    return parts
  }

  /// Of all locks it is not said which.
  func name(_ gate: GateResult) -> String {
    switch gate.subject.kind {
    case .allLocks: "all locks together"
    case .threads: "threads"
    case .eventLoop: "event loops"
    default: gate.subject.name.isEmpty ? "(no name)" : gate.subject.name
    }
  }

  /// The figure, in the words of tables.
  func label(_ gate: GateResult) -> String {
    switch gate.metric {
    case .utilisation: "utilisation"
    case .hold: "hold, each"
    case .wait: "wait, each"
    case .waitTotal: "wait in all"
    case .acquisitions, .presence: "acquisitions"
    case .deadlock: "deadlock"
    case .lockOrder: "lock order"
    case .leftLocked: "left locked"
    case .depth: "depth, p99"
    case .full: "time full"
    case .longestHold: "longest hold"
    case .lag: "lag, p99"
    case .runQueue: "run queue, p99"
    }
  }

  /// A value of a figure, with its unit; empty where there is none.
  func figure(_ gate: GateResult, _ value: Double?) -> String {
    guard let value else { return "" }
    return switch gate.metric.unit {
    case .nanoseconds: brief(value)
    case .share: percent(value)
    case .count: whole(value)
    }
  }

  /// What it was.
  func base(_ gate: GateResult) -> String { side(gate, gate.base, gate.baseMedian) }

  /// What it is.
  func head(_ gate: GateResult) -> String { side(gate, gate.head, gate.headMedian) }

  /// What it may be.
  func limit(_ gate: GateResult) -> String { figure(gate, gate.limit) }

  private func side(_ gate: GateResult, _ values: [Double], _ middle: Double?) -> String {
    switch (gate.tier, gate.metric) {
    case (.difference, .presence): figure(gate, median(values))
    case (.fact, .acquisitions), (.budget, _), (.difference, _): figure(gate, middle)
    // In so many runs.
    case (.fact, _): values.first.map { counted(bounded($0), "run") } ?? ""
    }
  }

  /// `10.2 → 20.4 us`
  func change(_ gate: GateResult) -> String {
    let (one, other) = (base(gate), head(gate))
    let arrow = hasUnicode ? "→" : "->"
    let (start, end) = (one.split(separator: " "), other.split(separator: " "))
    // A unit that both have is said once.
    if start.count == 2, end.count == 2, start[1] == end[1] {
      return "\(start[0]) \(arrow) \(other)"
    }
    return "\(one) \(arrow) \(other)"
  }

  /// `2.0×`; nil where there is nothing to divide by.
  func ratio(_ gate: GateResult) -> String? {
    guard let ratio = gate.ratio, ratio.isFinite else { return nil }
    let times = hasUnicode ? "×" : "x"
    return (ratio >= 100 ? whole(ratio) : ratio < 0.1 ? hundredths(ratio) : tenths(ratio)) + times
  }

  /// The corrected probability: `< 0.001`, and with its sign `= 0.012`.
  func probability(_ gate: GateResult, sign: Bool = false) -> String? {
    // Where there is not enough to tell, it would be 1 whatever has happened.
    guard let probability = gate.adjustedProbability, gate.verdict != .inconclusive else {
      return nil
    }
    if probability < 0.001 { return "< 0.001" }
    let thousandths = String(bounded((min(max(probability, 0), 1) * 1000).rounded()) + 1000)
    let digits = (thousandths.first == "2" ? "1." : "0.") + thousandths.dropFirst()
    return (sign ? "= " : "") + digits
  }

  /// Why a figure that is worse does not fail.
  func reason(_ gate: GateResult) -> String {
    if gate.tier == .fact { return "this is among what is left out by choice" }
    switch comparison.comparability {
    case .otherMachine:
      return "how long locks are waited for and held depends on the machine, and the sides ran on "
        + "different ones"
    case .sameMachine:
      return "how long locks are waited for depends on what else runs, and the sides did not take "
        + "turns"
    default: return "this does not fail by itself"
    }
  }

  /// Function, file and line; empty where no line is known.
  func place(_ gate: GateResult) -> String {
    guard let place = gate.subject.place else { return "" }
    let file = "\(place.file.split(separator: "/").last ?? ""):\(place.line)"
    return place.function.isEmpty ? file : "\(place.function) \(file)"
  }

  // MARK: The sides

  /// `./prog with ./prog`, how many runs of each, and how comparable they are.
  var sides: [String] {
    func program(_ side: SideSummary) -> String {
      // Of a command that a shell runs, the command.
      let words =
        side.program.count == 3 && side.program[1] == "-c" ? [side.program[2]] : side.program
      return words.joined(separator: " ").shown
    }
    func facts(_ side: SideSummary, _ name: String) -> String {
      guard side.runs > 0 else { return "\(name): no run" }
      let lost = side.lost > 0 ? ", \(grouped(side.lost)) events lost" : ""
      return "\(name): \(counted(side.runs, "run")) of \(brief(Double(side.durationNs)))\(lost)"
    }
    var programs = [comparison.base, comparison.head].compactMap(\.self).map(program)
    if programs.count == 2, programs[0] == programs[1] { programs.removeLast() }
    var parts = [programs.joined(separator: hasUnicode ? " → " : " -> ")]
    if let base = comparison.base { parts.append(facts(base, "base")) }
    parts.append(facts(comparison.head, "head"))
    switch comparison.comparability {
    case .interleaved: parts.append("by turns on one machine")
    case .sameMachine: parts.append("at different times on one machine")
    case .otherMachine: parts.append("on different machines")
    case nil: break
    }
    let overhead = max(comparison.base?.overhead ?? 0, comparison.head.overhead)
    parts.append("est. overhead \(overhead < 0.01 ? "<1 %" : percent(overhead))")
    return parts
  }

  /// What was looked at and is as it was: `27 locks as before`.
  var unchanged: String? {
    let kinds: [(GateSubject.Kind, String)] = [
      (.lock, "lock"), (.queue, "queue"), (.gil, "interpreter"), (.eventLoop, "set of event loops"),
    ]
    let word = comparison.base == nil ? "within their limits" : "as before"
    let parts = kinds.compactMap { kind, noun -> String? in
      let other = Set(
        comparison.gates.filter { $0.subject.kind == kind && $0.standing != .same }
          .map(\.subject.name))
      let count = comparison.subjects(kind) { !other.contains($0.subject.name) }
      return count > 0 ? counted(count, noun) : nil
    }
    return parts.isEmpty ? nil : "\(parts.joined(separator: ", ")) \(word)"
  }

  // MARK: Numbers

  func brief(_ nanoseconds: Double) -> String {
    Duration.nanoseconds(Int64(min(max(nanoseconds.rounded(), -9e18), 9e18))).brief
  }

  /// Of all locks together it may be more than the whole.
  func percent(_ share: Double) -> String {
    let value = share * 100
    return (value > 0 && value < 10 ? tenths(value) : whole(value)) + " %"
  }

  /// `1,234,567`, whatever is behind the point.
  func whole(_ number: Double) -> String { grouped(UInt64(min(max(number.rounded(), 0), 9e18))) }

  private func hundredths(_ number: Double) -> String {
    let digits = String(bounded((max(number, 0) * 100).rounded()))
    return "0." + (digits.count < 2 ? "0" : "") + digits
  }
}
