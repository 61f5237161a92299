import CElf

/// The functions and objects of one module, by address of the module's file.
///
/// Symbols nest (a label in the middle of a function) and overlap (hostile files): each address
/// belongs to the symbol that begins last among those that contain it.
struct SymbolTable: Sendable {
  /// A symbol that was found.
  struct Match {
    /// Its first address.
    var start: UInt64
    /// Its name in the table; see ``name(at:)``.
    var name: UInt32
  }

  private var functions: FlatRanges
  private var objects: FlatRanges
  /// Zero-terminated names of the files, as mangled.
  private var names: [UInt8]

  /// Whether no symbol was found in any file.
  var isEmpty: Bool { functions.isEmpty && objects.isEmpty }

  /// The symbol that an address belongs to.
  func symbol(at address: UInt64, use: AddressUse) -> Match? {
    use == .data ? objects.symbol(at: address) : functions.symbol(at: address)
  }

  /// The mangled name at an offset, cut off at a length that is no name's any more.
  func name(at offset: UInt32) -> ArraySlice<UInt8> {
    let rest = names[min(Int(offset), names.count)...]
    return rest.prefix(ElfFile.maximumNameLength).prefix { $0 != 0 }
  }

  /// Collects the symbols of the files of a module.
  struct Builder {
    private var functions: [FlatRanges.Symbol] = []
    private var objects: [FlatRanges.Symbol] = []
    private var names: [UInt8] = []

    /// Adds the symbols of one file.
    mutating func add(_ file: borrowing ElfFile) {
      let base = names.count
      guard base <= Int(UInt32.max) - 2 * Int(ElfFile.maximumTableSize) else { return }
      let added = file.forEachSymbol { symbol, names in
        let entry = FlatRanges.Symbol(
          symbol,
          name: UInt32(base) + symbol.name,
          underscores: underscores(in: names, at: symbol)
        )
        switch symbol.kind {
        case .function: functions.append(entry)
        case .object: objects.append(entry)
        }
      }
      guard let added else { return }
      if names.isEmpty { names = added } else { names += added }
    }

    /// The table of what was added.
    consuming func table() -> SymbolTable {
      SymbolTable(
        functions: FlatRanges(functions),
        objects: FlatRanges(objects),
        names: names
      )
    }

    private func underscores(in names: Span<UInt8>, at symbol: ElfSymbol) -> Int {
      var count = 0
      while count < 15, names[Int(symbol.name) + count] == UInt8(ascii: "_") { count += 1 }
      return count
    }
  }
}

/// Symbols by the addresses that belong to them.
struct FlatRanges: Sendable {
  /// A symbol on its way into the ranges.
  struct Symbol {
    var start: UInt64
    /// One past its last address, within its section.
    var end: UInt64
    /// Offset of its name.
    var name: UInt32
    /// Orders the symbols of one address: larger is better.
    var rank: UInt8
    /// Whether it says itself where it ends.
    var isSized: Bool

    /// Takes over a symbol. Of several at the same address the sized one is preferred, then global
    /// before weak before local, then the one with fewer leading underscores: the name that
    /// programmers call it by.
    init(_ symbol: ElfSymbol, name: UInt32, underscores: Int) {
      start = symbol.address
      isSized = symbol.size > 0
      let (sum, overflow) = start.addingReportingOverflow(symbol.size)
      end = isSized && !overflow ? min(sum, symbol.sectionEnd) : symbol.sectionEnd
      self.name = name
      let binding: UInt8 =
        switch Int32(symbol.binding) {
        case STB_GLOBAL, STB_GNU_UNIQUE: 2
        case STB_WEAK: 1
        default: 0
        }
      rank = (isSized ? 0x80 : 0) | binding << 4 | UInt8(15 - min(underscores, 15))
    }
  }

  /// Per range the index of its symbol.
  private var ranges = RangeMap()
  /// Per symbol its first address and name.
  private var symbols: [SymbolTable.Match] = []

  var isEmpty: Bool { symbols.isEmpty }

  /// The symbol that an address belongs to.
  func symbol(at address: UInt64) -> SymbolTable.Match? {
    ranges.owner(at: address).map { symbols[$0] }
  }

  /// Flattens symbols in any order, in O(*n* log *n*).
  init(_ unsorted: [Symbol]) {
    var sorted = unsorted
    sorted.sort { $0.start != $1.start ? $0.start < $1.start : $0.rank > $1.rank }
    var kept = 0
    for index in sorted.indices where index == 0 || sorted[index].start != sorted[kept - 1].start {
      sorted[kept] = sorted[index]
      kept += 1
    }
    sorted.removeLast(sorted.count - kept)
    guard sorted.count < Int(UInt32.max) else { return }
    symbols = sorted.map { SymbolTable.Match(start: $0.start, name: $0.name) }

    var sweep = RangeMap.Sweep(capacity: sorted.count)
    for (index, symbol) in sorted.enumerated() {
      var end = symbol.end
      if !symbol.isSized {
        // It ends where the next symbol begins, or with the one that it lies in.
        if index + 1 < sorted.count { end = min(end, sorted[index + 1].start) }
        sweep.advance(to: symbol.start)
        if let outer = sweep.innermostEnd { end = min(end, outer) }
      }
      sweep.add(start: symbol.start, end: end, owner: UInt32(index))
    }
    ranges = sweep.finished()
  }
}
