/// Rows of cells under headings, as narrow as what is in them.
struct TextTable {
  /// Where a column's cells stand.
  enum Alignment { case left, right }

  /// A column; one that is `flexible` gives up width when the table is too wide.
  struct Column {
    var title: String
    var alignment = Alignment.left
    var isFlexible = false
  }

  private let columns: [Column]
  private var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ row: [String]) { rows.append(row) }

  /// The lines, the headings first, none longer than `width` as far as the flexible columns, of ten
  /// letters at the least, allow.
  func lines(width: Int) -> [String] {
    var widths = columns.indices.map { column in
      (rows.map { $0[column].count } + [columns[column].title.count]).max() ?? 0
    }
    let gaps = 2 * (columns.count - 1)
    var excess = widths.reduce(gaps, +) - width
    while excess > 0 {
      // The widest of those that can give.
      let candidates = columns.indices.filter {
        columns[$0].isFlexible && widths[$0] > 10
      }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return ([columns.map(\.title)] + rows).map { row in
      var line = ""
      for column in columns.indices {
        if column > 0 { line += "  " }
        let cell = shortened(row[column], to: widths[column])
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += columns[column].alignment == .left ? cell + padding : padding + cell
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

/// A text that is too long without its middle, so that both its ends can be read.
func shortened(_ text: String, to width: Int) -> String {
  guard text.count > width, width > 3 else { return text }
  let tail = (width - 2) / 2
  return text.prefix(width - 2 - tail) + ".." + text.suffix(tail)
}
