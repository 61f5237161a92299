import CElf

/// A place in the source.
struct SourcePlace {
  /// As the compiler was told, made absolute with its folder.
  var file: String
  var line: UInt32
}

/// The source lines of a unit's code, and the files that its entries name by number.
///
/// The rows are libdw's, sorted by address; valid as long as the handle they come from.
@safe
struct LineTable {
  private var rows: OpaquePointer?
  private var rowCount = 0
  private var files: OpaquePointer?

  /// A table that knows no line.
  init() {}

  /// Has libdw read the table of a unit.
  init(ofUnitAt firstEntry: UInt64, in handle: borrowing DwarfHandle) {
    guard var unit = unsafe handle.entry(at: firstEntry) else { return }
    if unsafe dwarf_getsrclines(&unit, &rows, &rowCount) != 0 { rowCount = 0 }
    var fileCount = 0
    if unsafe dwarf_getsrcfiles(&unit, &files, &fileCount) != 0 { unsafe files = nil }
  }

  /// The line of the instruction at an address.
  func place(at address: UInt64) -> SourcePlace? {
    // The last row that does not begin after it. Of rows with the same address only the last one
    // covers code.
    var low = 0
    var high = rowCount
    while low < high {
      let middle = low + (high - low) / 2
      if self.address(ofRow: middle) <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, let row = unsafe dwarf_onesrcline(rows, low - 1) else { return nil }
    var isEnd = false
    var line: Int32 = 0
    guard unsafe dwarf_lineendsequence(row, &isEnd) == 0, !isEnd,
      unsafe dwarf_lineno(row, &line) == 0
    else { return nil }
    return unsafe place(in: dwarf_linesrc(row, nil, nil), line: UInt64(max(line, 0)))
  }

  /// The line of a file that has a number in this unit.
  func place(file: UInt64, line: UInt64) -> SourcePlace? {
    guard let files = unsafe files, let index = Int(exactly: file) else { return nil }
    return unsafe place(in: dwarf_filesrc(files, index, nil, nil), line: line)
  }

  private func address(ofRow index: Int) -> UInt64 {
    var address: UInt64 = 0
    guard let row = unsafe dwarf_onesrcline(rows, index), unsafe dwarf_lineaddr(row, &address) == 0
    else { return .max }
    return address
  }

  /// Line 0 means code that is nobody's in the source.
  @unsafe private func place(in file: UnsafePointer<CChar>?, line: UInt64) -> SourcePlace? {
    guard let file = unsafe file, let line = UInt32(exactly: line), line > 0 else { return nil }
    return SourcePlace(file: printable(unsafe string(of: file)), line: line)
  }
}
