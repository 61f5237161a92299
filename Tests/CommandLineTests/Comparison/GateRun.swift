import Foundation
import TestSupport
import TraceAnalysis

/// A folder in which `ctrace ci` is run, and what came of it.
struct GateRun {
  let folder: TemporaryFolder

  init(configuration: String? = nil) throws {
    folder = try TemporaryFolder()
    if let configuration { try folder.write(configuration.utf8, to: ".ctrace.yml") }
  }

  /// Runs it.
  func ci(_ arguments: String...) throws -> ProgramResult { try ci(arguments) }

  /// Runs it, with arguments as a list.
  func ci(_ arguments: [String]) throws -> ProgramResult {
    try Program(
      [CTrace.path, "ci"] + arguments,
      environment: ["GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""], directory: folder.path
    ).result()
  }

  /// Runs it, and returns what it says in JSON too.
  func comparison(_ arguments: String...) throws -> (run: ProgramResult, comparison: Comparison) {
    let run = try ci(["--format", "json"] + arguments)
    guard let data = run.output.data(using: .utf8),
      let comparison = try? JSONDecoder().decode(Comparison.self, from: data)
    else { throw TestFailure("ci said \(run.errors) and \(run.output.prefix(300))") }
    return (run, comparison)
  }

  /// The words of a shell for a program whose lock is held for so many of the 40 pieces of work in each round.
  static func contend(_ inside: Int) -> String { "exec \(CTrace.path) self-test-program \(inside)" }
}

extension ProgramResult {
  /// What a command said that refused to do what it was asked for: one line, and the status of wrong usage.
  func isRefusal(about words: String...) -> Bool {
    status == 2 && output.isEmpty && errors.hasPrefix("ctrace: ")
      && errors.split(separator: "\n").count == 1 && words.allSatisfy(errors.contains)
  }
}
