import Foundation
import TestSupport
import Testing

/// The workflows that are ready to be copied, and what is written of them and of the JSON.
@Suite struct CIFileTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  static let files = [
    ("tools/ci/github.yml", "vendor.github-workflows"), ("tools/ci/gitlab.yml", "vendor.gitlab-ci"),
  ]

  @Test(arguments: files)
  func `The page shows a workflow as it is`(file: String, schema: String) throws {
    let page = try CIFileTests.text("Sources/CommandLine/Documentation.docc/CIOutputs.md")
    #expect(page.contains("```yaml\n\(try CIFileTests.text(file))```\n"))
  }

  @Test func `The page shows a text as it is`() throws {
    let page = try CIFileTests.text("Sources/CommandLine/Documentation.docc/CIOutputs.md")
    #expect(page.contains("```\n\(try ComparedRuns.twiceAsLong().diff().output)```\n"))
  }

  @Test(
    .enabled(
      if: Machine.has("check-jsonschema"),
      "check-jsonschema, which has the schemas of workflows, is not installed; it is on PyPI"),
    arguments: files)
  func `A workflow keeps to the published schema`(file: String, schema: String) throws {
    let path = CIFileTests.root.appendingPathComponent(file).path
    let run = try Program.run("check-jsonschema", "--builtin-schema", schema, path)
    #expect(run.status == 0, "\(run.output)\(run.errors)")
  }

  /// What a workflow runs, as it stands there.
  private static func command(_ file: String) throws -> String {
    let lines = try text(file).split(separator: "\n")
    let start = try #require(lines.firstIndex { $0.contains("bin/ctrace ci ") })
    let end = try #require(lines[start...].firstIndex { !$0.hasSuffix("\\") })
    return lines[start...end].joined(separator: "\n")
  }

  @Test(arguments: files)
  func `The command of a workflow runs, writes its files, and exits as the program makes it`(
    file: String, schema: String
  ) throws {
    let command = try CIFileTests.command(file)
    for (program, expected) in [("true", 0), ("false", 5)] as [(String, Int32)] {
      let folder = try TemporaryFolder()
      let files = FileManager.default
      for path in [".ctrace/base", ".ctrace/install/bin"] {
        try files.createDirectory(
          atPath: "\(folder.path)/\(path)", withIntermediateDirectories: true)
      }
      // Links, as a program that was just written may be busy still.
      for (path, target) in [
        (".ctrace/install/bin/ctrace", CTrace.path), (".ctrace/base/prog", "/usr/bin/true"),
        ("prog", "/usr/bin/\(program)"),
      ] {
        try files.createSymbolicLink(
          atPath: "\(folder.path)/\(path)", withDestinationPath: target)
      }
      let run = try Program.run(
        "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command,
        environment: ["GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""], directory: folder.path)
      #expect(run.status == expected, "\(run.output)\(run.errors)")
      // All that is kept is there, whatever came of it.
      let kept = command.matches(of: /=(\.ctrace\/[a-z.]+)/).map { String($0.1) }
      #expect(kept.count >= 2)
      for path in kept { #expect(!folder.bytes(path).isEmpty, "\(path)") }
      #expect(expected != 0 || files.fileExists(atPath: folder.path + "/.ctrace/recordings"))
    }
  }

  @Test func `Each field of the JSON is documented`() throws {
    let article = try CIFileTests.text("Sources/TraceAnalysis/Documentation.docc/Comparisons.md")
    let words = Set(article.matches(of: /`([A-Za-z-]+)`/).map { String($0.1) })
    func keys(_ value: Any) -> Set<String> {
      switch value {
      case let object as [String: Any]:
        object.reduce(into: Set(object.keys)) { $0.formUnion(keys($1.value)) }
      case let list as [Any]: list.reduce(into: []) { $0.formUnion(keys($1)) }
      default: []
      }
    }
    let runs = try ComparedRuns.overLimits()
    try runs.folder.write(
      """
      budget: {utilisation: 60%, wait: 1us, queue_depth: 9, queue_full: 10%, gil_utilisation: 1%}
      waivers:
        - {lock: jobs, until: 9999-12-31, reason: it is known}

      """.utf8, to: ".ctrace.yml")
    for source in [runs, try .twiceAsLong()] {
      let json = try JSONSerialization.jsonObject(
        with: Data(try source.diff(as: "json").utf8))
      let found = keys(json)
      #expect(found.count > 30)
      #expect(found.subtracting(words).isEmpty, "\(found.subtracting(words))")
    }
    for word in ["budget", "fact", "difference", "event-loop", "all-locks", "same-machine"] {
      #expect(words.contains(word), "\(word)")
    }
  }
}
