internal import TraceAnalysis

/// A comparison as people read it: the verdict first, then what it comes from, and what to look at next.
struct ComparisonText {
  let words: ComparisonWords
  let style: Style
  /// Recordings of what is judged that can be looked into, as commands are to name them.
  let recordings: [String]
  /// Rows of a table of one standing, at most.
  let each: Int
  /// Rows of a table, at most.
  let top: Int

  init(
    _ comparison: Comparison, style: Style, recordings: [String] = [], each: Int = 10, top: Int = 40
  ) {
    words = ComparisonWords(comparison, hasUnicode: style.hasUnicode)
    self.style = style
    self.recordings = recordings
    self.each = each
    self.top = top
  }

  private var comparison: Comparison { words.comparison }

  /// The whole text, ending with a line break.
  var text: String {
    let writer = SectionText(style: style)
    return sections.map { writer.lines($0).joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }

  /// What stands in it.
  var sections: [ReportSection] {
    [
      verdict, sides, failure, figures, places, remarks, next,
    ].compactMap(\.self)
  }

  private var verdict: ReportSection {
    ReportSection(
      words.verdict, [.sentence(words.sentence)], isWarning: comparison.verdict != .pass)
  }

  private var sides: ReportSection {
    ReportSection("RUNS", [.facts(words.sides)])
  }

  /// The last lines of a program that failed.
  var failure: ReportSection? {
    guard let output = comparison.failure?.output, !output.isEmpty else { return nil }
    return ReportSection("OUTPUT", [.lines(output.suffix(max(each, 3)).map(fitted))])
  }

  private func fitted(_ line: String) -> String {
    shortened(line, to: style.columns - SectionText.indent)
  }

  // MARK: The table

  /// What is shown, and how many of each standing are not.
  private var rows: (shown: [GateResult], left: [(Standing, Int)]) {
    var shown: [GateResult] = []
    var left: [(Standing, Int)] = []
    for standing in Standing.allCases where standing != .same {
      let all = comparison.gates(standing)
      let kept = all.prefix(max(0, min(standing == .failed ? top : each, top - shown.count)))
      shown += kept
      if kept.count < all.count { left.append((standing, all.count - kept.count)) }
    }
    return (shown, left)
  }

  private var figures: ReportSection? {
    let (shown, left) = rows
    var table = TextTable([
      TextTable.Column(title: "RESULT"), TextTable.Column(title: "of", isFlexible: true),
      TextTable.Column(title: "figure"),
      // On a narrow terminal what a change comes to is worth more than what it comes from.
      TextTable.Column(title: "base", alignment: .right, leaves: 2),
      TextTable.Column(title: "limit", alignment: .right),
      TextTable.Column(title: "head", alignment: .right),
      TextTable.Column(title: "ratio", alignment: .right, leaves: 3),
      TextTable.Column(title: "p", alignment: .right, leaves: 1),
    ])
    for gate in shown {
      table.add([
        gate.standing.word, words.name(gate), words.label(gate),
        words.base(gate), words.limit(gate), words.head(gate), words.ratio(gate) ?? "",
        words.probability(gate) ?? "",
      ])
    }
    let rest =
      (left.isEmpty
        ? []
        : ["not shown: " + left.map { "\(grouped(UInt64($1))) \($0.word)" }.joined(separator: ", ")])
      + [words.unchanged].compactMap(\.self)
    guard !shown.isEmpty else {
      return rest.isEmpty ? nil : ReportSection("RESULT", [.sentence(rest.joined(separator: "; "))])
    }
    return ReportSection(
      "RESULT", [.table(table.compact, rest: rest.isEmpty ? nil : rest.joined(separator: "; "))])
  }

  /// Where in the program is what fails.
  private var places: ReportSection? {
    var lines: [String] = []
    for gate in comparison.gates(.failed) where gate.subject.place != nil {
      let line = "\(words.name(gate)): \(words.place(gate))"
      if !lines.contains(line) { lines.append(line) }
    }
    guard !lines.isEmpty else { return nil }
    return ReportSection("WHERE", [.facts(Array(lines.prefix(min(each, 5))))])
  }

  /// Why something that is worse does not fail, and what could not be compared.
  var remarks: ReportSection? {
    var sentences: [String] = []
    for gate in comparison.gates(.waived).prefix(each) {
      guard let waiver = gate.waiver else { continue }
      sentences.append("\(words.name(gate)) is waived until \(waiver.until): \(waiver.reason)")
    }
    if !comparison.gates(.moved).isEmpty {
      sentences.append(
        "moved: other locks got better by as much, so that the time has only another name")
    }
    if !comparison.gates(.unconfirmed).isEmpty {
      sentences.append("unconfirmed: more runs did not show it again")
    }
    for gate in comparison.gates(.shown) {
      let sentence = "\(gate.standing.word): \(words.reason(gate))"
      if !sentences.contains(sentence) { sentences.append(sentence) }
    }
    sentences += comparison.notes.prefix(max(each * 2, 1))
    return sentences.isEmpty ? nil : ReportSection("NOTES", sentences.map { .sentence($0) })
  }

  // MARK: Next

  /// How to look deeper.
  var next: ReportSection? {
    let suspects = comparison.gates.filter {
      [.failed, .waived, .unconfirmed, .shown].contains($0.standing)
    }
    guard !suspects.isEmpty || comparison.verdict != .pass && !recordings.isEmpty else {
      return nil
    }
    let recording = recordings.first.map(quoted) ?? "RECORDING"
    var blocks = [
      ReportSection.Block.lines(leads(suspects).map { "ctrace report\($0) \(recording)" })
    ]
    if recordings.isEmpty {
      blocks.append(
        .sentence("RECORDING is one of a run like these: 'ctrace ci --keep FOLDER' keeps its own"))
    }
    return ReportSection("NEXT", blocks)
  }

  /// Options for the worst, and for all.
  private func leads(_ gates: [GateResult]) -> [String] {
    var leads: [String] = []
    for gate in gates {
      let option: String? =
        switch gate.subject.kind {
        case .lock: "--lock"
        case .queue: "--queue"
        default: nil
        }
      guard let option, !gate.subject.name.isEmpty else { continue }
      let lead = " \(option) \(quoted(gate.subject.name))"
      if !leads.contains(lead) { leads.append(lead) }
    }
    return leads.isEmpty ? [""] : Array(leads.prefix(2))
  }
}
