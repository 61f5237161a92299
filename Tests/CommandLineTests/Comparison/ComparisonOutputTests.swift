import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// Where the forms of a comparison go, and what is refused.
@Suite struct ComparisonOutputTests {
  static let forms = ["text", "json", "markdown", "github", "junit", "openmetrics", "html"]

  /// How each begins, and what it says of the verdict.
  static let starts = [
    "text": "REGRESSION  ", "json": "{\n", "markdown": "### ctrace\n", "github": "::error ",
    "junit": "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "openmetrics": "# TYPE ctrace_verdict ",
    "html": "<!doctype html>\n",
  ]

  @Test func `All forms are written at once, each to its file, and the text is still seen`() throws
  {
    let runs = try ComparedRuns.twiceAsLong()
    let before = runs.folder.names
    let forms = ComparisonOutputTests.forms.filter { $0 != "text" }
    let run = try runs.diff(forms.flatMap { ["--format", "\($0)=out.\($0)"] })
    #expect(run.status == 3 && run.errors.isEmpty, "\(run.errors)")
    #expect(run.output == (try runs.diff().output))
    #expect(runs.folder.names == (before + forms.map { "out.\($0)" }).sorted())
    for form in forms {
      let text = runs.folder.text("out.\(form)")
      #expect(text.hasPrefix(try #require(ComparisonOutputTests.starts[form])), "\(form): \(text)")
      // Before annotations stands the text.
      let shown = try runs.diff(as: form)
      #expect(form == "github" ? shown == run.output + text : shown == text, "\(form)")
    }
  }

  @Test func `A text that has a file is only there`() throws {
    let runs = try ComparedRuns.twiceAsLong()
    let run = try runs.diff(["--format", "text=out.txt"])
    #expect(run.output.isEmpty && run.errors.isEmpty)
    #expect(runs.folder.text("out.txt").hasPrefix("REGRESSION "))
  }

  @Test func `One form alone goes to standard output, and annotations with it`() throws {
    let runs = try ComparedRuns.twiceAsLong()
    for (one, other) in [("json", "junit"), ("text", "markdown"), ("json", "json")] {
      let run = try runs.diff(["--format", one, "--format", other])
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(
        run.errors.hasPrefix("Error: only one form can go to standard output"), "\(run.errors)")
      #expect(run.errors.contains("--format \(other)=FILE"))
    }
    let run = try runs.diff(["--format", "text=-", "--format", "github"])
    #expect(run.output.hasPrefix("REGRESSION ") && run.output.contains("\n::error "))
  }

  @Test(arguments: [
    (["--format", "yaml"], "yaml"), (["--format", "json="], "json="),
    (["--format", "json=a", "--format", "junit=a"], "a can hold one form"),
    (["--format"], "format"),
  ])
  func `What is no form is refused`(options: [String], word: String) throws {
    let runs = try ComparedRuns.twiceAsLong()
    let names = runs.folder.names
    let run = try runs.diff(options)
    #expect(run.status == 2 && run.output.isEmpty, "\(run.output)")
    #expect(run.errors.hasPrefix("Error: ") && run.errors.contains(word), "\(run.errors)")
    #expect(runs.folder.names == names)
  }

  @Test(arguments: ["missing/out.json", "folder", "/proc/out.json"])
  func `A file that can't be written is told in one line, before anything is`(path: String) throws {
    let runs = try ComparedRuns.twiceAsLong()
    try FileManager.default.createDirectory(
      atPath: runs.folder.path + "/folder", withIntermediateDirectories: false)
    let names = runs.folder.names
    let run = try runs.diff(["--format", "junit=out.xml", "--format", "json=\(path)"])
    #expect(run.status == 2 && run.output.isEmpty)
    #expect(
      run.errors.hasPrefix("ctrace: \(path) cannot be written: ")
        && run.errors.count { $0 == "\n" } == 1, "\(run.errors)")
    #expect(runs.folder.names == names)
  }

  @Test func `A file that takes nothing more is told in one line, and the others are written`()
    throws
  {
    let runs = try ComparedRuns.twiceAsLong()
    let run = try runs.diff(["--format", "json=/dev/full", "--format", "junit=out.xml"])
    #expect(run.status == 2 && run.output.hasPrefix("REGRESSION "))
    #expect(
      run.errors.hasPrefix("ctrace: /dev/full cannot be written: ")
        && run.errors.count { $0 == "\n" } == 1, "\(run.errors)")
    #expect(runs.folder.text("out.xml").hasPrefix("<?xml"))
  }

  @Test func `A page is for no terminal`() throws {
    let runs = try ComparedRuns.twiceAsLong()
    let line = "\(CTrace.path) diff --format html base.json -- head.json"
    let run = try Program.run("script", "-qec", line, "/dev/null", directory: runs.folder.path)
    #expect(
      run.status == 2 && run.output.contains("name a file: --format html=FILE"), "\(run.output)")
  }

  @Test func `JSON is the comparison, with its keys sorted`() throws {
    let runs = try ComparedRuns.twiceAsLong()
    let text = try runs.diff(as: "json")
    let comparison = try JSONDecoder().decode(Comparison.self, from: Data(text.utf8))
    #expect(comparison.schema == "ctrace-comparison/1" && comparison.verdict == .regression)
    #expect(text.contains("\n  \"verdict\" : \"regression\"\n"))
    let failing = comparison.gates.filter(\.fails)
    #expect(failing.map(\.subject.name) == ["held_mu"] && failing.map(\.metric) == [.hold])
    #expect(failing.first?.head.count == 10 && failing.first?.headMedian == 20_400)
    let keys = text.matches(of: /\n  "(\w+)" :/).map { String($0.1) }
    #expect(keys.count > 5 && keys == keys.sorted())
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `Every form has an answer to any figures`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    func one<Value>(of values: [Value]) -> Value {
      values[Int.random(in: values.indices, using: &random)]
    }
    let times: [Int64] = [0, 1, 7, 500_001, 1 << 53, .max]
    let shares = [0, Double.leastNonzeroMagnitude, 1e-300, 0.5, 1, 1_000_000]
    let runs = try ComparedRuns(
      runs: 4,
      change: { run, _ in
        run.durationNs = one(of: times)
        run.lost = one(of: [0, 0, 0, .max])
        run.events = one(of: [0, 1, .max])
        run.overheadNs = one(of: times)
        run.loopLagP99Ns = one(of: times)
        run.runQueueP99Ns = one(of: times)
        run.gil = GILFigures(utilisation: one(of: shares), longestHoldNs: one(of: times))
        run.queues = [
          QueueFigures(
            name: "", kind: "queue", depthP99: one(of: times), fullShare: one(of: shares))
        ]
        run.locks = (0..<5).map { place in
          LockFigures(
            name: one(of: ["", "a", "b", "c\u{0}"]) + "\(place)", kind: "mutex",
            acquisitions: one(of: [0, 1, 1000, .max]), utilisation: one(of: shares),
            heldNs: one(of: times), waitNs: one(of: times), waitP99Ns: one(of: times),
            place: SourcePlace(
              function: "", file: one(of: ["", "/", "."]), line: one(of: [0, .max])))
        }
        run.facts = [FactFigures(kind: one(of: Fact.kinds), lock: "", text: "")]
      }, { _ in [] })
    let limits = ["utilisation=0%", "wait=0us", "queue_depth=0", "queue_full=0", "loop_lag=0us"]
    for form in ComparisonOutputTests.forms {
      let run = try runs.diff(
        limits.flatMap { ["--budget", $0] } + ["--alpha", "0.5", "--format", "\(form)=out"])
      #expect([0, 3, 6].contains(run.status), "\(form): \(run.status) \(run.errors)")
      #expect(form == "github" || !runs.folder.bytes("out").isEmpty, "\(form)")
      #expect(!runs.folder.text("out").contains(/\b(nan|inf)\b/), "\(form)")
    }
  }

  @Test func `A ratio that is more than numbers can say is left out`() throws {
    let runs = try ComparedRuns { isHead in
      var lock = LockFigures.held("mu", 20_000)
      lock.utilisation = isHead ? 0.5 : Double.leastNonzeroMagnitude
      return [lock]
    }
    let run = try runs.diff(["--format", "json"])
    #expect(run.status == 3, "\(run.errors)")
    let comparison = try JSONDecoder().decode(Comparison.self, from: Data(run.output.utf8))
    let failing = try #require(comparison.gates.first { $0.fails })
    #expect(failing.metric == .utilisation && failing.ratio == nil)
    #expect(try runs.diff().output.contains("mu is held more than before: 0.0 → 50 %"))
  }

  // MARK: GitHub

  @Test func `On GitHub annotations go to standard error, and the summary to its file`() throws {
    let runs = try ComparedRuns.twiceAsLong()
    try runs.folder.write("before".utf8, to: "summary.md")
    let environment = ["GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"]
    let run = try runs.diff(["--format", "json"], environment: environment)
    #expect(run.status == 3)
    #expect((try? JSONDecoder().decode(Comparison.self, from: Data(run.output.utf8))) != nil)
    _ = try runs.diff(["--format", "github=out"])
    #expect(run.errors == runs.folder.text("out") && run.errors.hasPrefix("::error "))
    let markdown = try runs.diff(as: "markdown")
    #expect(runs.folder.text("summary.md") == "before\n" + markdown)

    // Asked for by name, they are written once.
    let asked = try runs.diff(["--format", "github"], environment: environment)
    #expect(asked.errors.isEmpty && asked.output.contains("\n::error "))
    #expect(runs.folder.text("summary.md") == "before\n" + markdown + "\n" + markdown)

    let off = try runs.diff(["--no-github"], environment: environment)
    #expect(off.errors.isEmpty && !off.output.contains("::error"))
    #expect(runs.folder.text("summary.md") == "before\n" + markdown + "\n" + markdown)
  }

  @Test(arguments: ["missing/summary.md", "/", "/dev/full"])
  func `A summary that can't be written is one line and fails nothing`(path: String) throws {
    let runs = try ComparedRuns.twiceAsLong()
    let run = try runs.diff(environment: ["GITHUB_STEP_SUMMARY": path])
    #expect(run.status == 3 && run.output.hasPrefix("REGRESSION "))
    #expect(
      run.errors.hasPrefix("ctrace: the step's summary is left out: GITHUB_STEP_SUMMARY, \(path), ")
        && run.errors.count { $0 == "\n" } == 1, "\(run.errors)")
  }
}
