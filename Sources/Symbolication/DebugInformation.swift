import CElf

/// What debug information adds to the symbols of a file: the lines of its source, and the functions
/// that were inlined into others.
///
/// The units are listed when it is opened. Each is read when the first address in it is asked for,
/// and kept.
struct DebugInformation: ~Copyable {
  /// A function that was at work at an address.
  struct Frame {
    /// Mangled as in the file; nil where it has none.
    var name: String?
    /// The lowest address of its code; nil where no function is known.
    var start: UInt64?
    /// Where it was at work: at the address or, where another function was inlined, at that call.
    var place: SourcePlace?
  }

  private struct Unit {
    var functions: InlineTable
    var lines: LineTable
  }

  private struct AbbreviationsKey: Hashable {
    var offset: UInt64
    var format: UnitFormat
  }

  private let handle: DwarfHandle
  /// The file into which dwz moved what several files had in common; `handle` refers to it.
  private let common: DwarfHandle?
  private let code: Range<UInt64>
  private let index: CompileUnits
  private var units: [Int: Unit] = [:]
  private var abbreviations: [AbbreviationsKey: Abbreviations] = [:]
  private var allowance: Allowance
  private var lineAllowance: Allowance
  private var lineOffsets: Set<UInt64> = []

  /// Takes over a file; nil where it has no debug information that can be used, or where a part of
  /// it is missing.
  init?(of file: consuming ElfFile, debugFiles: DebugFiles) {
    guard let handle = DwarfHandle(of: file) else { return nil }
    var common: DwarfHandle?
    if let link = handle.commonLink {
      guard let file = debugFiles.file(common: link, of: handle.file),
        let opened = DwarfHandle(of: file), opened.commonLink == nil
      else { return nil }
      handle.refer(to: opened)
      common = consume opened
    }
    code = handle.file.codeRange
    allowance = Allowance(handle.size)
    lineAllowance = Allowance(handle.size)
    index = CompileUnits(of: handle, code: code, within: &allowance)
    self.handle = handle
    self.common = common
  }

  /// The functions at an address of the file, innermost first: those that were inlined, then the
  /// one whose code it is. Empty where no unit is known.
  mutating func frames(at address: UInt64) -> [Frame] {
    guard let number = index.unit(at: address) else { return [] }
    let unit = self.unit(number)
    var frames: [Frame] = []
    var place = unit.lines.place(at: address)
    for entry in unit.functions.entries(at: address) {
      frames.append(
        Frame(name: handle.name(ofEntryAt: entry.offset), start: entry.start, place: place))
      guard entry.caller != nil else { return frames }
      place = handle.number(DW_AT_call_line, ofEntryAt: entry.offset).flatMap { line in
        handle.number(DW_AT_call_file, ofEntryAt: entry.offset).flatMap { file in
          unit.lines.place(file: file, line: line)
        }
      }
    }
    // Code without an entry of its own, as that of assemblers, can have lines.
    return frames.isEmpty ? [Frame(place: place)] : frames
  }

  private mutating func unit(_ number: Int) -> Unit {
    if let known = units[number] { return known }
    let header = index.headers[number]
    let unit = Unit(
      functions: functions(of: header),
      lines: hasLines(header) ? LineTable(ofUnitAt: header.firstEntry, in: handle) : LineTable())
    units[number] = unit
    return unit
  }

  private mutating func functions(of unit: UnitHeader) -> InlineTable {
    let key = AbbreviationsKey(offset: unit.abbreviations, format: unit.format)
    let shapes =
      abbreviations[key] ?? handle.abbreviations(of: unit, within: &allowance)
    abbreviations[key] = shapes
    // A closure may not capture part of this while another part of it is in use.
    var allowance = self.allowance
    defer { self.allowance = allowance }
    return InlineTable(of: unit, in: handle.info, abbreviations: shapes, code: code) { offset in
      handle.ranges(ofEntryAt: offset, within: &allowance)
    }
  }

  /// Whether the lines of a unit may be read: its table, like any other part, once.
  private mutating func hasLines(_ unit: UnitHeader) -> Bool {
    guard let (offset, size) = handle.lineTable(ofUnitAt: unit.firstEntry) else { return false }
    return lineOffsets.contains(offset)
      || lineAllowance.spend(size) && lineOffsets.insert(offset).inserted
  }
}
