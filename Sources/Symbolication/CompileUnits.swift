import CElf

/// What the sizes of fields in a unit depend on.
struct UnitFormat: Hashable {
  var version: UInt16
  var addressSize: Int
  /// 4, or 8 in the 64-bit format of DWARF.
  var offsetSize: Int
}

/// Where a unit and its parts are in .debug_info and .debug_abbrev.
struct UnitHeader {
  /// Where its first entry is, the unit itself.
  var firstEntry: UInt64
  /// One past its last byte.
  var end: UInt64
  /// Where the shapes of its entries are.
  var abbreviations: UInt64
  var format: UnitFormat
}

/// The units of a file and which one an address belongs to, by what the units themselves say.
///
/// Clang, rustc and swiftc write no .debug_aranges, which exists for this, and reading the first
/// entry of every unit takes milliseconds.
struct CompileUnits {
  private(set) var headers: [UnitHeader] = []
  private var map = RangeMap()

  /// Reads the units as far as their headers are sound.
  ///
  /// - Parameter code: Where code can be; see ``InlineTable``.
  init(of handle: borrowing DwarfHandle, code: Range<UInt64>, within allowance: inout Allowance) {
    var pieces: [(range: Range<UInt64>, unit: Int)] = []
    var offset: UInt64 = 0
    while let (header, next) = handle.unit(at: offset), next > offset,
      headers.count < Int(UInt32.max)
    {
      for range in handle.ranges(ofEntryAt: header.firstEntry, within: &allowance)
      where code.contains(range.lowerBound) {
        pieces.append((range.clamped(to: code), headers.count))
      }
      headers.append(header)
      offset = next
    }
    pieces.sort { $0.range.lowerBound < $1.range.lowerBound }
    var sweep = RangeMap.Sweep(capacity: pieces.count)
    for piece in pieces {
      sweep.add(
        start: piece.range.lowerBound,
        end: piece.range.upperBound,
        owner: UInt32(piece.unit)
      )
    }
    map = sweep.finished()
  }

  /// The index of the unit that an address belongs to.
  func unit(at address: UInt64) -> Int? { map.owner(at: address) }
}
