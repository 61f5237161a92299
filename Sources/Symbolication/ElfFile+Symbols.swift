import CElf

/// A symbol of an ELF symbol table that code or data of the module belongs to.
struct ElfSymbol {
  /// What the symbol names.
  enum Kind { case function, object }

  var kind: Kind
  /// Address by the file's own numbering.
  var address: UInt64
  /// Bytes; 0 where the symbol does not say.
  var size: UInt64
  /// One past the last address of its section.
  var sectionEnd: UInt64
  /// STB_LOCAL and so on.
  var binding: UInt8
  /// Offset of its name in the string table.
  var name: UInt32
}

extension ElfFile {
  /// Whether the file has the full symbol table that `strip` removes.
  var hasFullSymbolTable: Bool {
    symbolTable(SHT_SYMTAB).map { $0.header.sh_size > 0 } ?? false
  }

  /// Whether the file has debug information that `strip -g` removes.
  var hasDebugInformation: Bool {
    section(named: ".debug_info").map { $0.header.sh_type != UInt32(SHT_NOBITS) } ?? false
  }

  /// Defined symbols that other modules can use (global and weak, functions and objects), in the
  /// order of the table. A versioned one is `name@@VERSION`, or `name@VERSION` where the version is
  /// not the default.
  public var exportedSymbols: [String] {
    guard let table = symbolTable(SHT_DYNSYM), let data = unsafe data(of: table),
      let strings = unsafe linkedStrings(of: table)
    else { return [] }
    let versionTable = section { $0.header.sh_type == UInt32(SHT_GNU_versym) }
    let versions = unsafe versionTable.flatMap { unsafe self.data(of: $0) }
    let versionNames = definedVersions
    var exported: [String] = []
    var symbol = GElf_Sym()
    var index: Int32 = 0
    while unsafe gelf_getsym(data, index, &symbol) != nil {
      defer { index += 1 }
      let binding = Int32(symbol.st_info >> 4)
      guard binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE,
        Int32(symbol.st_shndx) != SHN_UNDEF,
        let name = unsafe string(in: strings, at: UInt64(symbol.st_name)), !name.isEmpty
      else { continue }
      var version: GElf_Versym = 0
      if let versions = unsafe versions { unsafe gelf_getversym(versions, index, &version) }
      guard let versionName = versionNames[version & 0x7fff], versionName != name else {
        exported.append(name)
        continue
      }
      exported.append(name + (version & 0x8000 == 0 ? "@@" : "@") + versionName)
    }
    return exported
  }

  /// The names of the versions that the file defines (.gnu.version_d) by their numbers. The base
  /// version, which names the file itself, is not one of them.
  private var definedVersions: [UInt16: String] {
    guard let section = section(where: { $0.header.sh_type == UInt32(SHT_GNU_verdef) }),
      let data = unsafe data(of: section), let strings = unsafe linkedStrings(of: section)
    else { return [:] }
    var names: [UInt16: String] = [:]
    var definition = GElf_Verdef()
    var auxiliary = GElf_Verdaux()
    var offset: Int32 = 0
    while unsafe gelf_getverdef(data, offset, &definition) != nil {
      if Int32(definition.vd_flags) & VER_FLG_BASE == 0,
        let first = Int32(exactly: Int64(offset) + Int64(definition.vd_aux)),
        unsafe gelf_getverdaux(data, first, &auxiliary) != nil
      {
        names[definition.vd_ndx] = unsafe string(in: strings, at: UInt64(auxiliary.vda_name))
      }
      guard definition.vd_next > 0,
        let next = Int32(exactly: Int64(offset) + Int64(definition.vd_next))
      else { break }
      offset = next
    }
    return names
  }

  /// Calls `body` for every defined function and object of the full symbol table or, without one,
  /// of the dynamic one, and returns the table of their names; nil without any table.
  func forEachSymbol(_ body: (ElfSymbol, Span<UInt8>) -> Void) -> [UInt8]? {
    let full = hasFullSymbolTable ? symbolTable(SHT_SYMTAB) : nil
    guard let table = full ?? symbolTable(SHT_DYNSYM), let data = unsafe data(of: table),
      let strings = unsafe linkedStrings(of: table)
    else { return nil }
    var names = unsafe Array(strings)
    // So that every name ends.
    names.append(0)
    var symbol = GElf_Sym()
    var index: Int32 = 0
    while unsafe gelf_getsym(data, index, &symbol) != nil {
      if let symbol = checked(symbol, names: names.count) { body(symbol, names.span) }
      index += 1
    }
    return names
  }

  private func checked(_ symbol: GElf_Sym, names: Int) -> ElfSymbol? {
    let kind: ElfSymbol.Kind
    switch Int32(symbol.st_info & 0xf) {
    case STT_FUNC, STT_GNU_IFUNC: kind = .function
    case STT_OBJECT: kind = .object
    default: return nil
    }
    // The reserved numbers (absolute and common symbols among them) are larger than any section's.
    let index = Int(symbol.st_shndx)
    guard index > 0, index < sections.count, index < Int(SHN_LORESERVE),
      symbol.st_name > 0, Int(symbol.st_name) < names
    else { return nil }
    let section = sections[index].header
    guard section.sh_flags & UInt64(SHF_ALLOC) != 0, symbol.st_value >= section.sh_addr,
      symbol.st_value - section.sh_addr < section.sh_size
    else { return nil }
    let (end, overflow) = section.sh_addr.addingReportingOverflow(section.sh_size)
    return ElfSymbol(
      kind: kind,
      address: symbol.st_value,
      size: symbol.st_size,
      sectionEnd: overflow ? .max : end,
      binding: symbol.st_info >> 4,
      name: symbol.st_name
    )
  }

  private func symbolTable(_ type: Int32) -> Section? {
    section { $0.header.sh_type == UInt32(type) }
  }
}
