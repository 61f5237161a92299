/// Writes sections as GitHub-flavoured Markdown (https://github.github.com/gfm).
struct SectionMarkdown {
  /// A section as paragraphs and tables.
  func text(_ section: ReportSection) -> String {
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

  /// A text without what Markdown, HTML or GitHub would take for their own: marks of emphasis, links, mentions
  /// of people and of issues.
  ///
  /// Mentions are looked for in what Markdown has become, where `&#64;` is an `@` like any other. A comment,
  /// which nobody sees or copies, keeps it from the name behind it.
  func escaped(_ text: String) -> String {
    let isLink = text.contains("://") || text.contains("www.")
    return text.escaped { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "@", "#": "\(scalar)<!-- -->"
      case "|": "&#124;"
      case ":", ".": isLink ? "&#\(scalar.value);" : nil
      case "\\", "`", "*", "_", "[", "]", "~", "!", "$": "\\\(scalar)"
      default: nil
      }
    }
  }
}

extension Character {
  fileprivate var isASCIILetter: Bool { isASCII && isLetter }
}
