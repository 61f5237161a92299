internal import Foundation
internal import Synchronization

/// A program of Tests/Workloads whose answer is known by construction, compiled where it is needed.
public enum Workload {
  /// The repository's folder of workloads.
  public static let sources = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Workloads").path

  /// The headers of what the runtime and the recorder share, for workloads that include parts of the
  /// runtime, and of what programs tell of themselves.
  private static let headers = ["CTraceABI", "CTraceHeader"].flatMap {
    ["-I", "\(sources)/../../Sources/\($0)/include"]
  }

  private static let folder = Mutex<String?>(nil)

  /// Compiles `NAME.c`, once for each set of flags, and returns the program's path.
  ///
  /// - Parameter debug: Whether the program has debugging information.
  public static func build(
    _ name: String, flags: [String] = [], compiler: String = "cc", output: String? = nil
  ) throws -> String {
    try folder.withLock { folder in
      let path = try folder ?? makeFolder()
      folder = path
      let program =
        path + "/" + (output ?? name)
        + flags.joined().filter { $0.isLetter || $0.isNumber }
      if FileManager.default.isExecutableFile(atPath: program) { return program }
      let source = "\(sources)/\(name)" + (name.contains(".") ? "" : ".c")
      let command =
        [compiler, "-O1", "-g", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread"]
        + ["-I", sources] + headers + [source] + flags + ["-o", program + ".new"]
        + (flags.contains("-shared") ? [] : ["-ldl"])
      let result = try Program(command).result()
      guard result.status == 0 else {
        throw TestFailure("\(name).c does not compile: \(result.errors.prefix(2000))")
      }
      // Whole or not at all.
      try FileManager.default.moveItem(atPath: program + ".new", toPath: program)
      return program
    }
  }

  /// Compiles `NAME.swift` as it is released, once for each set of flags, and returns the program's path.
  public static func buildSwift(_ name: String, flags: [String] = []) throws -> String {
    try folder.withLock { folder in
      let path = try folder ?? makeFolder()
      folder = path
      let program = path + "/" + name + flags.joined().filter { $0.isLetter || $0.isNumber }
      if FileManager.default.isExecutableFile(atPath: program) { return program }
      let result = try Program(
        ["swiftc", "-O", "-g", "-warnings-as-errors", "-swift-version", "6"] + flags + [
          "\(sources)/\(name).swift", "-o", program + ".new",
        ]
      ).result()
      guard result.status == 0 else {
        throw TestFailure("\(name).swift does not compile: \(result.errors.prefix(2000))")
      }
      try FileManager.default.moveItem(atPath: program + ".new", toPath: program)
      return program
    }
  }

  /// A folder of this process's, removed when it ends.
  private static func makeFolder() throws -> String {
    let made = try TemporaryFolder()
    // Kept until the process ends: programs in it are used by many tests.
    _ = Unmanaged.passRetained(made)
    atexit {
      Workload.folder.withLock { path in
        if let path { try? FileManager.default.removeItem(atPath: path) }
      }
    }
    return made.path
  }
}
