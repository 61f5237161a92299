import Glibc
import Testing
import TraceModel

/// A folder of a test's own, removed with it, and the tools that make ELF files in it.
final class Workspace {
  let path: String

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    // mkdtemp puts the name in the place of the six letters.
    var template = Array("\(parent)/symbolsXXXXXX".utf8CString)
    path = try template.withUnsafeMutableBufferPointer { template in
      String(cString: try #require(template.baseAddress.flatMap { mkdtemp($0) }))
    }
  }

  deinit { _ = try? run("chmod -R u+w '\(path)'; rm -rf '\(path)'") }

  /// Runs a shell command in the folder and returns what it wrote.
  @discardableResult
  func run(_ command: String) throws -> String {
    let stream = try #require(popen("cd '\(path)' && { \(command)\n} 2>&1", "r"))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = fread(&buffer, 1, buffer.count, stream)
      if count == 0 { break }
      output += buffer[..<count]
    }
    let status = pclose(stream)
    let text = String(decoding: output, as: UTF8.self)
    try #require(status == 0, "\(command): \(text)")
    return text
  }

  func write(_ bytes: some Collection<UInt8>, to name: String) throws {
    let file = try #require(fopen("\(path)/\(name)", "w"))
    let written = Array(bytes).withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    try #require(fclose(file) == 0 && written == bytes.count)
  }

  func read(_ name: String) throws -> [UInt8] {
    let file = try #require(fopen("\(path)/\(name)", "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 24)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  static func has(_ tool: String) -> Bool { system("command -v \(tool) >/dev/null 2>&1") == 0 }
}

/// What a program said about itself: `name hexadecimal` lines.
struct SelfReport {
  private let values: [String: UInt64]

  init(_ output: String) {
    values = output.split(separator: "\n").reduce(into: [:]) { values, line in
      let words = line.split(separator: " ")
      guard words.count == 2, let value = UInt64(words[1], radix: 16) else { return }
      values[String(words[0])] = value
    }
  }

  subscript(name: String) -> UInt64 {
    get throws { try #require(values[name], "the program did not print \(name)") }
  }

  func module(path: String, buildID: [UInt8] = []) throws -> Module {
    try Module(
      process: ProcessID(rawValue: 1),
      bias: self["bias"],
      start: self["start"],
      end: self["end"],
      path: path,
      buildID: buildID
    )
  }
}

/// A C function for `dl_iterate_phdr` that prints where the program is loaded.
private let report = """
  static int report(struct dl_phdr_info *info, size_t size, void *data) {
    unsigned long low = -1UL, high = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
      const ElfW(Phdr) *p = &info->dlpi_phdr[i];
      if (p->p_type != PT_LOAD) continue;
      if (p->p_vaddr < low) low = p->p_vaddr;
      if (p->p_vaddr + p->p_memsz > high) high = p->p_vaddr + p->p_memsz;
    }
    printf("bias %lx\\nstart %lx\\nend %lx\\n", (long)info->dlpi_addr, (long)info->dlpi_addr + low,
           (long)info->dlpi_addr + high);
    return 1;
  }
  """

/// A C program that prints where it is loaded and where its functions and variables are.
let program = """
  #define _GNU_SOURCE
  #include <link.h>
  #include <pthread.h>
  #include <stdio.h>

  pthread_mutex_t cache_mu;
  struct { char before[0x40]; pthread_mutex_t lock; } stats = {{1}};
  static pthread_mutex_t hidden = PTHREAD_MUTEX_INITIALIZER;
  __thread int per_thread = 7;

  __attribute__((noinline)) static int helper(int x) { return x * 3 + per_thread; }
  __attribute__((noinline)) int worker(int x) { return helper(x) + 1; }

  // A call that nothing follows: what is after it belongs to the next function.
  extern void caller(void), after(void), inner(void), outer(void), outer_end(void);
  extern void unsized(void), unsized_next(void);
  extern char __stop_extra[];
  asm(".text\\n"
      ".globl caller, after, outer, inner, outer_end\\n"
      ".type caller, @function\\n .type after, @function\\n"
      "caller: call after\\n .size caller, 5\\n"
      "after: ret\\n nop\\n .size after, 2\\n"
      ".type outer, @function\\n .type inner, @function\\n .type outer_end, @function\\n"
      "outer: nop\\n nop\\n inner: nop\\n nop\\n .size inner, 2\\n nop\\n ret\\n .size outer, 6\\n"
      "outer_end: ret\\n .size outer_end, 1\\n"
      // One address, many names.
      ".globl strong, _strong\\n .weak weak\\n"
      ".type strong, @function\\n .type _strong, @function\\n .type weak, @function\\n"
      ".type local, @function\\n .type sizeless, @function\\n .globl sizeless\\n"
      "local: weak: _strong: strong: sizeless: ret\\n"
      ".size local, 1\\n .size weak, 1\\n .size strong, 1\\n .size _strong, 1\\n"
      ".section extra, \\"ax\\", @progbits\\n"
      ".globl unsized, unsized_next\\n"
      ".type unsized, @function\\n .type unsized_next, @function\\n"
      "unsized: nop\\n nop\\n nop\\n unsized_next: nop\\n ret\\n"
      ".text\\n");
  extern void strong(void);

  \(report)

  #define SHOW(x) printf(#x " %lx\\n", (unsigned long)&x)
  int main(int argc, char **argv) {
    dl_iterate_phdr(report, NULL);
    SHOW(main); SHOW(helper); SHOW(worker); SHOW(cache_mu); SHOW(stats); SHOW(hidden);
    SHOW(per_thread); SHOW(caller); SHOW(after); SHOW(outer); SHOW(inner); SHOW(strong);
    SHOW(unsized); SHOW(unsized_next); SHOW(__stop_extra); SHOW(printf);
    return worker(argc) == 0;
  }
  """

extension Workspace {
  /// Compiles ``program`` to `bin/prog` and runs it.
  func compileProgram(_ flags: String) throws -> SelfReport {
    try run("mkdir -p bin")
    try write(program.utf8, to: "prog.c")
    try run("cc -O1 \(flags) prog.c -o bin/prog -pthread")
    return SelfReport(try run("bin/prog"))
  }
}

/// What programs whose calls are looked up are linked with: it prints where they are loaded and, at
/// each call of `mark`, the return address under a name.
let marker = """
  #define _GNU_SOURCE
  #include <link.h>
  #include <stdio.h>

  __attribute__((noinline)) void mark(const char *name) {
    printf("%s %lx\\n", name, (unsigned long)__builtin_return_address(0));
  }

  \(report)
  __attribute__((constructor)) static void start(void) { dl_iterate_phdr(report, NULL); }
  """
