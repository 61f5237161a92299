/// Rows of cells under headings, as narrow as what is in them.
struct TextTable {
  /// Where a column's cells stand.
  enum Alignment { case left, right }

  /// What a cell loses that is too long for its column.
  enum Shortening {
    /// Its middle.
    case middle
    /// All but its last word: of `function file.c:12`, the file is left.
    case firstWords
    /// The file that a name begins with: of `app.py:12 jobs`, the name is left.
    case file
  }

  /// A column; one that is `flexible` gives up width when the table is too wide.
  struct Column {
    var title: String
    var alignment = Alignment.left
    var isFlexible = false
    var shortening = Shortening.middle
    /// Which of the columns goes first where there is no room for all: 1 before 2, and one of 0 never.
    var leaves = 0
  }

  var columns: [Column]
  private(set) var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ row: [String]) { rows.append(row) }

  /// Without columns that are empty in all rows, except for the first.
  var compact: TextTable {
    keeping(columns.indices.filter { place in place == 0 || rows.contains { !$0[place].isEmpty } })
  }

  private func keeping(_ kept: [Int]) -> TextTable {
    var table = TextTable(kept.map { columns[$0] })
    for row in rows { table.add(kept.map { row[$0] }) }
    return table
  }

  /// Without columns for which there is no room, when flexible ones have given way down to ten letters.
  func narrowed(to width: Int) -> TextTable {
    var table = self
    while table.leastWidth > width, let place = table.firstToLeave {
      table = table.keeping(table.columns.indices.filter { $0 != place })
    }
    return table
  }

  /// The lines, the headings first, none longer than `width`: where columns have left that can, the
  /// flexible ones have to do with less.
  func lines(width: Int) -> [String] { narrowed(to: width).fittedLines(width: width) }

  private var firstToLeave: Int? {
    columns.indices.filter { columns[$0].leaves > 0 }.min {
      columns[$0].leaves < columns[$1].leaves
    }
  }

  private func fittedLines(width: Int) -> [String] {
    let widths = columnWidths(in: width)
    return ([columns.map(\.title)] + rows).map { row in
      var line = ""
      for (place, column) in columns.enumerated() {
        if place > 0 { line += "  " }
        let cell = fitted(row[place], to: widths[place], column.shortening)
        let padding = String(repeating: " ", count: max(0, widths[place] - cell.columns))
        line += column.alignment == .left ? cell + padding : padding + cell
      }
      while line.last == " " { line.removeLast() }
      return line.prefix(columns: width)
    }
  }

  // MARK: Widths

  /// What is in each column.
  private var contentWidths: [Int] {
    columns.indices.map { column in
      (rows.map { $0[column].columns } + [columns[column].title.columns]).max() ?? 0
    }
  }

  /// What a flexible column keeps as long as others can leave, or give.
  private func least(_ column: Column) -> Int { max(10, column.title.columns) }

  private var leastWidth: Int {
    zip(columns, contentWidths).reduce(2 * (columns.count - 1)) { sum, column in
      sum + (column.0.isFlexible ? min(column.1, least(column.0)) : column.1)
    }
  }

  private func columnWidths(in width: Int) -> [Int] {
    var widths = contentWidths
    var excess = widths.reduce(2 * (columns.count - 1), +) - width
    while excess > 0 {
      // The widest of those that can give.
      let flexible = columns.indices.filter { columns[$0].isFlexible }
      let roomy = flexible.filter { widths[$0] > least(columns[$0]) }
      // Where nothing is left to leave, a few letters have to do, of headings too.
      let candidates = roomy.isEmpty ? flexible.filter { widths[$0] > 6 } : roomy
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      // Places lose their function before anything else is cut, which nobody could read then.
      let words = columns.indices.first { place in
        columns[place].shortening == .firstWords && widths[place] > lastWords(place)
      }
      let place = words ?? widest
      widths[place] -= 1
      excess -= 1
    }
    return widths
  }

  /// What a column needs for the last words of its cells.
  private func lastWords(_ column: Int) -> Int {
    let words = rows.map { $0[column].split(separator: " ").last.map { String($0).columns } ?? 0 }
    return max(least(columns[column]), words.max() ?? 0)
  }

  private func fitted(_ cell: String, to width: Int, _ shortening: Shortening) -> String {
    switch shortening {
    case .middle: shortened(cell, to: width)
    case .firstWords: shortenedToLastWord(cell, to: width)
    case .file: cell.columns > width ? shortened(withoutFile(cell), to: width) : cell
    }
  }
}
