internal import Foundation
public import TraceAnalysis

/// The ctrace that was built together with the tests.
public enum CTrace {
  /// The folder of build products.
  private static let products: String = {
    let executable =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? ""
    let bundle = Bundle.allBundles.map(\.bundlePath).first { $0.hasSuffix(".xctest") }
    return ((bundle ?? executable) as NSString).deletingLastPathComponent
  }()

  /// The command.
  public static let path = products + "/ctrace"
  /// A program of this package that is there to be recorded.
  public static func program(_ name: String) -> String { "\(products)/\(name)" }
  /// The library that is loaded into targets.
  public static let runtime = products + "/libctrace-runtime.so"
  /// The library that is loaded into those that run Python.
  public static let probe = products + "/libctrace-python.so"

  /// Runs a command of ctrace to its end.
  public static func run(
    _ arguments: String..., environment: [String: String] = [:], directory: String? = nil
  ) throws -> ProgramResult {
    try Program([path] + arguments, environment: environment, directory: directory).result()
  }
}

/// A recording made by a test.
public final class TestRecording {
  /// What `ctrace record` did: the program's status and output, and ctrace's own messages.
  public let run: ProgramResult
  /// The file.
  public var file: String { folder.path + "/test.ctrace" }
  private let folder: TemporaryFolder

  /// Records a program.
  ///
  /// - Parameters:
  ///   - options: Options of `record`.
  ///   - environment: Added to ours for ctrace and the program.
  ///   - user: Another user's number to record as; for root only.
  public convenience init(
    _ command: String..., options: [String] = [], environment: [String: String] = [:],
    user: UInt32? = nil
  ) throws {
    try self.init(command: command, options: options, environment: environment, user: user)
  }

  /// Records a program, given as one list.
  public init(
    command: [String], options: [String] = [], environment: [String: String] = [:],
    user: UInt32? = nil
  ) throws {
    folder = try TemporaryFolder()
    let arguments =
      [CTrace.path, "record", "--quiet", "-o", folder.path + "/test.ctrace"] + options + ["--"]
      + command
    run = try Program(arguments, environment: environment, directory: folder.path, user: user)
      .result()
  }

  /// What the program said about itself.
  public func value(_ name: String) throws -> Int64 {
    guard let value = run.values[name] else {
      throw TestFailure("the program did not say \(name), but: \(run.output) \(run.errors)")
    }
    return value
  }

  /// The report as `ctrace report --format json` writes it.
  public private(set) lazy var json: [UInt8] = {
    let result = try? CTrace.run("report", "--format", "json", file)
    return Array((result?.output ?? "").utf8)
  }()

  /// The same as a value.
  public func report() throws -> Report {
    guard let report = try? JSONDecoder().decode(Report.self, from: Data(json)) else {
      let result = try CTrace.run("report", "--format", "json", file)
      throw TestFailure(
        "no report: \(result.errors.prefix(500)) after record said \(run.errors.prefix(500))")
    }
    return report
  }

  /// The lock with a name.
  public func lock(_ name: String, kind: String? = nil) throws -> LockSummary {
    let locks = try report().locks
    guard let lock = locks.first(where: { $0.name == name && (kind == nil || $0.kind == kind) })
    else {
      throw TestFailure("there is no lock \(name) among \(locks.map { "\($0.name) \($0.kind)" })")
    }
    return lock
  }

  /// The queue with a name.
  public func queue(_ name: String, kind: String? = nil) throws -> QueueSummary {
    let queues = try report().queues
    guard let queue = queues.first(where: { $0.name == name && (kind == nil || $0.kind == kind) })
    else {
      throw TestFailure("there is no queue \(name) among \(queues.map { "\($0.name) \($0.kind)" })")
    }
    return queue
  }

  /// The thread with a name.
  public func thread(_ name: String) throws -> ThreadSummary {
    let threads = try report().threads
    guard let thread = threads.first(where: { $0.name == name }) else {
      throw TestFailure("there is no thread \(name) among \(threads.map(\.name))")
    }
    return thread
  }
}

extension Report {
  /// Acquisitions of all locks whose name begins so.
  public func acquisitions(ofLocksNamed prefix: String) -> UInt64 {
    locks.filter { $0.name.hasPrefix(prefix) }.reduce(0) { $0 + $1.acquisitions }
  }
}

extension [FrameSummary] {
  /// The functions, innermost first.
  public var functions: [String] { map(\.function) }
}

extension Report {
  /// Reads what `ctrace report --format json` wrote.
  public init(json: String) throws {
    self = try JSONDecoder().decode(Report.self, from: Data(json.utf8))
  }
}
