internal import Glibc
internal import SystemPackage
internal import TraceAnalysis

/// What GitHub Actions is told without being asked for: annotations, and the summary of a step.
enum GitHubActions {
  /// Where the files of a change may be.
  private static var folders: [String] {
    let current = getcwd(nil, 0)
    defer { free(current) }
    return [Terminal.environment("GITHUB_WORKSPACE"), current.map { String(cString: $0) }]
      .compactMap(\.self)
  }

  /// What it shows at the lines of a change.
  static func annotations(_ comparison: Comparison) -> String {
    ComparisonAnnotations(comparison, folders: folders) { access($0, F_OK) == 0 }.text
  }

  /// Tells it, as far as we run there and it can be told.
  static func tell(_ comparison: Comparison, recordings: [String], hasAnnotations: Bool) {
    if !hasAnnotations, Terminal.environment("GITHUB_ACTIONS") == "true" {
      // The runner looks for commands in both outputs, and what goes to the other may be read by a program.
      Terminal.write(annotations(comparison), to: .standardError)
    }
    guard let path = Terminal.environment("GITHUB_STEP_SUMMARY") else { return }
    let text = ComparisonMarkdown(comparison: comparison, recordings: recordings).text
    do {
      let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .append, .closeOnExec, .nonBlocking],
        permissions: FilePermissions(rawValue: 0o644))
      try file.closeAfter {
        // Others may have written before, and perhaps not to the end of a line.
        _ = try file.writeAll(("\n" + text).utf8)
      }
    } catch {
      Terminal.complain(
        "the step's summary is left out: GITHUB_STEP_SUMMARY, \(path.printable), cannot be written: "
          + "\(error)")
    }
  }
}
