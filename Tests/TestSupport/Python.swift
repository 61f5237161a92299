internal import Foundation
internal import TraceAnalysis

/// An interpreter of Python's on this machine.
public struct Python: Sendable, CustomStringConvertible {
  /// The program.
  public let path: String
  /// The minor version: 11 for 3.11.
  public let version: Int

  /// Its version and path.
  public var description: String { "3.\(version) (\(path))" }

  /// Debian's own; tests need it.
  public static let system = Python(
    path: "/usr/bin/python3", version: minorVersion("/usr/bin/python3"))

  /// All that the probe is for, Debian's first: those of pyenv are used where there are any.
  public static let all = [system] + installed.filter { (7...13).contains($0.version) }

  /// Those of pyenv, the oldest first.
  private static let installed: [Python] = {
    let versions = NSHomeDirectory() + "/.pyenv/versions"
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: versions)) ?? []
    return folders.map { "\(versions)/\($0)/bin/python3" }
      .filter { FileManager.default.isExecutableFile(atPath: $0) }
      .map { Python(path: $0, version: minorVersion($0)) }
      .sorted { $0.version < $1.version }
  }()

  private static func minorVersion(_ path: String) -> Int {
    let result = try? Program([path, "-c", "import sys; print('minor', sys.version_info[1])"])
      .result()
    return Int(result?.values["minor"] ?? 0)
  }

  /// The path of a program of Tests/Workloads/python.
  public static func workload(_ name: String) -> String { "\(Workload.sources)/python/\(name).py" }

  /// Whether it can import a module.
  public func has(_ module: String) -> Bool {
    (try? Program([path, "-c", "import \(module)"]).result())?.status == 0
  }

  /// Records a program of Tests/Workloads/python, which must end well and without a lost event.
  public func record(
    _ name: String, _ arguments: [String] = [], options: [String] = []
  ) throws -> TestRecording {
    let recording = try TestRecording(
      command: [path, Python.workload(name)] + arguments, options: options)
    guard recording.run.status == 0 else {
      throw TestFailure("\(name).py on \(self): \(recording.run.errors.suffix(2000))")
    }
    let lost = try recording.report().recording.lostEvents
    guard lost == 0 else { throw TestFailure("\(name).py on \(self) lost \(lost) events") }
    return recording
  }
}
