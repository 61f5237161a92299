import CElf

/// The functions of a unit and what was inlined into them, by address.
///
/// Made once, in one pass over the unit's entries in the order of the file. That order is the one
/// of the tree, so the entry that another lies in comes before it, and an entry without code costs
/// no more than the bytes it has.
///
/// Format: DWARF 5, sections 3.3 and 7.5.2.
struct InlineTable {
  /// A function, or one place where one was inlined.
  struct Entry {
    /// Where it is in .debug_info.
    var offset: UInt64
    /// The lowest address of its code.
    var start: UInt64
    /// Of an inlined function, the index of the one that it was inlined into.
    var caller: Int?
    /// How many functions are around it.
    var depth: Int
  }

  // Compilers stay below. What is inlined deeper counts as its caller, and what is in more blocks of
  // the source is not read.
  private static let maximumInlined = 64
  private static let maximumDepth = 1 << 10

  private var entries: [Entry] = []
  private var map = RangeMap()

  /// Reads the entries of a unit as far as they are sound.
  ///
  /// - Parameters:
  ///   - info: The bytes of .debug_info.
  ///   - code: Where code can be. Linkers leave the entries of functions that they dropped, at
  ///     addresses where there is none.
  ///   - ranges: The ranges of the entry at an offset that says them in a less simple way than by
  ///     its first address and size.
  init(
    of unit: UnitHeader,
    in info: RawSpan,
    abbreviations: Abbreviations,
    code: Range<UInt64>,
    ranges: (UInt64) -> [Range<UInt64>]
  ) {
    var reader = ByteReader(info)
    guard unit.end <= UInt64(info.byteCount), reader.skip(unit.firstEntry) else { return }
    var pieces: [(range: Range<UInt64>, entry: Int)] = []
    /// For each entry that the next one lies in, the innermost function.
    var open: [Int?] = []
    while reader.position < unit.end {
      let offset = UInt64(reader.position)
      guard let number = reader.variable() else { break }
      if number == 0 {
        guard open.popLast() != nil, !open.isEmpty else { break }
        continue
      }
      guard let shape = abbreviations.shape(number) else { break }
      var function = open.last ?? nil
      if shape.tag == DW_TAG_subprogram || shape.tag == DW_TAG_inlined_subroutine {
        guard let place = reader.place(of: shape, in: abbreviations) else { break }
        let found: [Range<UInt64>] =
          switch place {
          case .none: []
          case .range(let range): [range]
          case .elsewhere: ranges(offset)
          }
        let kept = found.filter { code.contains($0.lowerBound) }
        let caller = shape.tag == DW_TAG_inlined_subroutine ? function : nil
        let depth = caller.map { entries[$0].depth + 1 } ?? 0
        if let start = kept.map(\.lowerBound).min(), depth <= Self.maximumInlined {
          entries.append(Entry(offset: offset, start: start, caller: caller, depth: depth))
          function = entries.count - 1
          for range in kept { pieces.append((range.clamped(to: code), entries.count - 1)) }
        }
      } else if !reader.skip(shape, in: abbreviations) {
        break
      }
      if shape.hasChildren {
        guard open.count < Self.maximumDepth else { break }
        open.append(function)
      } else if open.isEmpty {
        break
      }
    }
    map = Self.map(of: &pieces)
  }

  /// The function at an address and what was inlined there, innermost first.
  func entries(at address: UInt64) -> [Entry] {
    var found: [Entry] = []
    var next = map.owner(at: address)
    while let index = next {
      found.append(entries[index])
      next = entries[index].caller
    }
    return found
  }

  private static func map(of pieces: inout [(range: Range<UInt64>, entry: Int)]) -> RangeMap {
    // Of those that begin at the same address, the one that lies in the other comes last.
    pieces.sort {
      $0.range.lowerBound != $1.range.lowerBound
        ? $0.range.lowerBound < $1.range.lowerBound : $0.entry < $1.entry
    }
    var sweep = RangeMap.Sweep(capacity: pieces.count)
    for piece in pieces {
      sweep.add(
        start: piece.range.lowerBound,
        end: piece.range.upperBound,
        owner: UInt32(piece.entry)
      )
    }
    return sweep.finished()
  }
}

/// Where the code of an entry is.
private enum Place {
  /// It has none: a declaration, or the one description of a function that was inlined often.
  case none
  case range(Range<UInt64>)
  /// In a list of ranges or a table of addresses.
  case elsewhere
}

extension ByteReader {
  /// Skips the attributes of an entry; false where they cannot be followed.
  @_lifetime(self: copy self)
  fileprivate mutating func skip(
    _ shape: Abbreviations.Shape,
    in abbreviations: borrowing Abbreviations
  ) -> Bool {
    if let size = shape.size { return skip(size) }
    for index in shape.attributes {
      if !skip(abbreviations.attributes[index].encoding, in: abbreviations) { return false }
    }
    return true
  }

  /// Reads where the code of an entry is, and skips its other attributes; nil where they cannot be
  /// followed.
  @_lifetime(self: copy self)
  fileprivate mutating func place(
    of shape: Abbreviations.Shape,
    in abbreviations: borrowing Abbreviations
  ) -> Place? {
    var start: UInt64?
    var size: UInt64?
    var isElsewhere = false
    for index in shape.attributes {
      let attribute = abbreviations.attributes[index]
      switch (Int(truncatingIfNeeded: attribute.name), attribute.encoding) {
      case (DW_AT_low_pc, .address(let bytes)): start = integer(size: bytes)
      case (DW_AT_high_pc, .constant(let bytes)): size = integer(size: bytes)
      case (DW_AT_low_pc, _), (DW_AT_ranges, _):
        isElsewhere = true
        fallthrough
      default:
        if !skip(attribute.encoding, in: abbreviations) { return nil }
      }
    }
    if isElsewhere || (start != nil && size == nil) { return .elsewhere }
    guard let start, let size, size > 0 else { return Place.none }
    let (end, overflow) = start.addingReportingOverflow(size)
    return overflow ? Place.none : .range(start..<end)
  }

  /// Skips the value of an attribute; false where it cannot be followed.
  @_lifetime(self: copy self)
  private mutating func skip(
    _ encoding: AttributeEncoding,
    in abbreviations: borrowing Abbreviations
  ) -> Bool {
    switch encoding {
    case .address(let size), .constant(let size), .fixed(let size): return skip(UInt64(size))
    case .variable: return variable() != nil
    case .block(let size):
      guard let count = size.map({ integer(size: $0) }) ?? variable() else { return false }
      return skip(count)
    case .string: return skipString()
    case .indirect:
      guard let form = variable(),
        let encoding = AttributeEncoding(form: form, in: abbreviations.format),
        encoding != .indirect
      else { return false }
      return skip(encoding, in: abbreviations)
    }
  }
}
