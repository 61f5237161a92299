internal import FoundationEssentials
internal import LinuxSystem
internal import SystemPackage
internal import TraceAnalysis
internal import TraceFile

/// A file that holds runs to compare: a recording, a report as `ctrace report --format json` writes it, or a
/// baseline.
enum RunFile {
  /// Bytes that a report or a baseline may have.
  private static let largest = 256 << 20
  /// Runs that one side may have.
  static let mostRuns = 1000

  /// Reads all files of a side.
  static func read(_ paths: [String]) throws -> [RunFigures] {
    let runs = try paths.flatMap { try read($0) }
    guard runs.count <= mostRuns else {
      throw Failure(
        message:
          "these are \(runs.count) runs; give at most \(mostRuns), of which more tell no more")
    }
    return runs
  }

  /// Reads one.
  static func read(_ path: String) throws -> [RunFigures] {
    guard try isText(path) else {
      return [try figures(ofRecording: path)]
    }
    return try runs(in: path, try bytes(of: path))
  }

  /// The figures of a recording.
  static func figures(ofRecording path: String) throws -> RunFigures {
    let input = try TraceInput(path: path)
    defer { input.close() }
    return RunFigures(try makeReport(of: input))
  }

  /// The bytes of a JSON file.
  static func bytes(of path: String) throws -> [UInt8] {
    do { return try readRegularFile(path, largest: largest) } catch {
      throw Failure(
        message: error == .fileTooLarge
          ? "\(path) is larger than any report; give the recording instead"
          : "\(path) cannot be read: \(error)")
    }
  }

  /// Whether a file is one that `ctrace report` can look into.
  static func isRecording(_ path: String) -> Bool { (try? isText(path)) == false }

  /// Whether a file begins like JSON, which no recording does.
  private static func isText(_ path: String) throws -> Bool {
    let start = try TraceInput.explaining(path) {
      let source = try FileSource(path: path)
      defer { source.close() }
      return try source.read(at: 0, count: 64)
    }
    return start.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{")
  }

  /// The runs in a JSON file.
  static func runs(in path: String, _ bytes: [UInt8]) throws -> [RunFigures] {
    struct Header: Decodable { var schema: String? }
    let header: Header = try decode(path, bytes, "JSON with a schema")
    switch header.schema {
    case Report.schemaName:
      let report: Report = try decode(path, bytes, Report.schemaName)
      try refuseParts(report.recording, path)
      return try [RunFigures(report)].map { try check($0, path) }
    case Baseline.schemaName:
      let baseline: Baseline = try decode(path, bytes, Baseline.schemaName)
      guard !baseline.runs.isEmpty else {
        throw Failure(message: "\(path) is a baseline without runs; make it again")
      }
      return try baseline.runs.map { try check($0, path) }
    case let schema?:
      throw Failure(
        message: "\(path) has the schema \(schema.prefix(40).debugDescription), and this ctrace "
          + "compares \(Report.schemaName) and \(Baseline.schemaName); make it again")
    case nil:
      throw Failure(
        message: "\(path) is JSON, but without the schema of a report or a baseline; give what "
          + "'ctrace report --format json' writes")
    }
  }

  private static func decode<Value: Decodable>(
    _ path: String, _ bytes: [UInt8], _ what: String
  ) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch {
      throw Failure(message: "\(path) \(explain(error, what)); make it again with this ctrace")
    }
  }

  /// What is wrong with JSON.
  private static func explain(_ error: any Error, _ what: String) -> String {
    func place(_ keys: [any CodingKey]) -> String {
      keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context):
      return "is no \(what): it has no \(place(context.codingPath + [key]))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "is no \(what): \(place(context.codingPath)) is not what it should be"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "is no \(what): \(place(context.codingPath)) is not what it should be"
    default: return "is not whole JSON"
    }
  }

  private static func refuseParts(_ recording: RecordingSummary, _ path: String) throws {
    guard recording.fromNs != nil || recording.toNs != nil || recording.only != nil else { return }
    throw Failure(
      message: "\(path) is a report on \(recording.only ?? "a part of a run"), and only whole runs "
        + "can be compared; make it without --from, --to, --top or the name of one thing")
  }

  /// Figures that no run can have are none to calculate with.
  private static func check(_ run: RunFigures, _ path: String) throws -> RunFigures {
    let times =
      [run.durationNs, run.overheadNs]
      + run.locks.flatMap { [$0.heldNs ?? 0, $0.waitNs, $0.waitP99Ns] }
      + run.queues.map(\.depthP99)
      + [run.gil?.longestHoldNs ?? 0, run.loopLagP99Ns ?? 0, run.runQueueP99Ns ?? 0]
    let shares =
      run.locks.map { $0.utilisation ?? 0 } + run.queues.map { $0.fullShare ?? 0 }
      + [run.gil?.utilisation ?? 0, run.noCPUShare ?? 0]
    guard times.allSatisfy({ $0 >= 0 }), shares.allSatisfy({ (0...1_000_000).contains($0) }) else {
      throw Failure(message: "\(path) has figures that no run can have; make it again")
    }
    return run
  }
}
