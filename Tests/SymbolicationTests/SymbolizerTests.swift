import Glibc
import Symbolication
import Testing
import TraceModel

@Suite struct SymbolizerTests {
  private let workspace: Workspace
  init() throws { workspace = try Workspace() }

  @Test(arguments: ["-no-pie", "-pie", "-static", "-static-pie", "-no-pie -s -rdynamic"])
  func `A program's own addresses get their names`(flags: String) throws {
    let said = try workspace.compileProgram(flags)
    let modules = ModuleMap([try said.module(path: "\(workspace.path)/bin/prog")])
    var symbolizer = Symbolizer()
    func expect(
      _ name: String,
      plus offset: UInt64 = 0,
      _ use: AddressUse,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let found = symbolizer.symbolize(address: try said[name] + offset, use: use, in: modules)
      let expected = Symbol(function: name, module: "prog", offset: offset)
      #expect(found == [expected], sourceLocation: sourceLocation)
    }
    try expect("main", .exact)
    try expect("worker", .exact)
    try expect("worker", plus: 3, .returnAddress)
    try expect("cache_mu", .data)
    try expect("cache_mu", plus: 39, .data)
    try expect("stats", plus: 0x40, .data)
    if !flags.contains("-s ") {
      try expect("helper", .exact)
      try expect("hidden", plus: 8, .data)
    }
    #expect(symbolizer.notes.isEmpty)
  }

  @Test func `What surrounds a symbol decides which one an address gets`() throws {
    let said = try workspace.compileProgram("")
    let modules = ModuleMap([try said.module(path: "\(workspace.path)/bin/prog")])
    var symbolizer = Symbolizer()
    func name(_ address: UInt64, _ use: AddressUse = .exact) -> String {
      let symbols = symbolizer.symbolize(address: address, use: use, in: modules)
      return symbols.map { "\($0.function)+\($0.offset)" }.joined(separator: " ")
    }
    let caller = try said["caller"]
    #expect(name(caller + 5) == "after+0")
    #expect(name(caller + 5, .returnAddress) == "caller+5")
    #expect(name(caller, .data).hasPrefix("+"), "code is no variable")
    let outer = try said["outer"]
    #expect(
      (0...6).map { name(outer + $0) } == [
        "outer+0", "outer+1", "inner+0", "inner+1", "outer+4", "outer+5", "outer_end+0",
      ]
    )
    #expect(name(try said["strong"]) == "strong+0")
    let unsized = try said["unsized"]
    #expect(
      (0..<5).map { name(unsized + $0) } == [
        "unsized+0", "unsized+1", "unsized+2", "unsized_next+0", "unsized_next+1",
      ]
    )
    let end = try said["__stop_extra"]
    #expect(!name(end).hasPrefix("unsized"), "a symbol without a size ends with its section")
    #expect(name(try said["cache_mu"], .exact).hasPrefix("+"), "a variable is no code")
  }

  @Test func `An address without a symbol is an offset`() throws {
    let said = try workspace.compileProgram("-s")
    let module = try said.module(path: "\(workspace.path)/bin/prog")
    let vdso = Module(
      process: module.process,
      bias: 0x7000,
      start: 0x7000,
      end: 0x9000,
      path: "linux-vdso.so.1"
    )
    let modules = ModuleMap([module, vdso])
    var symbolizer = Symbolizer()
    let stripped = symbolizer.symbolize(address: try said["helper"], use: .exact, in: modules)
    #expect(stripped == [Symbol(module: "prog", offset: try said["helper"] - module.start)])
    let inVDSO = symbolizer.symbolize(address: 0x7a00, use: .exact, in: modules)
    #expect(inVDSO == [Symbol(module: "linux-vdso.so.1", offset: 0xa00)])
    let nowhere = symbolizer.symbolize(address: 0x10, use: .returnAddress, in: modules)
    #expect(nowhere == [Symbol(offset: 0x10)])
    #expect(symbolizer.symbolize(address: 0, use: .returnAddress, in: modules) == [Symbol()])
    #expect(
      symbolizer.notes == [
        "\(workspace.path)/bin/prog has no symbols; its functions are shown as offsets in the file."
      ]
    )
  }

  @Test(
    .enabled(if: Workspace.has("objcopy"), "objcopy of binutils is not installed"),
    arguments: ["bin", "bin/.debug", "usr/lib/debug/bin", "elsewhere"]
  )
  func `A debug file is found by its link where debuggers look`(folder: String) throws {
    let said = try workspace.compileProgram("-Wl,--build-id=none")
    try workspace.run("mkdir -p \(folder) && objcopy --only-keep-debug bin/prog \(folder)/p.debug")
    try workspace.run("strip bin/prog && objcopy --add-gnu-debuglink=\(folder)/p.debug bin/prog")
    let modules = ModuleMap([try said.module(path: "/bin/prog")])
    var symbolizer = Symbolizer(root: workspace.path)
    let found = symbolizer.symbolize(address: try said["helper"], use: .exact, in: modules)
    #expect(found.map(\.function) == [folder == "elsewhere" ? "" : "helper"])

    // With another byte in it, the file is not the one that was linked to.
    try workspace.run("printf x >>\(folder)/p.debug")
    symbolizer = Symbolizer(root: workspace.path)
    let other = symbolizer.symbolize(address: try said["helper"], use: .exact, in: modules)
    #expect(other.map(\.function) == [""])
  }

  @Test(.enabled(if: Workspace.has("objcopy"), "objcopy of binutils is not installed"))
  func `A debug file is found by build-id, even when the program was replaced`() throws {
    let said = try workspace.compileProgram("-Wl,--build-id=0xabcdef0123456789")
    let identity: [UInt8] = [0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89]
    let modules = ModuleMap([try said.module(path: "/bin/prog", buildID: identity)])
    let debugFile = "usr/lib/debug/.build-id/ab/cdef0123456789.debug"
    try workspace.run("mkdir -p usr/lib/debug/.build-id/ab; cp bin/prog whole; strip bin/prog")
    try workspace.run("objcopy --only-keep-debug whole \(debugFile)")

    var symbolizer = Symbolizer(root: workspace.path)
    func names() throws -> [String] {
      symbolizer.symbolize(address: try said["helper"], use: .exact, in: modules).map(\.function)
        + symbolizer.symbolize(address: try said["stats"] + 64, use: .data, in: modules)
        .map { "\($0.function)+\($0.offset)" }
    }
    #expect(try names() == ["helper", "stats+64"])
    _ = try workspace.compileProgram("-Wl,--build-id=0x00000099")
    symbolizer = Symbolizer(root: workspace.path)
    #expect(try names() == ["helper", "stats+64"])
    #expect(symbolizer.notes.isEmpty)

    // A debug file in the right place with a wrong build-id is a wrong file.
    try workspace.run("cp bin/prog \(debugFile)")
    symbolizer = Symbolizer(root: workspace.path)
    #expect(try names().first == "")
    #expect(
      symbolizer.notes == [
        "\(workspace.path)/bin/prog is not the file that was recorded, whose build-id was "
          + "abcdef0123456789: it has 00000099; its functions are shown as offsets in the file."
      ]
    )
  }

  @Test func `A file that cannot be used is reported once and never waited for`() throws {
    try workspace.run("mkfifo fifo; mkdir directory; echo text >text; printf '\\177ELF' >short")
    let names = ["absent", "fifo", "directory", "text", "short", "\u{1b}[31m"]
    let modules = names.enumerated().map { index, name in
      let start = UInt64(index + 1) << 16
      return Module(
        process: ProcessID(rawValue: 1),
        bias: start,
        start: start,
        end: start + 0x1000,
        path: "\(workspace.path)/\(name)"
      )
    }
    var symbolizer = Symbolizer()
    for _ in 0..<2 {
      for module in modules {
        let found = symbolizer.symbolize(
          address: module.start + 9,
          use: .exact,
          in: ModuleMap(modules)
        )
        #expect(found.map(\.offset) == [9])
      }
    }
    let reasons = symbolizer.notes.map {
      $0.replacing("\(workspace.path)/", with: "")
        .replacing("; its functions are shown as offsets in the file.", with: "")
    }
    #expect(reasons.count == names.count)
    #expect(
      reasons.prefix(4) == [
        "absent cannot be read: No such file or directory", "fifo is not a regular file",
        "directory is not a regular file", "text is not an ELF file",
      ]
    )
    #expect(reasons[5] == "?[31m cannot be read: No such file or directory")
  }

  @Test func `Functions of C++ are named as in the source`() throws {
    let source = """
      #include <cstdio>
      #include <mutex>
      #include <string>
      namespace store {
      template <class T> struct Cache {
        static std::mutex mu;
        __attribute__((noinline)) int find(const std::string &key) const { return key.size(); }
      };
      template <class T> std::mutex Cache<T>::mu;
      template <class T> __attribute__((noinline)) int twice(T x) { return x * 2; }
      std::mutex &once() { static std::mutex inside; return inside; }
      }
      int main() {
        auto find = &store::Cache<int>::find;
        auto lambda = [](int x) { return x; };
        auto call = &decltype(lambda)::operator();
        printf("find %lx\\n", *(unsigned long *)&find);
        printf("lambda %lx\\n", *(unsigned long *)&call);
        printf("twice %lx\\n", (unsigned long)&store::twice<long>);
        printf("mu %lx\\ninside %lx\\n", (unsigned long)&store::Cache<int>::mu,
               (unsigned long)&store::once());
      }
      """
    try workspace.write(source.utf8, to: "prog.cpp")
    try workspace.run("c++ -std=c++17 -no-pie prog.cpp -o prog")
    let said = SelfReport(try workspace.run("./prog"))
    let modules = ModuleMap([
      Module(
        process: ProcessID(rawValue: 1),
        bias: 0,
        start: 0x40_0000,
        end: 0x80_0000,
        path: "\(workspace.path)/prog"
      )
    ])
    var symbolizer = Symbolizer()
    func name(_ key: String, _ use: AddressUse = .exact) throws -> String {
      symbolizer.symbolize(address: try said[key], use: use, in: modules)[0].function
    }
    #expect(try name("find") == "store::Cache<int>::find")
    #expect(try name("lambda") == "main::{lambda(int)#1}::operator()")
    #expect(try name("twice") == "store::twice<long>")
    #expect(try name("mu", .data) == "store::Cache<int>::mu")
    #expect(try name("inside", .data) == "store::once()::inside")
  }

  @Test(
    .enabled(if: Workspace.has("rustc"), "rustc is not installed"),
    arguments: ["legacy", "v0"]
  )
  func `Functions of Rust are named as in the source`(mangling: String) throws {
    let source = """
      #[inline(never)] fn work<T: std::fmt::Debug>(x: T) { println!("{:?}", x) }
      mod inner { pub struct Job(pub u8); impl Job { #[inline(never)] pub fn go(&self) {
        super::work(self.0) } } }
      trait Run { fn run(&self); }
      impl Run for [inner::Job; 2] { #[inline(never)] fn run(&self) { self[0].go() } }
      fn main() {
        println!("work {:x}", work::<u8> as *const () as usize);
        println!("go {:x}", inner::Job::go as *const () as usize);
        println!("run {:x}", <[inner::Job; 2] as Run>::run as *const () as usize);
        [inner::Job(1), inner::Job(2)].run();
      }
      """
    try workspace.write(source.utf8, to: "prog.rs")
    let version = mangling == "v0" ? "v0" : "legacy -Z unstable-options"
    try workspace.run(
      "RUSTC_BOOTSTRAP=1 rustc -C relocation-model=static -C symbol-mangling-version=\(version) "
        + "prog.rs -o prog"
    )
    let said = SelfReport(try workspace.run("./prog"))
    let modules = ModuleMap([
      Module(
        process: ProcessID(rawValue: 1),
        bias: 0,
        start: 0x1_0000,
        end: 0x100_0000,
        path: "\(workspace.path)/prog"
      )
    ])
    var symbolizer = Symbolizer()
    let names = try ["work", "go", "run"].map {
      symbolizer.symbolize(address: try said[$0], use: .exact, in: modules)[0].function
    }
    #expect(
      names
        == (mangling == "v0"
          ? [
            "prog::work::<u8>", "<prog::inner::Job>::go",
            "<[prog::inner::Job; 2] as prog::Run>::run",
          ]
          : ["prog::work", "prog::inner::Job::go", "<[prog::inner::Job; 2] as prog::Run>::run"])
    )
  }

  @Test(.enabled(if: Workspace.has("swiftc"), "swiftc is not installed"))
  func `Functions of Swift are named as in the source`() throws {
    let source = """
      public final class Cache {
        @inline(never) public func find(key: Int, _ other: String) -> Int { key + other.count }
      }
      @inline(never) private func run(_ body: () -> Int) -> Int { body() + 1 }
      public func start() -> Int { run { Cache().find(key: 1, "a") } }
      """
    try workspace.write(source.utf8, to: "prog.swift")
    try workspace.run("swiftc -module-name prog -emit-library prog.swift -o libprog.so")
    let lines = try workspace.run("nm libprog.so").split(separator: "\n")
    let addresses = lines.compactMap { line -> UInt64? in
      let words = line.split(separator: " ")
      guard words.count == 3, words[2].hasPrefix("$s4prog") else { return nil }
      return "tT".contains(words[1]) ? UInt64(words[0], radix: 16) : nil
    }
    let modules = ModuleMap([
      Module(
        process: ProcessID(rawValue: 1),
        bias: 1 << 40,
        start: 1 << 40,
        end: 1 << 41,
        path: "\(workspace.path)/libprog.so"
      )
    ])
    var symbolizer = Symbolizer()
    let names = addresses.map {
      symbolizer.symbolize(address: $0 + 1 << 40, use: .exact, in: modules)[0].function
    }
    #expect(names.contains("prog.Cache.find(key:_:)"))
    #expect(names.contains("prog.run(_:)"))
    #expect(names.contains("prog.start()"))
    #expect(names.contains("closure #1 in prog.start()"))
  }
}
