import CElf
import Glibc
import Testing
import TraceModel

@testable import Symbolication

/// Debug information that contradicts itself: it may give no lines or wrong ones, but no trap, and an
/// end.
@Suite struct DamagedDebugInformationTests {
  private let workspace: Workspace
  init() throws { workspace = try Workspace() }

  /// Compiles a small library with most of what compilers write: ranges, inlined functions, lists.
  private func library(_ command: String) throws -> [UInt8] {
    let source = """
      struct list { struct list *next; int value; };
      static inline __attribute__((always_inline)) int weight(struct list *l, int by) {
        if (l->value < 0) __builtin_abort();
        return l->value * by;
      }
      static int rest(struct list *l) { return l->next ? weight(l->next, 3) + rest(l->next) : 0; }
      int sum(struct list *l, int n) {
        int total = 0;
        for (int i = 0; i < n; i++, l = l->next) {
          struct list copy = *l;
          total += weight(&copy, i) + rest(l) - weight(l, n);
        }
        return total;
      }
      """
    try workspace.write(source.utf8, to: "lib.c")
    try workspace.run("\(command) -O2 -g -shared -fPIC -nostdlib lib.c -o lib.so")
    return try workspace.read("lib.so")
  }

  /// Looks up addresses everywhere in the code of a file, and returns how many have a line.
  private func lines(of name: String, code: Range<UInt64>) -> Int {
    let module = Module(
      process: ProcessID(rawValue: 1),
      bias: 0,
      start: 0,
      end: .max,
      path: "\(workspace.path)/\(name)"
    )
    let modules = ModuleMap([module])
    var symbolizer = Symbolizer()
    return stride(from: code.lowerBound, to: code.upperBound, by: 7).count { address in
      symbolizer.symbolize(address: address, use: .exact, in: modules)[0].line > 0
    }
  }

  private static let compilers =
    ["cc -gdwarf-4", "cc -gdwarf-5"]
    + (Workspace.has("clang") ? ["clang -gdwarf-4", "clang -gdwarf-5"] : [])

  @Test(arguments: compilers)
  func `Wrong bytes are read without a trap`(command: String) throws {
    let bytes = try library(command)
    let sections = try DebugSections(of: "\(workspace.path)/lib.so")
    let sound = lines(of: "lib.so", code: sections.code)
    #expect(sound > 10)
    var generator = SplitMix(state: 11)
    var affected = 0
    for round in 0..<400 {
      var changed = bytes
      for _ in 0...(round % 4) {
        guard let section = sections.ranges.randomElement(using: &generator),
          let index = section.randomElement(using: &generator)
        else { continue }
        changed[index] =
          generator.next() % 2 == 0 ? .max : UInt8.random(in: 0...255, using: &generator)
      }
      try workspace.write(changed, to: "flipped.so")
      if lines(of: "flipped.so", code: sections.code) != sound { affected += 1 }
    }
    #expect(affected > 40, "most of the debug information was not looked at")
  }

  @Test(arguments: compilers)
  func `Sections that end anywhere are read without a trap`(command: String) throws {
    let bytes = try library(command)
    let sections = try DebugSections(of: "\(workspace.path)/lib.so")
    let sound = lines(of: "lib.so", code: sections.code)
    var affected = 0
    for (header, range) in zip(sections.headers, sections.ranges) {
      for length in stride(from: 0, to: range.count, by: max(1, range.count / 40)) {
        var cut = bytes
        // sh_size of the 64-bit section header.
        for index in 0..<8 {
          cut[header + 0x20 + index] = UInt8(truncatingIfNeeded: length >> (8 * index))
        }
        try workspace.write(cut, to: "cut.so")
        if lines(of: "cut.so", code: sections.code) < sound { affected += 1 }
      }
    }
    #expect(affected > 20, "the sections were not cut")
  }

  @Test func `An entry that stands for itself and units that share their shapes have an end`()
    throws
  {
    // A subprogram whose abstract origin is itself, with a second one in it, in two units.
    let source = """
      .text
      start: .skip 64, 0x90
      .section .debug_abbrev, "", @progbits
      .uleb128 1, 0x11; .byte 1; .uleb128 0x11, 1, 0x12, 6, 0, 0
      .uleb128 9, 0x2e; .byte 1; .uleb128 0x11, 1, 0x12, 0x16, 0x31, 0x13, 0, 0
      .uleb128 5, 0x1d; .byte 0; .uleb128 0x11, 1, 0x12, 11, 0x31, 0x13, 0x59, 11, 0x58, 11, 0, 0
      .byte 0
      .macro unit at
      9: .4byte 8f - 7f
      7: .2byte 4; .4byte 0; .byte 8
      .uleb128 1; .8byte start + \\at; .4byte 32
      6: .uleb128 9; .8byte start + \\at; .uleb128 11; .byte 16; .4byte 6b - 9b
      .uleb128 5; .8byte start + \\at; .byte 8; .4byte 6b - 9b; .byte 7, 1
      .byte 0, 0
      8:
      .endm
      .section .debug_info, "", @progbits
      unit 0
      unit 32
      """
    try workspace.write(source.utf8, to: "loop.s")
    try workspace.run("cc -shared -nostdlib loop.s -o loop.so")
    let start = try DebugSections(of: "\(workspace.path)/loop.so").code.lowerBound
    let module = Module(
      process: ProcessID(rawValue: 1),
      bias: 0,
      start: 0,
      end: .max,
      path: "\(workspace.path)/loop.so"
    )
    var symbolizer = Symbolizer()
    let counts = [0, 8, 16, 32, 40, 48, 63].map {
      symbolizer.symbolize(address: start + $0, use: .exact, in: ModuleMap([module])).count
    }
    #expect(counts == [2, 1, 1, 2, 1, 1, 1])
  }

  @Test func `Parts that everything refers to are not read again and again`() throws {
    // Each of many subprograms claims the same long list of ranges; the square of that would not
    // come back.
    let source = """
      .set count, 100000
      .text
      start: .skip 64, 0x90
      .section .debug_abbrev, "", @progbits
      .uleb128 1, 0x11; .byte 1; .uleb128 0x11, 1, 0x12, 6, 0, 0
      .uleb128 2, 0x2e; .byte 0; .uleb128 0x55, 0x17, 0, 0
      .byte 0
      .section .debug_ranges, "", @progbits
      ranges: .rept count; .8byte 1, 2; .endr
      .8byte 0, 0
      .section .debug_info, "", @progbits
      .4byte 8f - 7f
      7: .2byte 4; .4byte 0; .byte 8
      .uleb128 1; .8byte start; .4byte 64
      .rept count; .uleb128 2; .4byte 0; .endr
      .byte 0
      8:
      """
    try workspace.write(source.utf8, to: "many.s")
    try workspace.run("cc -shared -nostdlib many.s -o many.so")
    let start = try DebugSections(of: "\(workspace.path)/many.so").code.lowerBound
    #expect(lines(of: "many.so", code: start..<start + 64) == 0)
  }
}

/// Where the debug sections of a file are.
private struct DebugSections {
  /// Offsets of section headers, in the order of `ranges`.
  var headers: [Int] = []
  var ranges: [Range<Int>] = []
  var code: Range<UInt64>

  init(of path: String) throws {
    let file = try ElfFile(path: path)
    code = file.codeRange
    var bytes = [UInt8](repeating: 0, count: 0x40)
    let stream = try #require(fopen(path, "r"))
    fread(&bytes, 1, bytes.count, stream)
    fclose(stream)
    let table = (0..<8).reduce(0) { $0 | Int(bytes[0x28 + $1]) << (8 * $1) }
    let names = [
      ".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_ranges",
      ".debug_rnglists", ".debug_addr", ".debug_line_str", ".debug_str_offsets",
    ]
    for name in names {
      guard let section = file.section(named: name),
        let index = file.sections.firstIndex(where: {
          $0.header.sh_offset == section.header.sh_offset
        })
      else { continue }
      headers.append(table + index * 0x40)
      ranges.append(
        Int(section.header.sh_offset)..<Int(section.header.sh_offset + section.header.sh_size)
      )
    }
  }
}
