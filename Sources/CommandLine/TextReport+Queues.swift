internal import TraceAnalysis

// What goes through queues, and what the program says of its own work.
extension TextReport {
  /// Those through which something went; what only has a value, as semaphores do, comes behind them.
  private var toldQueues: [QueueSummary] {
    let queues = report.queues.filter { $0.enqueued > 0 || $0.dequeued > 0 }
    return queues.filter { $0.kind != "semaphore" } + queues.filter { $0.kind == "semaphore" }
  }

  /// Queues, with their depth over the run.
  var queues: String? {
    let queues = toldQueues
    guard !queues.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "QUEUES", isFlexible: true), .init(title: "mean", alignment: .right),
      .init(title: "p99", alignment: .right), .init(title: "max", alignment: .right),
      .init(title: "full", alignment: .right), .init(title: "empty", alignment: .right),
      .init(title: "in it: p50", alignment: .right), .init(title: "p99", alignment: .right),
      .init(title: "depth"),
    ])
    for queue in queues.prefix(top) {
      table.add([
        name(queue.name, queue.pid), amount(queue.depth.mean, queue),
        amount(Double(queue.depth.p99), queue), amount(Double(queue.depth.max), queue),
        queue.depth.fullNs.map { percent($0, of: report.recording.durationNs) } ?? "",
        percent(queue.depth.emptyNs, of: report.recording.durationNs),
        queue.residenceNs.map { brief($0.p50) } ?? "",
        queue.residenceNs.map { brief($0.p99) } ?? "", curve(queue.depth),
      ])
    }
    return section(table, more: queues.count - top, "queue")
  }

  /// Who put in and who took out, of the queues that most went through.
  var queueUsers: String? {
    let told = toldQueues.prefix(top).filter { !$0.producers.isEmpty || !$0.consumers.isEmpty }
    guard !told.isEmpty else { return nil }
    var lines: [String] = []
    for queue in told.prefix(3) {
      var facts = [
        "\(queue.kind)", "\(total(queue.enqueued, queue)) in, \(total(queue.dequeued, queue)) out",
      ]
      if let capacity = queue.capacity { facts.append("room for \(total(capacity, queue))") }
      if let work = queue.runNs {
        facts.append("work \(brief(work.total)), p99 \(brief(work.p99))")
      }
      lines.append(
        fit("\(style.bold(name(queue.name, queue.pid)))  \(facts.joined(separator: ", "))"))
      lines += users(queue.producers, "put in", queue) + users(queue.consumers, "taken", queue)
      if let waits = queue.putWaitNs { lines.append(blocked(waits, "to put something in")) }
      if let waits = queue.takeWaitNs { lines.append(blocked(waits, "for something to come")) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Work that the program has names for.
  var work: String? {
    guard !report.slices.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "WORK", isFlexible: true), .init(title: "times", alignment: .right),
      .init(title: "total", alignment: .right), .init(title: "p50", alignment: .right),
      .init(title: "p99", alignment: .right), .init(title: "longest", alignment: .right),
    ])
    for slice in report.slices.prefix(top) {
      let hasLength = slice.count > 0
      table.add([
        slice.name, grouped(slice.count + slice.instants),
        hasLength ? brief(slice.runNs.total) : "", hasLength ? brief(slice.runNs.p50) : "",
        hasLength ? brief(slice.runNs.p99) : "", hasLength ? brief(slice.runNs.max) : "",
      ])
    }
    return section(table, more: report.slices.count - top, "name")
  }

  /// Counters of the program's own.
  var counters: String? {
    guard !report.counters.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "COUNTERS", isFlexible: true), .init(title: "last", alignment: .right),
      .init(title: "mean", alignment: .right), .init(title: "least", alignment: .right),
      .init(title: "greatest", alignment: .right),
    ])
    for counter in report.counters.prefix(top) {
      table.add([
        counter.name, "\(counter.last)", tenths(counter.mean), "\(counter.min)", "\(counter.max)",
      ])
    }
    return section(table, more: report.counters.count - top, "counter")
  }

  // MARK: Parts

  private func users(
    _ users: [QueueUserSummary], _ verb: String, _ queue: QueueSummary
  ) -> [String] {
    users.prefix(3).map {
      fit("  \(verb) \(total($0.items, queue)) in \(times($0.count))  \(chain($0.stack))")
    }
  }

  private func blocked(_ waits: TimeSummary, _ purpose: String) -> String {
    fit("  waited \(brief(waits.total)) \(purpose), p99 \(brief(waits.p99))")
  }

  /// A depth: items as they are, bytes with a unit.
  private func amount(_ depth: Double, _ queue: QueueSummary) -> String {
    guard queue.unit == "bytes" else {
      return depth == depth.rounded() ? "\(bounded(depth))" : tenths(depth)
    }
    for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where depth >= size {
      return "\(tenths(depth / size)) \(unit)B"
    }
    return "\(bounded(depth)) B"
  }

  private func total(_ count: UInt64, _ queue: QueueSummary) -> String {
    queue.unit == "bytes" ? amount(Double(count), queue) : grouped(count)
  }

  func tenths(_ number: Double) -> String {
    let tenths = bounded((number * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }

  /// A number as an integer, or the one next to it: what a damaged recording says may be too much for one.
  private func bounded(_ number: Double) -> Int { Int(min(max(number, -9e18), 9e18)) }

  private static let curveWidth = 10

  /// The depth over the run: each letter is the mean of a tenth of it.
  func curve(_ depth: DepthSummary) -> String {
    let width = TextReport.curveWidth
    let merged = depth.timeline.count / width
    guard merged > 0 else { return "" }
    let means = (0..<width).map { part in
      depth.timeline[(part * merged)..<((part + 1) * merged)].reduce(0, +) / Double(merged)
    }
    let greatest = means.max() ?? 0
    guard greatest > 0 else { return "" }
    let marks = Array(style.hasUnicode ? "▁▂▃▄▅▆▇█" : "_.-=+*%#")
    return String(
      means.map { mean in
        mean <= 0 ? " " : marks[min(Int(mean / greatest * Double(marks.count)), marks.count - 1)]
      })
  }
}
