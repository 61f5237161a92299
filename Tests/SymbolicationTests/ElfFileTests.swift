import Testing
import TraceModel

@testable import Symbolication

@Suite struct ElfFileTests {
  private let workspace: Workspace
  init() throws { workspace = try Workspace() }

  /// A small shared library with versions, a build-id and something that it needs.
  private func library() throws -> String {
    let source = """
      #include <math.h>
      #include <stdlib.h>
      asm(".symver old, call@V1\\n.symver new, call@@V2");
      int old(void) { return 1; }
      int new(void) { return 2; }
      __attribute__((weak)) double weak_one(double x) { return sin(x) + rand(); }
      int table[4] = {1};
      static int hidden(void) { return 3; }
      int (*keep)(void) = hidden;
      """
    try workspace.write(source.utf8, to: "lib.c")
    try workspace.write(
      "V1 { global: call; local: *; }; V2 { global: call; weak_one; table; } V1;".utf8,
      to: "lib.map"
    )
    try workspace.run(
      "cc -shared -fPIC lib.c -o lib.so -Wl,--version-script=lib.map,--build-id=0x010203fe -lm"
    )
    return "\(workspace.path)/lib.so"
  }

  @Test func `A library says what it needs and offers`() throws {
    let file = try Contents(of: library())
    #expect(file.buildID == [1, 2, 3, 0xfe])
    #expect(file.neededLibraries == ["libm.so.6", "libc.so.6"])
    #expect(
      file.exportedSymbols.filter { !$0.hasPrefix("V") }.sorted() == [
        "call@@V2", "call@V1", "table@@V2", "weak_one@@V2",
      ]
    )
    #expect(file.interpreter == nil)
    #expect(!file.isDynamicExecutable)
    #expect(file.hasFullSymbolTable)
  }

  @Test(arguments: [
    ("-pie", true), ("-no-pie", true), ("-static", false), ("-static-pie", false),
  ])
  func `Dynamic programs are told from static ones`(flags: String, isDynamic: Bool) throws {
    try workspace.write("int main(void) { return 0; }".utf8, to: "prog.c")
    try workspace.run("cc \(flags) prog.c -o prog")
    let file = try Contents(of: "\(workspace.path)/prog")
    #expect(file.isDynamicExecutable == isDynamic)
    #expect(file.interpreter?.hasPrefix("/lib") ?? false == isDynamic)
    #expect(file.neededLibraries == (isDynamic ? ["libc.so.6"] : []))
  }

  @Test func `Segments are enough to identify a file without sections`() throws {
    _ = try library()
    var bytes = try workspace.read("lib.so")
    // e_shoff, e_shnum and e_shstrndx of the 64-bit header.
    for offset in Array(0x28..<0x30) + Array(0x3c..<0x40) { bytes[offset] = 0 }
    try workspace.write(bytes, to: "bare.so")
    let file = try Contents(of: "\(workspace.path)/bare.so")
    #expect(file.buildID == [1, 2, 3, 0xfe])
    #expect(file.neededLibraries == ["libm.so.6", "libc.so.6"])
    #expect(file.exportedSymbols.isEmpty)
  }

  @Test func `Errors say what is wrong`() throws {
    try workspace.run("echo text >text; mkfifo fifo")
    #expect(throws: SymbolicationError.notELF(path: "\(workspace.path)/text")) {
      _ = try ElfFile(path: "\(workspace.path)/text")
    }
    #expect(throws: SymbolicationError.notRegularFile(path: "\(workspace.path)/fifo")) {
      _ = try ElfFile(path: "\(workspace.path)/fifo")
    }
    #expect(throws: SymbolicationError.unreadable(path: "/no/file", errno: 2)) {
      _ = try ElfFile(path: "/no/file")
    }
  }

  @Test func `A file cut off anywhere is read without a trap`() throws {
    _ = try library()
    let bytes = try workspace.read("lib.so")
    var whole = 0
    for length in stride(from: 0, through: bytes.count, by: 64) {
      try workspace.write(bytes[..<length], to: "cut.so")
      if readAll("\(workspace.path)/cut.so") { whole += 1 }
    }
    #expect(whole < bytes.count / 64, "no cut was noticed")
  }

  @Test func `A file with wrong bytes is read without a trap`() throws {
    _ = try library()
    let bytes = try workspace.read("lib.so")
    // The headers, tables of symbols and strings are at both ends; code and padding between.
    let interesting = bytes.indices.filter { $0 < 0x1000 || $0 > bytes.count - 0x2000 }
    var generator = SplitMix(state: 7)
    for round in 0..<1500 {
      var changed = bytes
      for _ in 0...(round % 8) {
        let index = interesting.randomElement(using: &generator) ?? 0
        changed[index] =
          generator.next() % 2 == 0 ? .max : UInt8.random(in: 0...255, using: &generator)
      }
      try workspace.write(changed, to: "flipped.so")
      readAll("\(workspace.path)/flipped.so")
    }
  }

  /// Reads everything that a file has to say; whether it could be opened.
  @discardableResult
  private func readAll(_ path: String) -> Bool {
    let module = Module(
      process: ProcessID(rawValue: 1),
      bias: 0,
      start: 0,
      end: 1 << 20,
      path: path
    )
    let modules = ModuleMap([module])
    var symbolizer = Symbolizer()
    for address in stride(from: UInt64(0), to: 0x5000, by: 0x101) {
      _ = symbolizer.symbolize(address: address, use: .exact, in: modules)
      _ = symbolizer.symbolize(address: address, use: .data, in: modules)
    }
    guard let file = try? ElfFile(path: path) else { return false }
    _ = (file.exportedSymbols, file.neededLibraries, file.interpreter, file.debugLink)
    return true
  }
}

/// What a file says, to compare with: expectations copy what they look at, which a file does not
/// allow.
private struct Contents {
  var buildID: [UInt8]
  var interpreter: String?
  var isDynamicExecutable: Bool
  var neededLibraries: [String]
  var exportedSymbols: [String]
  var hasFullSymbolTable: Bool

  init(of path: String) throws {
    let file = try ElfFile(path: path)
    buildID = file.buildID
    interpreter = file.interpreter
    isDynamicExecutable = file.isDynamicExecutable
    neededLibraries = file.neededLibraries
    exportedSymbols = file.exportedSymbols
    hasFullSymbolTable = file.hasFullSymbolTable
  }
}
