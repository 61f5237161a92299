internal import TraceAnalysis

// The whole run as a picture.

extension RunTimeline {
  /// The same with texts that can be shown: see ``String/printable``.
  fileprivate var printable: RunTimeline {
    var timeline = self
    for index in waiters.indices { timeline.waiters[index].name = waiters[index].name.printable }
    for index in depths.indices { timeline.depths[index].name = depths[index].name.printable }
    timeline.lockNames = lockNames.mapValues(\.printable)
    timeline.threadNames = threadNames.mapValues(\.printable)
    return timeline
  }
}

extension TextReport {
  /// The first lines of every report, then the timeline and what its marks mean.
  func timeline(_ timeline: RunTimeline) -> String {
    let picture = TimelineText(
      report: report, timeline: timeline.printable, style: style, threadName: threadName)
    let sections = [
      headline, verdict, picture.lines.joined(separator: "\n") + "\n",
      picture.legend.joined(separator: "\n") + "\n",
    ]
    return sections.joined(separator: "\n")
  }
}
