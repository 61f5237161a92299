internal import TraceAnalysis

/// A report as GitHub-flavoured Markdown (https://github.github.com/gfm), for a comment on a change: the
/// same sections as the text of the terminal.
struct MarkdownReport {
  private let report: TextReport

  /// - Parameters:
  ///   - file: The recording, as commands are to name it.
  ///   - top: Rows of a table, at most.
  ///   - subject: What it is on; nil for all.
  ///   - isSorted: Whether locks and threads stand in the order that they are to be shown in.
  init(_ report: Report, file: String, top: Int, subject: ReportSubject?, isSorted: Bool = false) {
    var style = Style()
    // Nothing is cut where a browser breaks lines.
    style.columns = 200
    self.report = TextReport(
      report, style: style, file: file, top: top, subject: subject, isSorted: isSorted)
  }

  /// The whole text, ending with a line break.
  var text: String {
    let writer = SectionMarkdown()
    let head = "**ctrace**: " + report.headFacts.map(writer.escaped).joined(separator: " · ")
    let notes = report.notes.map { "<sub>\(writer.escaped("\($0.label) \($0.text)"))</sub>" }
    let parts = [head] + report.sections.map(writer.text) + [notes.joined(separator: "<br>\n")]
    return parts.joined(separator: "\n\n") + "\n"
  }
}
