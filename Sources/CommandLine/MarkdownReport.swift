internal import TraceAnalysis

/// A report as GitHub-flavoured Markdown (https://github.github.com/gfm), for a comment on a change: the
/// same sections as the text of the terminal.
struct MarkdownReport {
  private let report: TextReport

  /// - Parameters:
  ///   - file: The recording, as commands are to name it.
  ///   - top: Rows of a table, at most.
  ///   - subject: What it is on; nil for all.
  ///   - isSorted: Whether locks and threads stand in the order that they are to be shown in.
  init(_ report: Report, file: String, top: Int, subject: ReportSubject?, isSorted: Bool = false) {
    var style = Style()
    // Nothing is cut where a browser breaks lines.
    style.columns = 200
    self.report = TextReport(
      report, style: style, file: file, top: top, subject: subject, isSorted: isSorted)
  }

  /// The whole text, ending with a line break.
  var text: String {
    let head = "**ctrace**: " + report.headFacts.map(escaped).joined(separator: " · ")
    let notes = report.notes.map { "<sub>\(escaped("\($0.label) \($0.text)"))</sub>" }
    let parts = [head] + report.sections.map(text) + [notes.joined(separator: "<br>\n")]
    return parts.joined(separator: "\n\n") + "\n"
  }

  private func text(_ section: ReportSection) -> String {
    var parts: [String] = []
    for block in section.blocks {
      let isFirst = parts.isEmpty
      let label = isFirst && !section.title.isEmpty ? "**\(section.title)** " : ""
      switch block {
      case .facts(let facts), .parts(let facts):
        parts.append(label + facts.map(escaped).joined(separator: " · "))
      case .sentence(let sentence):
        let warning = section.isWarning && isFirst ? "⚠️ " : ""
        parts.append(warning + label + escaped(sentence))
      case .table(let table, let rest):
        parts.append(lines(table, title: isFirst ? section.title : "").joined(separator: "\n"))
        if let rest { parts.append("<sub>\(escaped(rest))</sub>") }
      case .stacks(let stacks):
        if isFirst { parts.append("**\(section.title)**") }
        parts += stacks.map { "\(escaped($0.count))\n\n\(code($0.frames))" }
      case .lines(let all):
        if isFirst { parts.append("**\(section.title)**") }
        parts.append(code(all))
      }
    }
    return parts.joined(separator: "\n\n")
  }

  private func lines(_ table: TextTable, title: String) -> [String] {
    let titles = table.columns.enumerated().map { $0 == 0 && !title.isEmpty ? title : $1.title }
    let rules = table.columns.map { $0.alignment == .right ? "--:" : ":--" }
    return [row(titles.map(heading)), row(rules)] + table.rows.map { row($0.map(cell)) }
  }

  private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

  /// Of headings that are the ends of a time axis the distance between them goes.
  private func heading(_ title: String) -> String {
    escaped(title.split(separator: "  ").map { $0.trimmingPrefix(" ") }.joined(separator: " … "))
  }

  /// Strips and curves keep their shape.
  private func cell(_ text: String) -> String {
    text.contains { "█▓░·─▁▂▃▄▅▆▇".contains($0) } && !text.contains(where: \.isASCIILetter)
      ? code(inline: text) : escaped(text)
  }

  /// Code in a line. A vertical bar would end the cell of a table, even there.
  private func code(inline text: String) -> String {
    "<code>" + escaped(text).replacing(" ", with: "&nbsp;") + "</code>"
  }

  /// A block of code, its fence longer than any in it.
  private func code(_ lines: [String]) -> String {
    var fence = "```"
    while lines.contains(where: { $0.contains(fence) }) { fence += "`" }
    return ([fence] + lines + [fence]).joined(separator: "\n")
  }

  /// Without what Markdown, HTML or GitHub would take for their own: marks of emphasis, links, mentions of
  /// people and of issues.
  private func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "@": result += "&#64;"
      case "#": result += "&#35;"
      case "|": result += "&#124;"
      case ":": result += text.contains("://") ? "&#58;" : ":"
      case "\\", "`", "*", "_", "[", "]", "~", "!", "$": result += "\\\(character)"
      default: result.append(character)
      }
    }
    return result
  }
}

extension Character {
  fileprivate var isASCIILetter: Bool { isASCII && isLetter }
}
