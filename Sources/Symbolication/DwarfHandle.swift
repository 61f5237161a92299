import CElf
import Glibc

/// libdw's handle of the debug information in a file.
///
/// libdw checks that what it reads lies in the file and follows no reference without end. This type
/// bounds how much memory it takes and which other files it opens.
///
/// Format: DWARF 2 to 5.
@safe
struct DwarfHandle: ~Copyable {
  // Beyond what compilers make for the largest programs.
  private static let maximumSize: UInt64 = 1 << 32

  let file: ElfFile
  /// Bytes in all of its debug sections, decompressed.
  let size: UInt64
  let dwarf: OpaquePointer
  /// The sections that are read here too; valid as long as the file.
  private let information: UnsafeRawBufferPointer
  private let shapes: UnsafeRawBufferPointer
  private let lines: UnsafeRawBufferPointer

  /// Takes over a file; nil where it has no debug information that can be used.
  init?(of file: consuming ElfFile) {
    // Numbers of other machines have other sizes or another order of bytes.
    guard file.isOfThisMachine, let size = file.debugSize, size <= Self.maximumSize,
      let dwarf = unsafe dwarf_begin_elf(file.elf, DWARF_C_READ, nil)
    else { return nil }
    // Only now, because libdw decompresses them in place.
    guard let information = unsafe file.debugBytes(named: ".debug_info"),
      let shapes = unsafe file.debugBytes(named: ".debug_abbrev")
    else {
      unsafe dwarf_end(dwarf)
      return nil
    }
    unsafe self.dwarf = dwarf
    unsafe self.information = information
    unsafe self.shapes = shapes
    unsafe lines =
      file.debugBytes(named: ".debug_line") ?? UnsafeRawBufferPointer(start: nil, count: 0)
    self.size = size
    self.file = file
  }

  deinit { unsafe dwarf_end(dwarf) }

  /// The file that parts of this one were moved to, which debug information is incomplete without.
  var commonLink: CommonLink? {
    var name: UnsafePointer<CChar>?
    var identity: UnsafeRawPointer?
    let count = unsafe dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &identity)
    guard count > 0, let name = unsafe name, let identity = unsafe identity else { return nil }
    return unsafe CommonLink(
      name: string(of: name),
      buildID: Array(UnsafeRawBufferPointer(start: identity, count: count)))
  }

  /// Has references to the common file go to `other`, which must outlive this. Without it, libdw
  /// would open whatever file has the name.
  func refer(to other: borrowing DwarfHandle) {
    unsafe dwarf_setalt(dwarf, other.dwarf)
  }

  /// The bytes of .debug_info.
  var info: RawSpan {
    @_lifetime(borrow self)
    get { unsafe _overrideLifetime(RawSpan(_unsafeBytes: information), borrowing: self) }
  }

  /// The shapes at an offset of .debug_abbrev.
  func abbreviations(of unit: UnitHeader, within allowance: inout Allowance) -> Abbreviations {
    let bytes = unsafe RawSpan(_unsafeBytes: shapes)
    let start = Int(min(unit.abbreviations, UInt64(bytes.byteCount)))
    return Abbreviations(
      bytes.extracting(droppingFirst: start), in: unit.format, within: &allowance)
  }

  /// The unit at an offset of .debug_info, and where the next one is.
  func unit(at offset: UInt64) -> (header: UnitHeader, next: UInt64)? {
    var next: UInt64 = 0
    var headerSize = 0
    var version: UInt16 = 0
    var abbreviations: UInt64 = 0
    var addressSize: UInt8 = 0
    var offsetSize: UInt8 = 0
    let status = unsafe dwarf_next_unit(
      dwarf, offset, &next, &headerSize, &version, &abbreviations, &addressSize, &offsetSize, nil,
      nil)
    guard status == 0, headerSize > 0 else { return nil }
    let format = UnitFormat(
      version: version, addressSize: Int(addressSize), offsetSize: Int(offsetSize))
    let header = UnitHeader(
      firstEntry: offset + UInt64(headerSize), end: next, abbreviations: abbreviations,
      format: format)
    return (header, next)
  }

  /// Where the line table of a unit is in .debug_line, and its bytes.
  func lineTable(ofUnitAt firstEntry: UInt64) -> (offset: UInt64, size: UInt64)? {
    guard let offset = number(DW_AT_stmt_list, ofEntryAt: firstEntry) else { return nil }
    var reader = ByteReader(unsafe RawSpan(_unsafeBytes: lines))
    guard reader.skip(offset), let short = reader.integer(size: 4) else { return nil }
    // The 64-bit format of DWARF.
    guard short == 0xffff_ffff else { return (offset, short) }
    return reader.integer(size: 8).map { (offset, $0) }
  }

  /// The entry at an offset of .debug_info, valid as long as this.
  @unsafe func entry(at offset: UInt64) -> Dwarf_Die? {
    var entry = unsafe Dwarf_Die()
    return unsafe dwarf_offdie(dwarf, offset, &entry) == nil ? nil : entry
  }

  /// The ranges of addresses that an entry says are its own, those that touch taken together.
  func ranges(ofEntryAt offset: UInt64, within allowance: inout Allowance) -> [Range<UInt64>] {
    guard var entry = unsafe entry(at: offset) else { return [] }
    var ranges: [Range<UInt64>] = []
    var base: UInt64 = 0
    var start: UInt64 = 0
    var end: UInt64 = 0
    var position = 0
    while true {
      position = unsafe dwarf_ranges(&entry, position, &base, &start, &end)
      guard position > 0, allowance.spend() else { return ranges }
      guard start < end else { continue }
      if let last = ranges.last, last.upperBound == start {
        ranges[ranges.count - 1] = last.lowerBound..<end
      } else {
        ranges.append(start..<end)
      }
    }
  }

  /// The name of the function that an entry stands for, mangled where it has such a one. What was
  /// inlined or declared elsewhere has its name there.
  func name(ofEntryAt offset: UInt64) -> String? {
    guard var entry = unsafe entry(at: offset) else { return nil }
    for kind in [DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name] {
      var attribute = unsafe Dwarf_Attribute()
      guard unsafe dwarf_attr_integrate(&entry, UInt32(kind), &attribute) != nil,
        let text = unsafe dwarf_formstring(&attribute)
      else { continue }
      return unsafe string(of: text)
    }
    return nil
  }

  /// The value of an attribute that is a number.
  func number(_ kind: Int, ofEntryAt offset: UInt64) -> UInt64? {
    guard var entry = unsafe entry(at: offset) else { return nil }
    var attribute = unsafe Dwarf_Attribute()
    var value: UInt64 = 0
    guard unsafe dwarf_attr(&entry, UInt32(kind), &attribute) != nil,
      unsafe dwarf_formudata(&attribute, &value) == 0
    else { return nil }
    return value
  }
}

/// A text of libdw, cut off at a length that is no name's any more.
@unsafe func string(of text: UnsafePointer<CChar>) -> String {
  let count = unsafe strnlen(text, ElfFile.maximumNameLength)
  return unsafe String(decoding: UnsafeRawBufferPointer(start: text, count: count), as: UTF8.self)
}

extension ElfFile {
  /// Bytes in its debug sections after decompression; nil where nobody can say.
  fileprivate var debugSize: UInt64? {
    var total: UInt64 = 0
    var table = 0
    guard unsafe elf_getshdrstrndx(elf, &table) == 0 else { return nil }
    for section in sections {
      guard let name = unsafe elf_strptr(elf, table, Int(section.header.sh_name)) else { continue }
      // Compressed in the way that came before ELF had one, which does not say how large it is.
      if unsafe strncmp(name, ".zdebug", 7) == 0 { return nil }
      guard unsafe strncmp(name, ".debug_", 7) == 0 else { continue }
      var size = section.header.sh_size
      if section.header.sh_flags & UInt64(SHF_COMPRESSED) != 0 {
        var compression = GElf_Chdr()
        guard unsafe gelf_getchdr(section.handle, &compression) != nil else { return nil }
        size = compression.ch_size
      }
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard !overflow else { return nil }
      total = sum
    }
    return total
  }

  /// The bytes of a debug section that libdw has decompressed, valid as long as the file.
  @unsafe fileprivate func debugBytes(named name: String) -> UnsafeRawBufferPointer? {
    guard let section = section(named: name), let data = unsafe elf_getdata(section.handle, nil),
      unsafe data.pointee.d_buf != nil
    else { return nil }
    return unsafe UnsafeRawBufferPointer(start: data.pointee.d_buf, count: data.pointee.d_size)
  }
}
