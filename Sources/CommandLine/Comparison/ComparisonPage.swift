internal import TraceAnalysis

/// A comparison as one page that needs nothing beside itself: no network, no script, so that the viewers of
/// build servers, which forbid both, show it too.
///
/// Every figure is drawn: each run a dot on one axis that begins at 0, those of the base above those of the
/// head, the median of each as a line, and the limit where there is one.
struct ComparisonPage {
  /// Dots that a page has at most: many more make browsers slow. Figures that matter less are not drawn then.
  static let mostDots = 40_000

  let text: ComparisonText
  private var words: ComparisonWords { text.words }
  private var comparison: Comparison { text.words.comparison }

  init(_ comparison: Comparison, recordings: [String]) {
    text = ComparisonText(comparison, style: Style(), recordings: recordings)
  }

  /// The page.
  var bytes: [UInt8] {
    let parts = [
      "title": "ctrace: \(words.verdict.lowercased())",
      "head": "<h1>\(words.verdict)</h1>\n<p class=\"facts\">"
        + words.sides.map(escaped).joined(separator: " · ") + "</p>",
      "main": ([verdict, figures] + sections).joined(separator: "\n"),
      "foot": "ctrace \(ctraceVersion)",
    ].mapValues { Array($0.utf8) }
    return HTMLFrame.filled(
      PackageResources.comparison_html,
      with: parts.merging([
        "style": PackageResources.page_css + PackageResources.comparison_css
      ]) { one, _ in one })
  }

  private func escaped(_ text: String) -> String { HTMLFrame.escaped(text) }

  private var verdict: String {
    let kind =
      switch comparison.verdict {
      case .pass: ""
      case .regression, .programFailed: "warning"
      case .inconclusive, .lossy: "unclear"
      }
    return "<section id=\"verdict\" class=\"\(kind)\"><p class=\"sentence\">"
      + escaped(words.sentence) + "</p></section>"
  }

  // MARK: Figures

  private var figures: String {
    var dots = 0
    var shown: [String] = []
    var same: [String] = []
    for gate in comparison.gates {
      dots += gate.base.count + gate.head.count
      let line = row(gate, isDrawn: dots <= ComparisonPage.mostDots)
      if gate.standing == .same { same.append(line) } else { shown.append(line) }
    }
    guard !comparison.gates.isEmpty else { return "" }
    var parts = ["<section id=\"figures\"><div class=\"title\"><h2>Figures</h2></div>", legend]
    if !shown.isEmpty { parts.append(table(shown)) }
    if !same.isEmpty {
      let word = comparison.base == nil ? "within their limits" : "as before"
      parts.append(
        "<details\(shown.isEmpty ? " open" : "")><summary>\(counted(same.count, "figure")) \(word)"
          + "</summary>\(table(same))</details>")
    }
    return (parts + ["</section>"]).joined(separator: "\n")
  }

  private var hasLimits: Bool { comparison.gates.contains { $0.limit != nil } }

  private var legend: String {
    let entries = [
      ("base", "a run of the base"), ("head", "a run of the head"), ("median", "the median"),
      ("limit", "the limit"),
    ].filter { name, _ in
      switch name {
      case "base": comparison.base != nil
      case "limit": hasLimits
      default: true
      }
    }
    return "<ul class=\"legend\">"
      + entries.map { "<li><span class=\"swatch \($0)\"></span>\($1)</li>" }.joined() + "</ul>"
  }

  private func table(_ rows: [String]) -> String {
    let headings = ["result", "of", "figure", "runs", "base", "head", "limit", "ratio", "p"]
      .filter { $0 != "limit" || hasLimits }
    let cells = headings.enumerated().map { place, title in
      "<th scope=\"col\"\(place > 3 ? " class=\"number\"" : "")>\(title)</th>"
    }
    return "<div class=\"scroll\"><table><thead><tr>\(cells.joined())</tr></thead>\n<tbody>\n"
      + rows.joined(separator: "\n") + "\n</tbody></table></div>"
  }

  private func row(_ gate: GateResult, isDrawn: Bool) -> String {
    func cell(_ kind: String, _ markup: String) -> String {
      "<td class=\"\(kind)\">\(markup)</td>"
    }
    let place = words.place(gate)
    let name =
      escaped(words.name(gate))
      + (place.isEmpty ? "" : "<span class=\"muted\">\(escaped(place))</span>")
    let numbers =
      [words.base(gate), words.head(gate)] + (hasLimits ? [words.limit(gate)] : [])
      + [words.ratio(gate) ?? "", words.probability(gate) ?? ""]
    return "<tr title=\"\(escaped(words.sentence(of: gate)))\">"
      + cell("result\(gate.fails ? " failed" : "")", gate.standing.word) + cell("name", name)
      + cell("", words.label(gate)) + cell("runs", isDrawn ? drawing(gate) : "")
      + numbers.map { cell("number", escaped($0)) }.joined() + "</tr>"
  }

  /// The runs of both sides on one axis.
  private func drawing(_ gate: GateResult) -> String {
    // Of what is so or not there is no figure for each run.
    guard gate.tier != .fact else { return "" }
    let values = (gate.base + gate.head).filter(\.isFinite) + [gate.limit ?? 0]
    guard let greatest = values.max(), greatest > 0 else { return "" }
    func x(_ value: Double) -> String { tenths(5 + min(max(value / greatest, 0), 1) * 250) }
    func side(_ name: String, _ values: [Double], _ middle: Double?, y: Int) -> String {
      guard !values.isEmpty else { return "" }
      let dots = values.map {
        "<circle cx=\"\(x($0))\" cy=\"\(y)\" r=\"3\"><title>\(words.figure(gate, $0))</title></circle>"
      }
      let median =
        middle.map {
          "<line class=\"median\" x1=\"\(x($0))\" x2=\"\(x($0))\" y1=\"\(y - 7)\" y2=\"\(y + 7)\"/>"
        } ?? ""
      return "<g class=\"\(name)\">\(dots.joined())\(median)</g>"
    }
    let limit =
      gate.limit.map {
        "<line class=\"limit\" x1=\"\(x($0))\" x2=\"\(x($0))\" y1=\"0\" y2=\"36\"/>"
      }
      ?? ""
    let label = [
      gate.base.isEmpty ? "" : "base \(words.base(gate))",
      gate.head.isEmpty ? "" : "head \(words.head(gate))",
      gate.limit == nil ? "" : "limit \(words.limit(gate))",
    ].filter { !$0.isEmpty }.joined(separator: ", ")
    return "<svg viewBox=\"0 0 260 36\" role=\"img\" aria-label=\"\(escaped(label))\">"
      + "<line class=\"axis\" x1=\"5\" x2=\"255\" y1=\"18\" y2=\"18\"/>"
      + side("base", gate.base, gate.baseMedian, y: 9)
      + side("head", gate.head, gate.headMedian, y: 27) + limit + "</svg>"
  }

  // MARK: The rest

  /// What else the text has.
  private var sections: [String] {
    [
      ("notes", "Notes", text.remarks), ("output", "Output", text.failure),
      ("next", "Next", text.next),
    ]
    .compactMap { id, title, section in
      section.map { section in
        "<section id=\"\(id)\"><div class=\"title\"><h2>\(title)</h2></div>"
          + section.blocks.map(markup).joined(separator: "\n") + "</section>"
      }
    }
  }

  private func markup(_ block: ReportSection.Block) -> String {
    switch block {
    case .sentence(let sentence): "<p>\(escaped(sentence))</p>"
    case .lines(let lines): "<pre>\(escaped(lines.joined(separator: "\n")))</pre>"
    case .facts(let facts), .parts(let facts):
      "<p>\(facts.map(escaped).joined(separator: " · "))</p>"
    // There are none in these sections.
    case .table, .stacks: ""
    }
  }
}
