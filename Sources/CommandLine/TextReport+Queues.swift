internal import TraceAnalysis
internal import TraceModel

// What goes through queues, and what the program says of its own work.
extension TextReport {
  /// Those in which things were, or for which threads waited; behind them semaphores, which only have a
  /// value. In others there never was more than one thing, and not for long.
  var toldQueues: [QueueSummary] {
    let queues = isSorted ? usedQueues : usedQueues.filter(isWorthARow)
    return queues.filter { $0.kind != LockKind.semaphore.name }
      + queues.filter { $0.kind == LockKind.semaphore.name }
  }

  private var usedQueues: [QueueSummary] {
    report.queues.filter { $0.enqueued > 0 || $0.dequeued > 0 }
  }

  /// A time in a queue, or of waiting for room in it, that is worth a row.
  private static let longTime: Int64 = 10_000_000

  private func isWorthARow(_ queue: QueueSummary) -> Bool {
    queue.depth.max > 1 && (queue.unit == "items" || queue.depth.mean >= 1)
      || queue.depth.fullNs ?? 0 > report.recording.durationNs / 100
      || queue.residenceNs?.p99 ?? 0 >= TextReport.longTime
      || queue.putWaitNs?.total ?? 0 >= TextReport.longTime
  }

  /// Queues, with their depth over the run.
  var queues: ReportSection? {
    let queues = toldQueues
    let others = usedQueues.count - queues.count
    guard !queues.isEmpty else {
      let rest = "\(counted(others, "queue")) with never more than one thing in"
      return others > 0 ? ReportSection("QUEUES", [.sentence(rest)]) : nil
    }
    var table = TextTable([
      .init(title: "QUEUES", isFlexible: true, shortening: .file),
      .init(title: "mean", alignment: .right, leaves: 4),
      .init(title: "max", alignment: .right), .init(title: "full", alignment: .right),
      .init(title: "empty", alignment: .right),
      .init(title: "in it: p50", alignment: .right, leaves: 3),
      .init(title: "p99", alignment: .right, leaves: 1), .init(title: "depth", leaves: 2),
    ])
    for queue in queues.prefix(top) {
      let depth = queue.depth
      table.add([
        name(queue.name, queue.pid), amount(depth.mean, queue), amount(Double(depth.max), queue),
        depth.fullNs.map { percent($0, of: report.recording.durationNs) } ?? "",
        percent(depth.emptyNs, of: report.recording.durationNs),
        queue.residenceNs.map { brief($0.p50) } ?? "",
        queue.residenceNs.map { brief($0.p99) } ?? "", curve(depth),
      ])
    }
    var rest = [more(queues.count - top, "queue")].compactMap(\.self)
    if others > 0 { rest.append("\(counted(others, "queue")) with never more than one thing in") }
    return ReportSection(
      "QUEUES",
      [.table(table.compact, rest: rest.isEmpty ? nil : rest.joined(separator: "; "))])
  }

  /// Work that the program has names for.
  var work: ReportSection? {
    guard !report.slices.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "WORK", isFlexible: true), .init(title: "times", alignment: .right, leaves: 4),
      .init(title: "total", alignment: .right), .init(title: "p50", alignment: .right, leaves: 1),
      .init(title: "p99", alignment: .right, leaves: 2),
      .init(title: "longest", alignment: .right, leaves: 3),
    ])
    for slice in report.slices.prefix(top) {
      let hasLength = slice.count > 0
      table.add([
        slice.name, grouped(slice.count + slice.instants),
        hasLength ? brief(slice.runNs.total) : "", hasLength ? brief(slice.runNs.p50) : "",
        hasLength ? brief(slice.runNs.p99) : "", hasLength ? brief(slice.runNs.max) : "",
      ])
    }
    return ReportSection("WORK", [.table(table, rest: more(report.slices.count - top, "name"))])
  }

  /// Counters of the program's own.
  var counters: ReportSection? {
    guard !report.counters.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "COUNTERS", isFlexible: true), .init(title: "last", alignment: .right),
      .init(title: "mean", alignment: .right, leaves: 2),
      .init(title: "least", alignment: .right, leaves: 1),
      .init(title: "greatest", alignment: .right, leaves: 3),
    ])
    for counter in report.counters.prefix(top) {
      table.add([
        counter.name, "\(counter.last)", tenths(counter.mean), "\(counter.min)", "\(counter.max)",
      ])
    }
    return ReportSection(
      "COUNTERS", [.table(table, rest: more(report.counters.count - top, "counter"))])
  }

  // MARK: Depths

  /// A depth: items as they are, bytes with a unit.
  func amount(_ depth: Double, _ queue: QueueSummary) -> String {
    guard queue.unit == "bytes" else {
      return depth == depth.rounded() ? "\(bounded(depth))" : tenths(depth)
    }
    for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where depth >= size {
      return "\(tenths(depth / size)) \(unit)B"
    }
    return "\(bounded(depth)) B"
  }

  func total(_ count: UInt64, _ queue: QueueSummary) -> String {
    queue.unit == "bytes" ? amount(Double(count), queue) : grouped(count)
  }

  private static let curveWidth = 10

  /// The mean depth in so many equal parts of the run; none where it was always 0.
  func means(of depth: DepthSummary, parts: Int) -> [Double] {
    let merged = depth.timeline.count / parts
    guard merged > 0 else { return [] }
    return (0..<parts).map { part in
      depth.timeline[(part * merged)..<((part + 1) * merged)].reduce(0, +) / Double(merged)
    }
  }

  /// The depth over the run: each letter is the mean of a tenth of it.
  func curve(_ depth: DepthSummary) -> String {
    let means = means(of: depth, parts: TextReport.curveWidth)
    let greatest = means.max() ?? 0
    guard greatest > 0, greatest.isFinite else { return "" }
    let marks = Array(style.hasUnicode ? "▁▂▃▄▅▆▇█" : "_.-=+*%#")
    return String(
      means.map { mean in
        mean <= 0 ? " " : marks[min(Int(mean / greatest * Double(marks.count)), marks.count - 1)]
      })
  }
}
