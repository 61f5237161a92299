internal import TraceAnalysis

/// A comparison as GitHub-flavoured Markdown, for a comment on a change or the summary of a build: the verdict,
/// the worst, and the rest counted.
struct ComparisonMarkdown {
  /// Bytes that it has at most: a comment may have 65,536 letters, and others may stand in it too.
  static let mostBytes = 60_000

  let comparison: Comparison
  let recordings: [String]

  /// The whole text, ending with a line break.
  var text: String {
    for top in [10, 5, 2, 1] {
      let text = text(top: top)
      if text.utf8.count <= ComparisonMarkdown.mostBytes { return text }
    }
    return text(top: 0)
  }

  private func text(top: Int) -> String {
    var style = Style()
    // Nothing is cut where a browser breaks lines.
    style.columns = 1000
    let report = ComparisonText(
      comparison, style: style, recordings: recordings, each: top, top: top)
    let writer = SectionMarkdown()
    return "### ctrace\n\n" + report.sections.map(writer.text).joined(separator: "\n\n") + "\n"
  }
}
