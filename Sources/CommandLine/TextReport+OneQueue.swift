internal import TraceAnalysis

// All that is known of one queue, or of the callbacks of an event loop.
extension TextReport {
  func sections(of queue: QueueSummary) -> [ReportSection] {
    let all = [
      head(queue), depth(queue.depth, unit: { amount($0, queue) }),
      users("PUT IN", queue.producers, queue), users("TAKEN", queue.consumers, queue),
    ]
    let waits = report.locks.first { $0.id == queue.id }.map(waitSections) ?? []
    return (all + waits).compactMap(\.self)
  }

  func sections(of loop: LoopSummary) -> [ReportSection] {
    [loopSection([loop]), depth(loop.readyDepth, unit: tenths)].compactMap(\.self)
  }

  private func head(_ queue: QueueSummary) -> ReportSection {
    var facts = [
      name(queue.name, queue.pid), queue.kind,
      "\(total(queue.enqueued, queue)) in, \(total(queue.dequeued, queue)) out",
    ]
    if let capacity = queue.capacity { facts.append("room for \(total(capacity, queue))") }
    var depth = [
      "depth: mean \(amount(queue.depth.mean, queue))",
      "p99 \(amount(Double(queue.depth.p99), queue))",
      "max \(amount(Double(queue.depth.max), queue))",
      "empty \(percent(queue.depth.emptyNs, of: report.recording.durationNs)) of the run",
    ]
    if let full = queue.depth.fullNs {
      depth.append("full \(percent(full, of: report.recording.durationNs))")
    }
    var blocks = [ReportSection.Block.facts(facts), .facts(depth)]
    if let residence = queue.residenceNs {
      blocks.append(
        .facts([
          "in it: p50 \(brief(residence.p50))", "p99 \(brief(residence.p99))",
          "max \(brief(residence.max))",
        ]))
    }
    if let work = queue.runNs { blocks.append(summary("work on it", work)) }
    if let waits = queue.putWaitNs {
      blocks.append(summary("blocked to put in", waits))
    }
    if let waits = queue.takeWaitNs {
      blocks.append(summary("blocked for something to come", waits))
    }
    return ReportSection("QUEUE", blocks)
  }

  private func users(
    _ title: String, _ users: [QueueUserSummary], _ queue: QueueSummary
  ) -> ReportSection? {
    guard !users.isEmpty else { return nil }
    var blocks = [
      ReportSection.Block.stacks(
        users.prefix(top).map {
          ("\(total($0.items, queue)) in \(times($0.count))", frames($0.stack))
        })
    ]
    if let rest = more(users.count - top, "place") { blocks.append(.sentence(rest)) }
    return ReportSection(title, blocks)
  }

  // MARK: Depth

  private static let curveHeight = 6

  /// The depth over the run, as a curve.
  private func depth(_ depth: DepthSummary, unit: (Double) -> String) -> ReportSection? {
    // With labels of at most nine columns and the axis.
    let parts = stripWidth(besides: SectionText.indent + 11)
    let means = means(of: depth, parts: parts)
    guard let greatest = means.max(), greatest > 0, greatest.isFinite else { return nil }
    let marks = Array(style.hasUnicode ? " ▁▂▃▄▅▆▇█" : " .:#")
    let steps = marks.count - 1
    let height = TextReport.curveHeight
    var labels = Array(repeating: "", count: height)
    labels[0] = unit(greatest)
    labels[height - 1] = unit(greatest / Double(height))
    let width = labels.map(\.columns).max() ?? 0
    var lines: [String] = []
    for row in 0..<height {
      let floor = Double(height - 1 - row)
      let cells = means.map { mean in
        let filled = min(max(mean / greatest * Double(height) - floor, 0), 1)
        return marks[
          mean > 0 && row == height - 1
            ? max(1, Int(filled * Double(steps))) : Int(filled * Double(steps))]
      }
      let label = String(repeating: " ", count: width - labels[row].columns) + labels[row]
      let line = "\(label) \(style.hasUnicode ? "┤" : "|")\(String(cells))"
      lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
    }
    let start = report.recording.fromNs.map(moment) ?? "0"
    let end = report.recording.toNs.map(moment) ?? brief(report.recording.durationNs)
    let gap = max(1, means.count - start.columns - end.columns)
    lines.append(
      String(repeating: " ", count: width + 2) + start + String(repeating: " ", count: gap) + end)
    return ReportSection("DEPTH", [.lines(lines)])
  }
}
