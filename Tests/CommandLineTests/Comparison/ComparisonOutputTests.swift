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
