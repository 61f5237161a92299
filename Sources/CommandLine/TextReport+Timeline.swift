internal import TraceAnalysis
internal import TraceModel

// The run as a picture.
extension TextReport {
  /// The first lines of every report, then the timeline and what its marks mean.
  func timeline(_ timeline: RunTimeline) -> String {
    let picture = TimelineText(
      report: report, timeline: timeline.printable, style: style, threadName: threadName)
    let first = text(subject == nil ? verdictSection : sections[0])
    let parts = [picture.lines, picture.legend].filter { !$0.isEmpty }
    return ([headline, first] + parts.map { $0.joined(separator: "\n") + "\n" })
      .joined(separator: "\n")
  }
}
