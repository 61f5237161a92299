internal import ArgumentParser
internal import SystemPackage
internal import TraceAnalysis

/// The forms that a comparison is written in, and where they go.
struct ComparisonOutputs: ParsableArguments {
  @Option(
    name: .customLong("format"),
    help: ArgumentHelp(
      """
      text; markdown, as for a comment on a change; html: one page with every run drawn; json with the \
      schema ctrace-comparison/1; junit; openmetrics; github: annotations for GitHub Actions. To standard \
      output, or with =file to a file. May be given again and again; text goes to standard output unless \
      another form does.
      """, valueName: "form[=file]"))
  var outputs: [ComparisonOutput] = []

  @Flag(
    name: .customLong("no-github"),
    help: """
      On GitHub Actions, write no annotations to standard error, and nothing to the summary of the step.
      """)
  var noGitHub = false

  func validate() throws {
    let shown = outputs.filter { $0.path == nil }
    if shown.count(where: { $0.form != .github }) > 1
      || shown.count(where: { $0.form == .github }) > 1
    {
      let forms = shown.map(\.form.rawValue).joined(separator: " and ")
      throw ValidationError(
        "only one form can go to standard output, not \(forms); name a file: --format "
          + "\(shown.last?.form.rawValue ?? "json")=FILE")
    }
    let paths = outputs.compactMap(\.path)
    if let path = paths.first(where: { path in paths.count { $0 == path } > 1 }) {
      throw ValidationError("\(path) can hold one form, not two; name another file")
    }
    if shown.contains(where: { $0.form == .html }), Terminal.isTerminal(.standardOutput) {
      throw ValidationError(
        "a page is for a browser, not for a terminal; name a file: --format html=FILE")
    }
  }

  /// All that is written. A text is always to be seen, unless something else is asked for.
  private var all: [ComparisonOutput] {
    let isTaken = outputs.contains {
      ($0.path == nil && $0.form != .github) || $0.form == .text
    }
    return (isTaken ? [] : [ComparisonOutput(.text)]) + outputs
  }

  /// Finds out whether all files can be written, before much time goes into what they are to hold.
  func check() throws {
    for case let path? in outputs.map(\.path) { try ResultOutput.check(path) }
  }

  /// Writes a comparison in each form to where it goes.
  ///
  /// - Parameters:
  ///   - recordings: Those of what is judged that can be looked into.
  /// - Throws: What kept one of them from being written; the others are.
  func write(_ comparison: Comparison, recordings: [String]) throws {
    var failure: (any Error)?
    for output in all {
      do {
        let style = output.path == nil ? Style(for: .standardOutput) : Style()
        let bytes = try output.form.bytes(of: comparison, style: style, recordings: recordings)
        let destination = try ResultOutput(path: output.path)
        try destination.write(bytes)
        try destination.commit()
      } catch { failure = failure ?? error }
    }
    if !noGitHub {
      GitHubActions.tell(
        comparison, recordings: recordings,
        hasAnnotations: outputs.contains { $0.form == .github })
    }
    if let failure { throw failure }
  }
}
