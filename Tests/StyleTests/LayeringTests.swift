import Testing

/// Which module may import which. A change here is a change of the design.
@Suite("Layers")
struct LayeringTests {
  /// Modules of Sources, and what each may import. Data flows one way: what is recorded, what is read and
  /// what is made of it meet only in the model.
  static let mayImport: [String: Set<String>] = [
    // In the target. Nothing may import the runtime.
    "CTraceABI": [],
    "CTraceHeader": [],
    "CTraceRuntime": ["CTraceABI", "CTraceHeader"],
    "CTracePython": ["CTraceABI"],
    // In programs that tell of themselves.
    "CProbes": ["CTraceHeader"],
    "CTraceProbes": ["CProbes"],
    "CTraceObservability": ["CTraceProbes", "CoreMetrics", "Tracing"],
    // The system.
    "CLinux": ["CTraceABI"],
    "CElf": [],
    "CZlib": [],
    "CZstd": [],
    "LinuxSystem": ["CLinux", "Glibc", "SystemPackage"],
    // The trace. Without Glibc: values and bytes, no I/O.
    "TraceModel": [],
    "TraceFile": ["TraceModel", "CTraceABI", "CZlib", "CZstd"],
    "Symbolication": ["TraceModel", "LinuxSystem", "CElf", "CZlib", "Glibc", "SystemPackage"],
    "TraceRecorder": [
      "TraceModel", "TraceFile", "LinuxSystem", "Symbolication", "CTraceABI", "CLinux", "Glibc",
      "SystemPackage",
    ],
    "TraceAnalysis": ["TraceModel", "Histogram", "RealModule"],
    "TraceExport": ["TraceModel", "CZlib", "CZstd"],
    "CommandLine": [
      "TraceModel", "TraceFile", "LinuxSystem", "Symbolication", "TraceRecorder", "TraceAnalysis",
      "TraceExport", "CLinux", "CZlib", "Glibc", "SystemPackage", "ArgumentParser",
      "FoundationEssentials", "Yams",
    ],
    "ctrace": ["CommandLine"],
  ]

  /// Parts of Swift that every module may use.
  static let everywhere: Set<String> = ["Swift", "Synchronization"]

  /// Headers of libc that the code in the target may use. Those of malloc and of output are not among
  /// them: a hook may run inside either.
  static let runtimeHeaders: Set<String> = [
    "dlfcn.h", "elf.h", "errno.h", "fcntl.h", "limits.h", "link.h", "mqueue.h", "pthread.h",
    "sched.h", "semaphore.h", "setjmp.h", "signal.h", "spawn.h", "stdarg.h", "stdbool.h",
    "stddef.h", "stdint.h", "string.h", "threads.h", "time.h", "ucontext.h", "unistd.h", "unwind.h",
  ]

  @Test("every folder of Sources is a module of the table")
  func folders() throws {
    for name in try SourceTree.names(in: "Sources") where !name.hasPrefix(".") {
      #expect(
        LayeringTests.mayImport[name] != nil,
        "Sources/\(name) is no module of the design: put its code into one, or add it there and here"
      )
    }
  }

  @Test("modules import only what their layer may")
  func imports() throws {
    for file in try SourceTree.files("Sources", suffixes: [".swift"]) {
      let allowed = (LayeringTests.mayImport[file.module] ?? []).union(LayeringTests.everywhere)
      for (index, line) in file.lines.enumerated() where line.contains("import ") {
        guard let module = importedModule(line), !allowed.contains(module) else { continue }
        Issue.record(
          """
          \(file.path):\(index + 1): \(file.module) may not import \(module), only \
          \(allowed.sorted().joined(separator: ", "))
          """)
      }
    }
  }

  @Test("the runtime includes nothing beyond libc and our own headers")
  func runtimeIncludes() throws {
    let files = try ["CTraceABI", "CTraceHeader", "CTraceRuntime"].flatMap {
      try SourceTree.files("Sources/\($0)", suffixes: [".c", ".h"])
    }
    let own = Set(files.compactMap { $0.path.split(separator: "/").last.map(String.init) })
    for file in files {
      for (index, line) in file.lines.enumerated() {
        guard let match = line.firstMatch(of: /^\s*#\s*include\s*([<"])([^>"]+)/) else { continue }
        let header = String(match.2)
        let isAllowed =
          match.1 == "\""
          ? own.contains(header)
          : header.hasPrefix("sys/") || header.hasPrefix("linux/")
            || LayeringTests.runtimeHeaders.contains(header)
        #expect(
          isAllowed,
          "\(file.path):\(index + 1): what runs in the target may not include \(header)"
        )
      }
    }
  }

  /// The module that a line imports: of `import struct M.S` that is M.
  private func importedModule(_ line: String) -> String? {
    let pattern =
      /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/
    return line.firstMatch(of: pattern).map { String($0.1) }
  }
}
