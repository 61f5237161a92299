import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// What `ctrace diff` reads, and what it refuses.
@Suite struct DiffInputTests {
  private func diff(_ arguments: String..., in folder: TemporaryFolder) throws -> ProgramResult {
    try Program(
      [CTrace.path, "diff"] + arguments,
      environment: ["GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""], directory: folder.path
    ).result()
  }

  /// A folder with a recording, a report and a baseline of the same run.
  private func inputs() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var trace = TraceBuilder()
    let (one, other) = (trace.thread("one"), trace.thread("other"))
    let lock = trace.lock("mu")
    for step in 0..<50 as Range<Int64> {
      trace.wait(one, lock, from: step * 100, to: step * 100 + 50, owner: other)
      trace.release(other, lock, from: step * 100 - 10, to: step * 100 + 50)
    }
    trace.use(one, lock, acquisitions: 50)
    try folder.write(try trace.file(eventsPerChunk: 20), to: "run.ctrace")
    let report = try CTrace.run("report", "--format", "json", folder.path + "/run.ctrace").output
    try folder.write(report.utf8, to: "report.json")
    try write([RunFigures(Report(json: report))], to: "baseline.json", folder)
    return folder
  }

  private func write(
    _ runs: [RunFigures], schema: String = "ctrace-baseline/1", to name: String,
    _ folder: TemporaryFolder
  ) throws {
    struct Baseline: Encodable {
      var schema: String
      var command = ["prog"]
      var machine = MachineFigures(host: "", cpus: 2, recorder: "ctrace")
      var runs: [RunFigures]
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    try folder.write(encoder.encode(Baseline(schema: schema, runs: runs)), to: name)
  }

  @Test func `Recordings, reports and baselines of one run are the same run`() throws {
    let folder = try inputs()
    let files = ["run.ctrace", "report.json", "baseline.json"]
    for base in files {
      for head in files {
        let run = try diff("--format", "json", base, "--", head, in: folder)
        #expect(run.status == 0, "\(run.errors)")
        let comparison = try JSONDecoder().decode(Comparison.self, from: Data(run.output.utf8))
        for gate in comparison.gates { #expect(gate.base == gate.head) }
        #expect(
          comparison.head.runs == 1 && comparison.base?.durationNs == comparison.head.durationNs)
      }
    }
    let many = try diff(
      "--format", "json", "run.ctrace", "report.json", "--", "baseline.json", "run.ctrace",
      "report.json", in: folder)
    let comparison = try JSONDecoder().decode(Comparison.self, from: Data(many.output.utf8))
    #expect(comparison.base?.runs == 2 && comparison.head.runs == 3)
  }

  @Test func `Options may stand behind files, but not behind the dashes`() throws {
    let folder = try inputs()
    let run = try diff("run.ctrace", "--format", "json", "--", "run.ctrace", in: folder)
    #expect(run.status == 0 && run.output.hasPrefix("{"))
    let late = try diff("run.ctrace", "--", "run.ctrace", "--format", "json", in: folder)
    #expect(late.isRefusal(about: "--format"))
  }

  @Test func `A difference exits with 3, and too few runs with 4 where that is asked for`() throws {
    let folder = try TemporaryFolder()
    func runs(_ count: Int, held: Double, lost: UInt64 = 0) -> [RunFigures] {
      (0..<count).map {
        .made([.made("mu", held: held + Double($0))], startedAt: Int64($0), lost: lost)
      }
    }
    try write(runs(10, held: 10_000), to: "base.json", folder)
    try write(runs(10, held: 20_000), to: "slow.json", folder)
    try write(runs(1, held: 20_000), to: "one.json", folder)
    try write(runs(10, held: 10_000, lost: 100_000), to: "lossy.json", folder)
    for (arguments, status) in [
      (["base.json", "--", "base.json"], 0), (["base.json", "--", "slow.json"], 3),
      (["slow.json", "--", "base.json"], 0), (["base.json", "--", "lossy.json"], 6),
      (["lossy.json", "--", "base.json"], 6),
      (["--max-lost", "20%", "lossy.json", "--", "base.json"], 0),
      (["base.json", "--", "one.json"], 0),
      (["--inconclusive", "fail", "base.json", "--", "one.json"], 4),
      (["--min-ratio", "3", "base.json", "--", "slow.json"], 0),
      (["--min-abs", "1s", "base.json", "--", "slow.json"], 0),
    ] as [([String], Int32)] {
      let run = try Program(
        [CTrace.path, "diff", "--format", "json"] + arguments, directory: folder.path
      ).result()
      #expect(run.status == status, "\(arguments): \(run.errors)")
      let comparison = try JSONDecoder().decode(Comparison.self, from: Data(run.output.utf8))
      #expect(comparison.exitCode == status)
    }
    // By the file too.
    try folder.write("gate:\n  min_ratio: 3\n".utf8, to: ".ctrace.yml")
    #expect(try diff("base.json", "--", "slow.json", in: folder).status == 0)
    #expect(try diff("--no-config", "base.json", "--", "slow.json", in: folder).status == 3)
  }

  @Test func `A recording that breaks off is not whole`() throws {
    let folder = try inputs()
    let whole = folder.bytes("run.ctrace")
    // The last byte belongs to the index.
    try folder.write(whole.dropLast(1), to: "cut.ctrace")
    let run = try diff("run.ctrace", "--", "cut.ctrace", in: folder)
    #expect(run.status == 6, "\(run.errors)")
  }

  @Test func `What is no run is refused in a line`() throws {
    let folder = try inputs()
    let report = folder.text("report.json")
    let baseline = folder.text("baseline.json")
    let bad: [(String, String, String)] = [
      ("half.json", String(report.prefix(report.count / 2)), "not whole JSON"),
      ("half-baseline.json", String(baseline.dropLast(2)), "not whole JSON"),
      (
        "other.json", report.replacing("ctrace-report/1", with: "ctrace-report/2"),
        "ctrace-report/2"
      ),
      ("later.json", baseline.replacing("baseline/1", with: "baseline/9"), "ctrace-baseline/9"),
      ("comparison.json", "{\"schema\": \"ctrace-comparison/1\"}", "ctrace-comparison/1"),
      ("plain.json", "{\"a\": 1}", "without the schema"), ("list.json", "[1, 2]", "not a ctrace"),
      ("number.json", "{\"schema\": 5}", "schema"), ("empty.json", "", "empty"),
      ("text", "hello\n", "not a ctrace recording"), ("brace", "{", "not whole JSON"),
      (
        "missing.json", report.replacing("\"locks\" :", with: "\"licks\" :"), "has no locks"
      ),
      (
        "typed.json", report.replacing(/"durationNs" : [0-9]+/, with: "\"durationNs\" : \"long\""),
        "recording.durationNs"
      ),
      (
        "negative.json", report.replacing(/"durationNs" : [0-9]+/, with: "\"durationNs\" : -5"),
        "no run can have"
      ),
      (
        "huge.json", report.replacing(/"durationNs" : [0-9]+/, with: "\"durationNs\" : 1e400"),
        "JSON"
      ),
      ("deep.json", "{\"a\":" + String(repeating: "[", count: 200_000), "JSON"),
    ]
    try write([], to: "none.json", folder)
    try folder.write([0x7b, 0xff, 0xfe, 0x00], to: "bytes.json")
    for (name, text, _) in bad { try folder.write(text.utf8, to: name) }
    for (name, words) in bad.map({ ($0.0, $0.2) }) + [
      ("none.json", "without runs"), ("bytes.json", "JSON"), ("nowhere.json", "cannot be read"),
      (".", "folder"), ("/dev/null", "regular"),
    ] {
      let asHead = try diff("run.ctrace", "--", name, in: folder)
      #expect(asHead.isRefusal(about: name, words), "\(name): \(asHead.errors)")
      let asBase = try diff("run.ctrace", name, "--", "run.ctrace", in: folder)
      #expect(asBase.isRefusal(about: name, words), "\(name): \(asBase.errors)")
    }
  }

  @Test func `The greatest numbers that there are can be calculated with`() throws {
    let folder = try TemporaryFolder()
    var run = RunFigures.made(
      [
        LockFigures(
          name: "mu", kind: "mutex", count: .max, acquisitions: .max, contended: .max,
          utilisation: 1_000_000, heldNs: .max, waitNs: .max, waitP99Ns: .max)
      ], lost: 0, durationNs: .max)
    (run.events, run.lost, run.overheadNs) = (.max, .max, .max)
    try write(Array(repeating: run, count: 12), to: "large.json", folder)
    try write([.made([.made("mu", held: 1)], durationNs: 0)], to: "small.json", folder)
    for arguments in [["large.json", "--", "large.json"], ["small.json", "--", "large.json"]] {
      let run = try Program(
        [CTrace.path, "diff"] + arguments, directory: folder.path
      ).result()
      #expect(run.status == 6, "\(run.status) \(run.errors)")
    }
  }

  @Test func `Reports on a part of a run are refused`() throws {
    let folder = try inputs()
    for options in [["--from", "1us"], ["--lock", "mu"], ["--thread", "one"], ["--top", "1"]] {
      let report = try Program(
        [CTrace.path, "report", "--format", "json", "-o", "part.json"] + options + ["run.ctrace"],
        directory: folder.path
      ).result()
      #expect(report.status == 0, "\(report.errors)")
      let run = try diff("run.ctrace", "--", "part.json", in: folder)
      #expect(run.isRefusal(about: "part.json", "only whole runs"), "\(options): \(run.errors)")
    }
  }

  @Test(arguments: [[], ["a"], ["a", "--"], ["--", "a"], ["--"]])
  func `Both sides must be named`(files: [String]) throws {
    let folder = try TemporaryFolder()
    let run = try Program([CTrace.path, "diff"] + files, directory: folder.path).result()
    #expect(run.isRefusal(about: "ctrace diff old.ctrace -- new.ctrace"), "\(run.errors)")
  }
}
