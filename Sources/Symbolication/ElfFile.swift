import CElf
import Glibc

/// An executable, shared library or debug file in the ELF format, opened for reading.
///
/// Nothing in the file is trusted. It is read instead of mapped, because a mapped file that someone
/// truncates kills its reader; libelf checks that what is read lies in the file, and this type
/// bounds how much that may be. Opening never blocks: FIFOs and devices are refused.
///
/// Format: System V gABI chapters 4 and 5, and elf(5).
@safe
public struct ElfFile: ~Copyable {
  // Far beyond what linkers make. Without such limits a small sparse file, whose parts all claim to
  // be the same huge range, would take any amount of memory.
  static let maximumTableSize: UInt64 = 1 << 30
  static let maximumSectionCount = 1 << 17
  static let maximumNameLength = 1 << 12
  private static let maximumNoteCount = 64
  private static let maximumNoteSize: UInt64 = 1 << 20
  private static let maximumNeededCount = 1 << 12

  /// A section header, and the handle of its contents.
  @safe
  struct Section {
    var handle: OpaquePointer
    var header: GElf_Shdr
  }

  /// Where it was opened.
  public let path: String
  /// The GNU build-id; empty where there is none.
  public private(set) var buildID: [UInt8] = []
  /// Index 0 is the reserved first section, as in symbols' section numbers.
  let sections: [Section]
  private let segments: [GElf_Phdr]
  private let type: UInt16
  private let machine: UInt16
  private let handle: ElfHandle
  var elf: OpaquePointer { unsafe handle.elf }

  /// Opens and checks a file. Symbolic links are followed.
  public init(path: String) throws(SymbolicationError) {
    let handle = try ElfHandle(path: path)
    var header = GElf_Ehdr()
    guard unsafe gelf_getehdr(handle.elf, &header) != nil else {
      throw .damaged(path: path, reason: elfMessage())
    }
    let segments = try handle.segments(path: path)
    let sections = try handle.sections(path: path)
    self.path = path
    self.handle = handle
    self.segments = segments
    self.sections = sections
    type = header.e_type
    machine = header.e_machine
    buildID = readBuildID()
  }

  /// The program interpreter (PT_INTERP), that is the dynamic linker; nil where there is none.
  public var interpreter: String? {
    guard let segment = segments.first(where: { $0.p_type == UInt32(PT_INTERP) }),
      let bytes = unsafe chunk(at: segment.p_offset, size: segment.p_filesz, as: ELF_T_BYTE)
    else { return nil }
    return unsafe string(in: bytes, at: 0)
  }

  /// Whether this machine's 64-bit programs are of its kind.
  public var isOfThisMachine: Bool {
    #if arch(x86_64)
      machine == UInt16(EM_X86_64)
    #else
      machine == UInt16(EM_AARCH64)
    #endif
  }

  /// Whether it is a program that a dynamic linker starts, so that LD_PRELOAD can work. Static
  /// programs, position-independent ones too, name no interpreter.
  public var isDynamicExecutable: Bool {
    (type == UInt16(ET_EXEC) || type == UInt16(ET_DYN)) && interpreter != nil
  }

  /// From the first loaded address to one past the last, by the file's own numbering.
  public var addressRange: Range<UInt64> {
    let loaded = segments.filter {
      $0.p_type == UInt32(PT_LOAD) && $0.p_memsz <= UInt64.max - $0.p_vaddr
    }
    guard let start = loaded.map(\.p_vaddr).min(),
      let end = loaded.map({ $0.p_vaddr + $0.p_memsz }).max()
    else { return 0..<0 }
    return start..<end
  }

  /// The address, by the file's own numbering, at which what stands at an offset of it is loaded.
  public func address(ofFileOffset offset: UInt64) -> UInt64? {
    let segment = segments.first {
      $0.p_type == UInt32(PT_LOAD) && $0.p_offset / 4096 <= offset / 4096
        && offset < $0.p_offset.addingReportingOverflow($0.p_filesz).partialValue
    }
    return segment.map { $0.p_vaddr &+ offset &- $0.p_offset }
  }

  /// From the first address of code to one past the last.
  var codeRange: Range<UInt64> {
    let code = sections.lazy.map(\.header).filter {
      $0.sh_flags & UInt64(SHF_ALLOC | SHF_EXECINSTR) == UInt64(SHF_ALLOC | SHF_EXECINSTR)
        && $0.sh_size <= UInt64.max - $0.sh_addr
    }
    guard let start = code.map(\.sh_addr).min(),
      let end = code.map({ $0.sh_addr + $0.sh_size }).max()
    else { return 0..<0 }
    return start..<end
  }

  /// The libraries it asks the dynamic linker for (DT_NEEDED), in order.
  public var neededLibraries: [String] {
    guard let segment = segments.first(where: { $0.p_type == UInt32(PT_DYNAMIC) }),
      let data = unsafe dataChunk(at: segment.p_offset, size: segment.p_filesz, as: ELF_T_DYN)
    else { return [] }
    var needed: [UInt64] = []
    var stringsAddress: UInt64 = 0
    var stringsSize: UInt64 = 0
    var entry = GElf_Dyn()
    var index: Int32 = 0
    while unsafe gelf_getdyn(data, index, &entry) != nil, entry.d_tag != Int64(DT_NULL),
      needed.count < Self.maximumNeededCount
    {
      switch entry.d_tag {
      case Int64(DT_NEEDED): needed.append(unsafe entry.d_un.d_val)
      case Int64(DT_STRTAB): stringsAddress = unsafe entry.d_un.d_ptr
      case Int64(DT_STRSZ): stringsSize = unsafe entry.d_un.d_val
      default: break
      }
      index += 1
    }
    guard let offset = fileOffset(of: stringsAddress),
      let strings = unsafe chunk(at: offset, size: stringsSize, as: ELF_T_BYTE)
    else { return [] }
    return needed.compactMap { unsafe string(in: strings, at: $0) }
  }

  /// The first section that satisfies a condition.
  func section(where matches: (Section) -> Bool) -> Section? { sections.first(where: matches) }

  /// The contents of a section in memory order, valid as long as the file; nil where the file has
  /// none, or where they lie outside of it.
  @unsafe func data(of section: Section) -> UnsafeMutablePointer<Elf_Data>? {
    guard section.header.sh_type != UInt32(SHT_NOBITS),
      section.header.sh_flags & UInt64(SHF_COMPRESSED) == 0,
      section.header.sh_size <= Self.maximumTableSize,
      let data = unsafe elf_getdata(section.handle, nil), unsafe data.pointee.d_buf != nil
    else { return nil }
    return unsafe data
  }

  /// The bytes of a section, valid as long as the file.
  @unsafe func bytes(of section: Section) -> UnsafeRawBufferPointer? {
    unsafe data(of: section).map {
      unsafe UnsafeRawBufferPointer(start: $0.pointee.d_buf, count: $0.pointee.d_size)
    }
  }

  /// The bytes of the string table that a section's `sh_link` names, valid as long as the file.
  @unsafe func linkedStrings(of section: Section) -> UnsafeRawBufferPointer? {
    let link = Int(section.header.sh_link)
    guard link < sections.count, sections[link].header.sh_type == UInt32(SHT_STRTAB) else {
      return nil
    }
    return unsafe bytes(of: sections[link])
  }

  /// The first section with a name.
  func section(named name: String) -> Section? {
    var table = 0
    guard unsafe elf_getshdrstrndx(elf, &table) == 0 else { return nil }
    return section { section in
      let found = unsafe elf_strptr(elf, table, Int(section.header.sh_name))
      return unsafe found.map { unsafe strcmp($0, name) == 0 } ?? false
    }
  }

  /// The zero-terminated string at an offset of a table; nil where it does not end in the table, or
  /// not soon enough to be a name.
  @unsafe func string(in table: UnsafeRawBufferPointer, at offset: UInt64) -> String? {
    guard offset < UInt64(table.count) else { return nil }
    let rest = unsafe UnsafeRawBufferPointer(
      rebasing: table[Int(offset)...].prefix(Self.maximumNameLength)
    )
    guard let end = unsafe rest.firstIndex(of: 0) else { return nil }
    return unsafe String(decoding: rest[..<end], as: UTF8.self)
  }

  /// The note is looked for in sections first: the segments of a separate debug file describe the
  /// file that it was split from.
  private func readBuildID() -> [UInt8] {
    let sections = sections.lazy.filter {
      $0.header.sh_type == UInt32(SHT_NOTE) && $0.header.sh_size <= Self.maximumNoteSize
    }
    for section in sections.prefix(Self.maximumNoteCount) {
      if let data = unsafe data(of: section), let found = unsafe buildID(in: data) { return found }
    }
    let segments = segments.lazy.filter {
      $0.p_type == UInt32(PT_NOTE) && $0.p_filesz <= Self.maximumNoteSize
    }
    for segment in segments.prefix(Self.maximumNoteCount) {
      let type = segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR
      if let data = unsafe dataChunk(at: segment.p_offset, size: segment.p_filesz, as: type),
        let found = unsafe buildID(in: data)
      {
        return found
      }
    }
    return []
  }

  @unsafe private func buildID(in notes: UnsafeMutablePointer<Elf_Data>) -> [UInt8]? {
    var header = GElf_Nhdr()
    var name = 0
    var description = 0
    var offset = 0
    while true {
      let next = unsafe gelf_getnote(notes, offset, &header, &name, &description)
      guard next > offset, let start = unsafe notes.pointee.d_buf else { return nil }
      if header.n_type == UInt32(NT_GNU_BUILD_ID), header.n_namesz == 4,
        (1...256).contains(header.n_descsz),
        unsafe memcmp(start + name, "GNU", 4) == 0
      {
        return unsafe Array(
          UnsafeRawBufferPointer(start: start + description, count: Int(header.n_descsz))
        )
      }
      offset = next
    }
  }

  private func fileOffset(of address: UInt64) -> UInt64? {
    for segment in segments where segment.p_type == UInt32(PT_LOAD) {
      if address >= segment.p_vaddr, address - segment.p_vaddr < segment.p_filesz {
        return segment.p_offset &+ (address - segment.p_vaddr)
      }
    }
    return nil
  }

  @unsafe private func dataChunk(
    at offset: UInt64,
    size: UInt64,
    as type: Elf_Type
  ) -> UnsafeMutablePointer<Elf_Data>? {
    guard let start = Int64(exactly: offset), size > 0, size <= Self.maximumTableSize,
      let data = unsafe elf_getdata_rawchunk(elf, start, Int(size), type),
      unsafe data.pointee.d_buf != nil
    else { return nil }
    return unsafe data
  }

  @unsafe private func chunk(
    at offset: UInt64,
    size: UInt64,
    as type: Elf_Type
  ) -> UnsafeRawBufferPointer? {
    unsafe dataChunk(at: offset, size: size, as: type).map {
      unsafe UnsafeRawBufferPointer(start: $0.pointee.d_buf, count: $0.pointee.d_size)
    }
  }
}

/// libelf's handle of a file and the descriptor it reads from.
@safe
private struct ElfHandle: ~Copyable {
  private let file: RegularFile
  let elf: OpaquePointer

  init(path: String) throws(SymbolicationError) {
    let file = try RegularFile(path: path)
    guard elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE),
      let elf = unsafe elf_begin(file.descriptor, ELF_C_READ, nil)
    else { throw .damaged(path: path, reason: elfMessage()) }
    guard unsafe elf_kind(elf) == ELF_K_ELF else {
      unsafe elf_end(elf)
      throw .notELF(path: path)
    }
    self.file = file
    unsafe self.elf = elf
  }

  deinit { unsafe elf_end(elf) }

  func segments(path: String) throws(SymbolicationError) -> [GElf_Phdr] {
    var count = 0
    guard unsafe elf_getphdrnum(elf, &count) == 0 else {
      throw .damaged(path: path, reason: elfMessage())
    }
    var segments: [GElf_Phdr] = []
    var header = GElf_Phdr()
    for index in 0..<min(count, Int(UInt16.max)) {
      // A file cut off before its segment table can still have symbols.
      guard unsafe gelf_getphdr(elf, Int32(index), &header) != nil else { break }
      segments.append(header)
    }
    return segments
  }

  func sections(path: String) throws(SymbolicationError) -> [ElfFile.Section] {
    var count = 0
    guard unsafe elf_getshdrnum(elf, &count) == 0 else {
      throw .damaged(path: path, reason: elfMessage())
    }
    guard count <= ElfFile.maximumSectionCount else {
      throw .damaged(path: path, reason: "it claims \(count) sections")
    }
    var sections: [ElfFile.Section] = []
    for index in 0..<count {
      var header = GElf_Shdr()
      guard let handle = unsafe elf_getscn(elf, index), unsafe gelf_getshdr(handle, &header) != nil
      else { throw .damaged(path: path, reason: elfMessage()) }
      sections.append(unsafe ElfFile.Section(handle: handle, header: header))
    }
    return sections
  }
}

/// What libelf says about its last failure in this thread.
private func elfMessage() -> String {
  unsafe elf_errmsg(-1).map { unsafe String(cString: $0) } ?? "unknown error"
}
