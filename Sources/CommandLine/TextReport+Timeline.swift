internal import TraceAnalysis

// The whole run as a picture.
extension TextReport {
  /// The first lines of every report, then the timeline and what its marks mean.
  func timeline(_ timeline: RunTimeline) -> String {
    let picture = TimelineText(report: report, timeline: timeline, style: style)
    let sections = [
      headline, verdict, picture.lines.joined(separator: "\n") + "\n",
      picture.legend.joined(separator: "\n") + "\n",
    ]
    return sections.joined(separator: "\n")
  }
}
