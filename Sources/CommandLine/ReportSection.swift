/// A part of a report that people read, before it has a form: the text of the terminal and Markdown are
/// made of the same ones.
struct ReportSection {
  /// What stands in it.
  enum Block {
    /// Figures one after another, on as many lines as they need.
    case facts([String])
    /// Parts of a whole, on one line.
    case parts([String])
    /// A sentence.
    case sentence(String)
    /// A table, and what its rows leave out.
    case table(TextTable, rest: String?)
    /// Stacks, each with what was counted there.
    case stacks([(count: String, frames: [String])])
    /// Lines that only make sense as they are.
    case lines([String])
  }

  /// One word, in capitals; empty where the section goes on with the one before.
  var title: String
  var blocks: [Block]
  /// Whether it tells of something that is wrong.
  var isWarning = false

  init(_ title: String, _ blocks: [Block], isWarning: Bool = false) {
    self.title = title
    self.blocks = blocks
    self.isWarning = isWarning
  }
}

/// Writes sections for a terminal.
struct SectionText {
  let style: Style

  /// As far as labels reach.
  static let indent = 9

  /// The lines of a section.
  func lines(_ section: ReportSection) -> [String] {
    var lines: [String] = []
    for block in section.blocks {
      let title = lines.isEmpty ? section.title : ""
      switch block {
      case .facts(let facts):
        lines += labelled(
          title, facts, separator: style.hasUnicode ? " · " : ", ", section.isWarning)
      case .parts(let parts): lines += labelled(title, parts, separator: "  ", section.isWarning)
      case .sentence(let sentence):
        let words = sentence.split(separator: " ").map(String.init)
        lines += labelled(title, words, separator: " ", section.isWarning)
      case .table(var table, let rest):
        if !title.isEmpty { table.columns[0].title = title }
        var all = table.lines(width: style.columns)
        if !all.isEmpty { all[0] = style.bold(all[0]) }
        lines += all
        if let rest { lines += self.rest(rest) }
      case .stacks(let stacks):
        if !title.isEmpty { lines.append(style.bold(title)) }
        for (count, frames) in stacks {
          lines.append(fit("  \(count)"))
          lines += frames.map { fit("      \($0)") }
        }
      case .lines(let all):
        lines += title.isEmpty ? all : labelledLines(title, all)
      }
    }
    return lines
  }

  private func rest(_ text: String) -> [String] {
    wrapped("", text.split(separator: " "), separator: " ").map(style.dim)
  }

  private func labelledLines(_ title: String, _ lines: [String]) -> [String] {
    lines.enumerated().map { place, line in
      let label = place == 0 ? title : ""
      let padding = String(repeating: " ", count: max(1, SectionText.indent - label.count))
      return (label.isEmpty ? "" : style.bold(label)) + padding + line
    }
  }

  private func labelled(
    _ title: String, _ parts: [String], separator: String, _ isWarning: Bool
  ) -> [String] {
    let gap = title.count < SectionText.indent ? SectionText.indent - title.count : 2
    let label = title + String(repeating: " ", count: gap)
    var lines = wrapped(label, parts, separator: separator)
    let shown = isWarning ? style.warning(title) : style.bold(title)
    if !title.isEmpty { lines[0] = shown + lines[0].dropFirst(title.count) }
    return lines
  }

  func fit(_ line: String) -> String {
    line.columns <= style.columns ? line : line.prefix(columns: style.columns - 2) + ".."
  }

  /// Parts behind a label, on as many lines as they need, the later ones indented like the first. A part
  /// that does not fit on a line by itself is broken between words, and a word is shortened.
  func wrapped(
    _ label: String, _ parts: [some StringProtocol], separator: String
  ) -> [String] {
    var lines: [String] = []
    var line = label.hasSuffix(" ") || label.isEmpty ? label : label + " "
    let indent = String(repeating: " ", count: line.columns)
    var isEmpty = true
    let room = max(10, style.columns - indent.count)
    for part in parts {
      let part = String(part)
      let words = part.columns <= room ? [part] : part.split(separator: " ").map(String.init)
      for (place, word) in words.enumerated() {
        let word = shortened(word, to: room)
        let separator = place == 0 ? separator : " "
        if !isEmpty && line.columns + separator.columns + word.columns > style.columns {
          lines.append(line)
          line = indent
          isEmpty = true
        }
        line += (isEmpty ? "" : separator) + word
        isEmpty = false
      }
    }
    return lines + [line]
  }
}
