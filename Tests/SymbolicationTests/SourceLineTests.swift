import Testing
import TraceModel

@testable import Symbolication

/// Programs whose lines are known because their source says which ones they are.
@Suite struct SourceLineTests {
  private let workspace: Workspace
  init() throws { workspace = try Workspace() }

  /// What was found at a call of `mark`, innermost first: `function file:line` without the folder.
  private func found(
    _ name: String,
    of said: SelfReport,
    buildID: [UInt8] = [],
    with symbolizer: inout Symbolizer,
    program: String = "/bin/prog"
  ) throws -> [String] {
    let module = try said.module(path: program, buildID: buildID)
    let symbols = symbolizer.symbolize(
      address: try said[name],
      use: .returnAddress,
      in: ModuleMap([module])
    )
    return symbols.map { symbol in
      let file = symbol.file.split(separator: "/").last ?? ""
      return "\(symbol.function) \(file):\(symbol.line)"
    }
  }

  /// Two functions inlined into a third.
  private static let c = """
    void mark(const char *name);
    #line 100 "bottom.h"
    static inline __attribute__((always_inline)) void bottom(const char *name, int t) {
      if (t) mark(name);
    }
    #line 200 "deep.c"
    static inline __attribute__((always_inline)) void middle(const char *name, int t) {

      bottom(name, t);
      __asm__ volatile("" ::: "memory");
    }
    __attribute__((noinline)) void outer(int t) {
      middle("inlined", t);
      mark(
        "plain");
      __asm__ volatile("" ::: "memory");
    }
    __attribute__((noinline)) void dropped(int t) { middle("dropped", t); }
    int main(int argc, char **argv) { outer(argc); return 0; }
    """

  private static let cxx = """
    extern "C" void mark(const char *name);
    #line 100 "deep.cpp"
    namespace deep {
    template <class T> struct Level {
      T t;
      __attribute__((always_inline)) void bottom(const char *name) const {
        if (t) mark(name);
      }
      template <class U> __attribute__((always_inline)) void middle(const char *name, U) const {
        bottom(name);
        asm volatile("" ::: "memory");
      }
    };
    __attribute__((noinline)) void outer(int t) {
      Level<int>{t}.middle("inlined", 'c');
      asm volatile("" ::: "memory");
    }
    }
    int main(int argc, char **argv) { deep::outer(argc); return 0; }
    """

  private func compile(_ command: String, as name: String = "bin/prog") throws -> SelfReport {
    let file = command.contains("++") ? "prog.cpp" : "prog.c"
    try workspace.run("mkdir -p bin")
    try workspace.write((command.contains("++") ? Self.cxx : Self.c).utf8, to: file)
    return try link("\(command) \(file) mark.o -o \(name)", running: name)
  }

  /// Builds a program with `mark.o` and runs it.
  private func link(_ command: String, running name: String = "bin/prog") throws -> SelfReport {
    try workspace.run("mkdir -p bin")
    try workspace.write(marker.utf8, to: "mark.c")
    try workspace.run("cc -O2 -c mark.c && \(command)")
    return SelfReport(try workspace.run("./\(name)"))
  }

  private static let inlined = ["bottom bottom.h:101", "middle deep.c:202", "outer deep.c:206"]
  private static let plain = ["outer deep.c:207"]
  private static let inlinedCxx = [
    "deep::Level<int>::bottom deep.cpp:104", "deep::Level<int>::middle<char> deep.cpp:107",
    "deep::outer deep.cpp:112",
  ]

  @Test(
    arguments: [
      "cc -O2 -g", "cc -O2 -g -gdwarf-4", "cc -O2 -g -gdwarf-5", "cc -O1 -g -gdwarf-3",
      "cc -O2 -g -gdwarf64", "cc -O2 -g -gz", "cc -O2 -g -no-pie", "cc -O2 -g -static",
      "cc -O2 -g -static-pie", "cc -O2 -g -ffunction-sections -Wl,--gc-sections",
      "cc -O2 -g -flto", "cc -O0 -g",
    ]
  )
  func `A call in C has its line, and those of what was inlined around it`(command: String) throws {
    let said = try compile(command)
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(try found("inlined", of: said, with: &symbolizer) == Self.inlined)
    #expect(try found("plain", of: said, with: &symbolizer) == Self.plain)
    #expect(symbolizer.notes.isEmpty)
  }

  @Test(
    .enabled(if: Workspace.has("clang"), "clang is not installed"),
    arguments: ["-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gz", "-gdwarf-4 -ffunction-sections"]
  )
  func `Clang's calls have their lines`(flags: String) throws {
    let said = try compile("clang -O2 -g \(flags)")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(try found("inlined", of: said, with: &symbolizer) == Self.inlined)
    #expect(try found("plain", of: said, with: &symbolizer) == Self.plain)
  }

  @Test(
    arguments: ["c++ -O2 -g -gdwarf-4", "c++ -O2 -g -gdwarf-5"]
      + (Workspace.has("clang++") ? ["clang++ -O2 -g"] : [])
  )
  func `What was inlined in C++ is named as in the source`(command: String) throws {
    let said = try compile(command)
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(
      try found("inlined", of: said, with: &symbolizer) == Self.inlinedCxx
    )
  }

  @Test func `Offsets of inlined functions are those of the function around`() throws {
    let said = try compile("cc -O2 -g")
    let path = "\(workspace.path)/bin/prog"
    var symbolizer = Symbolizer()
    let symbols = symbolizer.symbolize(
      address: try said["inlined"],
      use: .returnAddress,
      in: ModuleMap([try said.module(path: path)])
    )
    #expect(Set(symbols.map(\.offset)).count == 1)
    #expect(symbols.map(\.module) == ["prog", "prog", "prog"])
    #expect(symbols.map(\.file).last == "\(workspace.path)/deep.c")
    let start = try said["inlined"] - symbols[0].offset
    let atStart = symbolizer.symbolize(
      address: start,
      use: .exact,
      in: ModuleMap([try said.module(path: path)])
    )
    #expect(atStart.last?.function == "outer" && atStart.last?.offset == 0)
  }

  @Test func `Without a symbol, debug information names a function too`() throws {
    let said = try compile("cc -O2 -g")
    try workspace.run("objcopy --strip-symbol=outer bin/prog")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(try found("inlined", of: said, with: &symbolizer) == Self.inlined)
    #expect(try found("plain", of: said, with: &symbolizer) == Self.plain)
  }

  @Test func `Split debug information leaves the lines`() throws {
    // The .dwo file with the functions is not read; its unit in the program says where its lines are.
    let said = try compile("cc -O2 -g -gdwarf-5 -gsplit-dwarf")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(
      try found("inlined", of: said, with: &symbolizer) == ["outer bottom.h:101"]
    )
    #expect(try found("plain", of: said, with: &symbolizer) == Self.plain)
  }

  @Test func `Without debug information there is a function and no line`() throws {
    let said = try compile("cc -O2 -g")
    try workspace.run("strip -g bin/prog")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(try found("inlined", of: said, with: &symbolizer) == ["outer :0"])
    #expect(symbolizer.notes.isEmpty)
  }

  @Test(
    .enabled(if: Workspace.has("objcopy"), "objcopy of binutils is not installed"),
    arguments: ["", "-g", "deleted"]
  )
  func `Lines come from the separate debug file`(how: String) throws {
    let said = try compile("cc -O2 -g -Wl,--build-id=0xabcdef0123456789")
    let identity: [UInt8] = [0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89]
    try workspace.run("mkdir -p usr/lib/debug/.build-id/ab")
    try workspace.run(
      "objcopy --only-keep-debug bin/prog usr/lib/debug/.build-id/ab/cdef0123456789.debug"
    )
    try workspace.run(how == "deleted" ? "rm bin/prog" : "strip \(how) bin/prog")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(
      try found("inlined", of: said, buildID: identity, with: &symbolizer) == Self.inlined
    )
    #expect(symbolizer.notes.isEmpty)
  }

  @Test(.enabled(if: Workspace.has("objcopy"), "objcopy of binutils is not installed"))
  func `Lines come from the debug file that a program links to`() throws {
    let said = try compile("cc -O2 -g -Wl,--build-id=none")
    try workspace.run("objcopy --only-keep-debug bin/prog bin/p.debug")
    try workspace.run("strip bin/prog && objcopy --add-gnu-debuglink=bin/p.debug bin/prog")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(try found("inlined", of: said, with: &symbolizer) == Self.inlined)
  }

  @Test func `A program that was built anew gives no lines`() throws {
    let said = try compile("cc -O2 -g -Wl,--build-id=0x0102")
    _ = try compile("cc -O2 -g -Wl,--build-id=0x0103")
    var symbolizer = Symbolizer(root: workspace.path)
    #expect(
      try found("inlined", of: said, buildID: [1, 2], with: &symbolizer) == [" :0"]
    )
    #expect(
      symbolizer.notes == [
        "\(workspace.path)/bin/prog is not the file that was recorded, whose build-id was 0102: "
          + "it has 0103; its functions are shown as offsets in the file."
      ]
    )
  }

  @Test(
    .enabled(if: Workspace.has("dwz"), "dwz is not installed"),
    arguments: [
      "../../.dwz/common.debug", "/usr/lib/debug/.dwz/common.debug", "build-id", "absent",
    ]
  )
  func `What dwz moved into a common file is found there`(place: String) throws {
    // Two programs that have enough in common.
    let types = (0..<200).map { "struct S\($0) { int a, b; struct S\($0) *next; } s\($0);" }
    try workspace.write(types.joined(separator: "\n").utf8, to: "types.h")
    let flags = "-O2 -g -gdwarf-4 -include types.h -Wl,--build-id=0xabcdef01234567"
    _ = try compile("c++ \(flags)aa", as: "other")
    let said = try compile("c++ \(flags)bb")
    try workspace.run(
      """
      mkdir -p usr/lib/debug/.build-id/ab usr/lib/debug/.dwz
      cd usr/lib/debug/.build-id/ab
      objcopy --only-keep-debug ../../../../../bin/prog cdef01234567bb.debug
      objcopy --only-keep-debug ../../../../../other cdef01234567aa.debug
      dwz -m ../../.dwz/common.debug -M \(place) *.debug
      strip ../../../../../bin/prog
      readelf -S cdef01234567bb.debug | grep -q gnu_debugaltlink
      """
    )
    let common = "usr/lib/debug/.dwz/common.debug"
    if place == "build-id" {
      let identity = hex(try ElfFile(path: "\(workspace.path)/\(common)").buildID)
      let folder = "usr/lib/debug/.build-id/\(identity.prefix(2))"
      try workspace.run("mkdir \(folder) && mv \(common) \(folder)/\(identity.dropFirst(2)).debug")
    } else if place == "absent" {
      try workspace.run("rm \(common)")
    }
    var symbolizer = Symbolizer(root: workspace.path)
    let found = try found("inlined", of: said, with: &symbolizer)
    #expect(found == (place == "absent" ? ["deep::outer :0"] : Self.inlinedCxx))
    #expect(
      symbolizer.notes.map { $0.replacing(workspace.path, with: "") }
        == (place == "absent"
          ? [
            "The debug information in /usr/lib/debug/.build-id/ab/cdef01234567bb.debug cannot be used; "
              + "its functions have no lines."
          ] : [])
    )
  }

  @Test(.enabled(if: Workspace.has("rustc"), "rustc is not installed"), arguments: ["", "strip"])
  func `Calls in Rust have their lines`(how: String) throws {
    let source = """
      extern "C" { fn mark(name: *const u8); }
      mod inner {
        #[inline(always)] pub fn bottom<T: Copy + Into<u64>>(x: T) -> u64 {
          unsafe { super::mark("inlined\\0".as_ptr()) };
          unsafe { std::ptr::read_volatile(&x) }.into() + 1
        }
      }
      #[inline(never)] fn outer(x: u32) -> u64 {
        let closure = |y| {
          inner::bottom(y)
        };
        closure(x) + 2
      }
      fn main() {
        std::process::exit((outer(1) == 0) as i32);
      }
      """
    try workspace.write(source.utf8, to: "prog.rs")
    let said = try link("rustc --edition 2021 -O -g -C link-arg=mark.o prog.rs -o bin/prog")
    if how == "strip" {
      try workspace.run("objcopy --only-keep-debug bin/prog bin/prog.debug && strip bin/prog")
      try workspace.run("objcopy --add-gnu-debuglink=bin/prog.debug bin/prog")
    }
    var symbolizer = Symbolizer(root: workspace.path)
    let found = try found("inlined", of: said, with: &symbolizer)
    #expect(
      found.map { $0.replacing("::<u32>", with: "").replacing("#0", with: "") }
        .map { $0.replacing("{{closure}}", with: "{closure}") } == [
          "prog::inner::bottom prog.rs:4", "prog::outer::{closure} prog.rs:10",
          "prog::outer prog.rs:12",
        ]
    )
  }

  @Test(
    .enabled(if: Workspace.has("swiftc"), "swiftc is not installed"),
    arguments: ["-O -g", "-Onone -g", "-O -g -dwarf-version=5"]
  )
  func `Calls in Swift have their lines`(flags: String) throws {
    let source = """
      @_silgen_name("mark") func mark(_ name: UnsafePointer<CChar>)
      struct Inner<T: BinaryInteger> {
        @inline(__always) func bottom(_ x: T) -> T {
          mark("inlined")
          return x + 1
        }
      }
      @inline(never) func outer(_ x: Int) -> Int {
        func local(_ y: Int) -> Int {
          Inner().bottom(y) * 2
        }
        return local(x) + 3
      }
      @main struct Program {
        static func main() { precondition(outer(CommandLine.argc > 5 ? 1 : 2) != 0) }
      }
      """
    try workspace.write(source.utf8, to: "prog.swift")
    let said = try link(
      "swiftc -parse-as-library -module-name prog \(flags) prog.swift mark.o -o bin/prog"
    )
    var symbolizer = Symbolizer(root: workspace.path)
    let found = try found("inlined", of: said, with: &symbolizer)
    #expect(found.first?.hasSuffix("bottom(_:) prog.swift:4") == true, "\(found)")
    if flags.hasPrefix("-O ") {
      #expect(found.count == 3, "\(found)")
      #expect(found.dropFirst().first?.hasSuffix("prog.swift:10") == true, "\(found)")
      #expect(found.last == "prog.outer(_:) prog.swift:12", "\(found)")
    }
  }

  @Test(.enabled(if: hasLibcLines, "the debug package of libc is not installed"))
  func `Calls inside libc have the lines of its debug package`() throws {
    let source = """
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <stdio.h>
      #include <stdlib.h>
      static int compare(const void *a, const void *b) {
        void *caller = __builtin_return_address(0);
        Dl_info info;
        dladdr(caller, &info);
        printf("bias %lx\\nstart %lx\\n", (long)info.dli_fbase, (long)info.dli_fbase);
        printf("caller %lx\\nend %lx\\n", (long)caller, (long)caller + 1);
        return 0;
      }
      int main(void) { int values[2] = {2, 1}; qsort(values, 2, sizeof(int), compare); }
      """
    try workspace.write(source.utf8, to: "prog.c")
    try workspace.run("cc -O1 prog.c -o prog")
    let said = SelfReport(try workspace.run("./prog"))
    var symbolizer = Symbolizer()
    let found = try found("caller", of: said, with: &symbolizer, program: libc)
    #expect(found.last?.contains("sort.c:") == true, "\(found)")
    #expect(found.first?.hasSuffix(":0") == false, "\(found)")
  }
}

private let libc = "/lib/x86_64-linux-gnu/libc.so.6"

/// Whether the C library has a debug file with lines here.
private var hasLibcLines: Bool {
  guard let file = try? ElfFile(path: libc) else { return false }
  return DebugFiles(root: "", directories: ["/usr/lib/debug"]).file(buildID: file.buildID) != nil
}
