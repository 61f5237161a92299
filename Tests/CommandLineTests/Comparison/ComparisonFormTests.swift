import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// Each form of a comparison in its own language: what it says, and that names stay names in it.
@Suite struct ComparisonFormTests {
  /// Many locks that all got worse, with names that are as long and as bad as can be: each letter of them
  /// takes ten in Markdown.
  private static func many(_ count: Int, runs: Int = 10, letters: Int) throws -> ComparedRuns {
    let name = String(repeating: "@", count: letters)
    return try ComparedRuns(runs: runs, change: { run, _ in run.program = [name, name] }) {
      isHead in
      (0..<count).map { place in
        .held(
          "\(place)\(name)", isHead ? 20_400 : 10_200,
          place: SourcePlace(function: name, file: name, line: 1))
      }
    }
  }

  private static func hostile() throws -> ComparedRuns {
    try .twiceAsLong(
      name: ComparedRuns.hostileName,
      place: SourcePlace(
        function: ComparedRuns.hostileName, file: "src/a,b:c%\n.c", line: 7))
  }

  // MARK: Markdown

  @Test func `Markdown has the verdict and the worst as a table`() throws {
    let text = try ComparedRuns.twiceAsLong().diff(as: "markdown")
    let sentence = ComparedRuns.sentence.replacing("_", with: "\\_").replacing("<", with: "&lt;")
    #expect(text.contains("\n⚠️ **REGRESSION** \(sentence)\n"), "\(text)")
    #expect(
      text.contains(
        "\n| FAILED | held\\_mu | hold, each | 10.2 us | 20.4 us | 2.0× | &lt; 0.001 |\n"))
    #expect(text.contains("\n<sub>2 locks as before</sub>\n"))
  }

  @Test(arguments: [10, 400, 2000])
  func `Markdown fits into a comment, and counts what it leaves out`(letters: Int) throws {
    let text = try ComparisonFormTests.many(256, letters: letters).diff(as: "markdown")
    #expect(text.utf8.count < 64_000, "\(text.utf8.count)")
    #expect(text.contains("**REGRESSION**"))
    let rows = text.split(separator: "\n").count { $0.hasPrefix("| FAILED |") }
    #expect(letters > 10 ? rows < 10 : rows == 10)
    // All locks, and all of them together.
    #expect(text.contains("not shown: \(257 - rows) FAILED"), "\(text.suffix(500))")
  }

  @Test func `In Markdown no name is a table, markup, a link or a mention`() throws {
    let text = try ComparisonFormTests.hostile().diff(as: "markdown")
    let outside = text.replacing(/(?s)```.*?```/, with: "")
    #expect(
      !outside.contains("<img") && !outside.contains("<script") && !outside.contains("</script"))
    #expect(outside.firstMatch(of: /[^\\]`/) == nil)
    #expect(outside.firstMatch(of: /@[a-z]/) == nil && outside.firstMatch(of: /[^&]#\d/) == nil)
    #expect(!outside.contains("://") && !outside.contains("\u{1b}"))
    let rows = outside.split(separator: "\n").filter { $0.hasPrefix("|") }
    // By scalars, as GitHub reads them: a mark on a bar makes it no other letter there.
    let bars = rows.map { $0.unicodeScalars.count { $0 == "|" } }
    #expect(rows.count > 3 && Set(bars).count == 1, "\(rows)")
    #expect(outside.split(separator: "\n").allSatisfy { !$0.hasPrefix("::") })
  }

  // MARK: Annotations

  /// The commands among the lines, with what GitHub reads out of them.
  private func annotations(
    _ runs: ComparedRuns, workspace: String = ""
  ) throws -> [(kind: String, properties: [String: String], text: String)] {
    let run = try runs.diff(
      ["--format", "github=out"], environment: ["GITHUB_WORKSPACE": workspace])
    guard run.status != 2 else { throw TestFailure(run.errors) }
    let text = runs.folder.text("out")
    return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map {
      line in
      let parts = try #require(line.wholeMatch(of: /::(\w+) ([^:]*)::(.*)/), "\(line)")
      func read(_ text: Substring) -> String { text.removingPercentEncoding ?? "?" }
      let properties = try parts.2.split(separator: ",").map { property in
        let pair = property.split(separator: "=", maxSplits: 1)
        guard pair.count == 2 else { throw TestFailure("\(line) has a property \(property)") }
        return (String(pair[0]), read(pair[1]))
      }
      return (
        String(parts.1), Dictionary(properties, uniquingKeysWith: { one, _ in one }), read(parts.3)
      )
    }
  }

  /// The one element; nil where there are more, or none.
  private func only<Element>(_ elements: [Element]) -> Element? {
    elements.count == 1 ? elements[0] : nil
  }

  @Test func `A regression is an error at its line, with a title`() throws {
    let found = try #require(only(try annotations(try .twiceAsLong())))
    #expect(found.kind == "error")
    #expect(
      found.properties
        == ["file": "src/cache.c", "line": "118", "title": "ctrace: held_mu, hold, each"])
    #expect(found.text == ComparedRuns.sentence)
  }

  @Test(arguments: [
    ("/w/repo/src/a.c", "/w/repo", "src/a.c"), ("/w/repo/src/../b/./a.c", "/w/repo/", "b/a.c"),
    ("/w/repository/a.c", "/w/repo", nil), ("/usr/include/a.h", "/w/repo", nil),
    ("./src/a.c", "/w/repo", "src/a.c"), ("../a.c", "/w/repo", nil),
    ("/w/repo/../a.c", "/w/repo", nil),
  ])
  func `Files are named from where the repository is`(
    file: String, workspace: String, expected: String?
  ) throws {
    let runs = try ComparedRuns.twiceAsLong(
      place: SourcePlace(function: "f", file: file, line: 7))
    let found = try #require(only(try annotations(runs, workspace: workspace)))
    #expect(found.properties["file"] == expected)
    #expect(found.properties["line"] == (expected == nil ? nil : "7"))
  }

  @Test func `The working folder counts where no workspace is named`() throws {
    let runs = try ComparedRuns { isHead in
      [.held("mu", isHead ? 20_400 : 10_200)]
    }
    // The same, once the folder's name is known.
    let inside = try ComparedRuns(
      change: { run, _ in
        run.locks[0].place = SourcePlace(
          function: "f", file: runs.folder.path + "/src/a.c", line: 7)
      }, { isHead in [.held("mu", isHead ? 20_400 : 10_200)] })
    for name in ["base.json", "head.json"] {
      try runs.folder.write(inside.folder.bytes(name), to: name)
    }
    #expect(try annotations(runs).first?.properties["file"] == "src/a.c")
  }

  @Test func `A file that the compiler named from another folder is named from the repository`()
    throws
  {
    let runs = try ComparedRuns.twiceAsLong()
    let sources = runs.folder.path + "/app/src"
    try FileManager.default.createDirectory(atPath: sources, withIntermediateDirectories: true)
    try runs.folder.write([], to: "app/src/cache.c")
    for name in ["base.json", "head.json"] {
      try runs.folder.write(runs.folder.bytes(name), to: "app/\(name)")
    }
    let run = try Program(
      [CTrace.path, "diff", "--format", "github=out", "base.json", "--", "head.json"],
      environment: ["GITHUB_WORKSPACE": runs.folder.path, "GITHUB_STEP_SUMMARY": ""],
      directory: runs.folder.path + "/app"
    ).result()
    #expect(run.status == 3)
    #expect(runs.folder.text("app/out").hasPrefix("::error file=app/src/cache.c,line=118,"))
  }

  @Test func `Only ten are told, and how many more there are`() throws {
    let found = try annotations(try ComparisonFormTests.many(30, letters: 1))
    #expect(found.map(\.kind) == Array(repeating: "error", count: 10) + ["notice"])
    // 30 locks, and all of them together.
    #expect(found.last?.text == "21 more in the summary")
  }

  @Test func `What can't be told is a warning`() throws {
    let found = try annotations(try .twiceAsLong(runs: 3))
    #expect(!found.isEmpty && found.dropLast().allSatisfy { $0.kind == "warning" })
  }

  @Test func `In annotations no name ends a property or a line`() throws {
    let found = try #require(only(try annotations(try ComparisonFormTests.hostile())))
    #expect(found.kind == "error")
    #expect(
      found.properties["file"] == "src/a,b:c%\\u{a}.c" && found.properties["line"] == "7")
    #expect(found.properties["title"]?.contains("%0A,:@octocat") == true, "\(found)")
    #expect(found.text.contains("%0A,:@octocat"))
  }

  // MARK: OpenMetrics

  /// What Prometheus' own reader makes of it, as `name{label="value",...} number` lines; nil without it.
  private func read(_ runs: ComparedRuns) throws -> [String]? {
    guard Python.system.has("prometheus_client.openmetrics.parser") else { return nil }
    let run = try runs.diff(["--format", "openmetrics=out.txt"])
    guard run.status != 2 else { throw TestFailure(run.errors) }
    let program = """
      from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
      for family in read(open("out.txt", newline="\\n").read()):
          assert family.type == "gauge" and family.documentation, family
          for sample in family.samples:
              labels = ",".join(f"{k}={v!r}" for k, v in sorted(sample.labels.items()))
              print(f"{sample.name} {labels} {sample.value:.9g} {family.unit}".strip())
      """
    let python = try Program.run(
      Python.system.path, "-c", program, environment: ["PYTHONIOENCODING": "utf-8"],
      directory: runs.folder.path)
    guard python.status == 0 else { throw TestFailure(python.errors) }
    return python.output.split(separator: "\n").map(String.init)
  }

  private static let hasParser = Python.system.has("prometheus_client.openmetrics.parser")

  @Test(
    .enabled(
      if: hasParser, "Debian's python3-prometheus-client, which reads OpenMetrics, is not installed"
    ))
  func `Metrics are what a reader of OpenMetrics reads`() throws {
    let lines = try #require(try read(try .twiceAsLong()))
    for line in [
      "ctrace_verdict verdict='regression' 1", "ctrace_verdict verdict='pass' 0",
      "ctrace_runs side='head' 10", "ctrace_run_seconds side='base' 1 seconds",
      "ctrace_lock_hold_seconds name='held_mu',side='base' 1.02e-05 seconds",
      "ctrace_lock_hold_seconds name='held_mu',side='head' 2.04e-05 seconds",
      "ctrace_lock_wait_seconds name='waited_mu',side='head' 4e-06 seconds",
      "ctrace_lock_utilisation_ratio name='held_mu',side='head' 0.01 ratio",
      "ctrace_figure_failed figure='hold',kind='lock',name='held_mu',tested='difference' 1",
      "ctrace_figure_failed figure='hold',kind='lock',name='same_mu',tested='difference' 0",
    ] {
      #expect(lines.contains(line), "\(line) in \(lines)")
    }
    #expect(Set(lines).count == lines.count)
  }

  @Test(
    .enabled(
      if: hasParser, "Debian's python3-prometheus-client, which reads OpenMetrics, is not installed"
    ))
  func `In metrics no name ends a label, and names that look alike are one`() throws {
    // Two that differ only in what can't be shown: the second would be the same sample again.
    let runs = try ComparedRuns { isHead in
      [ComparedRuns.hostileName, "a\u{1}", "a\\u{1}"].map { .held($0, isHead ? 20_400 : 10_200) }
    }
    let lines = try #require(try read(runs))
    #expect(lines.count { $0.hasPrefix("ctrace_lock_hold_seconds ") } == 4, "\(lines)")
    #expect(lines.contains { $0.contains("\\\\u{a}::error::injected") && $0.contains("@octocat") })
  }

  @Test func `Metrics end as they must, and each is told of before it comes`() throws {
    let text = try ComparedRuns.twiceAsLong().diff(as: "openmetrics")
    #expect(text.hasSuffix("\n# EOF\n") && !text.contains("\n\n"))
    var known: Set<Substring> = []
    for line in text.split(separator: "\n").dropLast() {
      if let type = line.firstMatch(of: /^# TYPE ([a-z][a-z0-9_]*) gauge$/) {
        #expect(known.insert(type.1).inserted, "\(line)")
      } else if !line.hasPrefix("# ") {
        let sample = try #require(
          line.wholeMatch(of: /([a-z][a-z0-9_]*)\{.*\} [0-9.e-]+/), "\(line)")
        #expect(known.contains(sample.1))
      }
    }
    #expect(known.count > 8)
  }

  // MARK: The page

  @Test func `The page draws every run, and the median of each side`() throws {
    let page = try ComparedRuns.twiceAsLong().diff(as: "html")
    #expect(page.contains("<h1>REGRESSION</h1>"))
    let sentence = ComparedRuns.sentence.replacing("<", with: "&lt;")
    #expect(page.contains("<p class=\"sentence\">\(sentence)</p>"))
    let row = try #require(page.split(separator: "\n").first { $0.contains(">FAILED<") })
    let svg = try #require(row.firstMatch(of: /<svg.*<\/svg>/)).0
    #expect(
      svg.matches(of: /<circle\s/).count == 20 && svg.matches(of: /class="median"/).count == 2)
    #expect(svg.contains("aria-label=\"base 10.2 us, head 20.4 us\""))
    // The middle of those of the base is half as far from 0 as that of the others.
    let medians = svg.matches(of: /class="median" x1="([0-9.]+)"/).compactMap { Double($0.1) }
    try #require(medians.count == 2)
    #expect(abs((medians[1] - 5) / (medians[0] - 5) - 2) < 0.01, "\(medians)")
    // 7 others and 2 of all locks.
    #expect(page.matches(of: /<tr title=/).count == 12, "\(page.matches(of: /<tr title=/).count)")
    #expect(!page.contains("<script") && page.firstMatch(of: /(src|href)=/) == nil)
  }

  @Test func `The page draws limits`() throws {
    let page = try ComparedRuns.overLimits().diff([
      "--budget", "utilisation=60%", "--format", "html",
    ]).output
    let row = try #require(page.split(separator: "\n").first { $0.contains(">FAILED<") })
    #expect(row.contains("aria-label=\"head 80 %, limit 60 %\""), "\(row)")
    // At three quarters of the way to the dots.
    let limit = try #require(row.firstMatch(of: /class="limit" x1="([0-9.]+)"/))
    let dots = row.matches(of: /<circle cx="([0-9.]+)"/).compactMap { Double($0.1) }
    try #require(dots.count == 10 && Set(dots).count == 1)
    #expect(abs((try #require(Double(limit.1)) - 5) / (dots[0] - 5) - 0.75) < 0.01)
  }

  @Test func `On the page names are texts`() throws {
    let page = try ComparisonFormTests.hostile().diff(as: "html")
    #expect(!page.contains("<img") && !page.contains("<script") && !page.contains("</script"))
    #expect(page.contains("&lt;img src=x onerror=alert(1)&gt;&amp;amp;"))
    #expect(page.contains("{{main}}"), "what stands in names is no place to put something")
    #expect(!page.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
  }

  @Test func `A page of many runs stays one that a browser shows`() throws {
    let page = try ComparisonFormTests.many(40, runs: 300, letters: 1).diff(as: "html")
    let dots = page.matches(of: /<circle\s/).count
    #expect(dots > 30_000 && dots <= 40_000, "\(dots)")
    #expect(page.utf8.count < 8 << 20)
  }
}
