internal import TraceAnalysis
internal import TraceModel

// Tasks, and the loops that run them.
extension TextReport {
  /// Tasks by name: how much they ran, and what they waited for.
  var tasks: ReportSection? {
    // What runs in a hub is the loop itself, which mostly waits.
    let all = report.tasks.filter { $0.hub != true }
    guard !all.isEmpty else { return nil }
    // Most names are those of callbacks, which do little.
    let tasks = all.filter {
      isSorted || $0.tasks > 0 || $0.runNs > report.recording.durationNs / 100
    }
    let kinds = Set(tasks.map(\.kind))
    var table = TextTable([
      .init(title: "TASKS", isFlexible: true), .init(title: "kind", leaves: 1),
      .init(title: "tasks", alignment: .right, leaves: 2),
      .init(title: "steps", alignment: .right, leaves: 3),
      .init(title: "run", alignment: .right, leaves: 5), .init(title: "longest", alignment: .right),
      .init(title: "waited", alignment: .right),
      .init(title: "waited most for", isFlexible: true, shortening: .file, leaves: 4),
    ])
    for task in tasks.prefix(top) {
      // A step that blocked the others is marked.
      let mark = task.longSteps.count > 0 ? "!" : ""
      table.add([
        name(task.name, task.pid), kinds.count > 1 ? task.kind : "", grouped(task.tasks),
        grouped(task.steps),
        brief(task.runNs), mark + brief(task.longestStepNs),
        task.waits > 0 ? brief(task.waitNs.total) : "", task.waitedFor.first?.name ?? "",
      ])
    }
    var rest = [more(tasks.count - top, "name")].compactMap(\.self)
    if all.count > tasks.count {
      rest.append("\(counted(all.count - tasks.count, "callback")) that hardly ran")
    }
    if tasks.contains(where: { $0.longSteps.count > 0 }) {
      rest.append("! a step of 100 ms or more, in which no other task could run")
    }
    return ReportSection(
      "TASKS", [.table(table.compact, rest: rest.isEmpty ? nil : rest.joined(separator: "; "))])
  }

  /// Event loops that were late.
  var loops: ReportSection? {
    let late = report.loops.filter { $0.lagNs.map { $0.p99 >= TextReport.muchLag } ?? false }
    return late.isEmpty ? nil : loopSection(late)
  }

  /// A lag that people notice.
  private static let muchLag: Int64 = 10_000_000

  /// How late loops were, and how much there was to do.
  func loopSection(_ loops: [LoopSummary]) -> ReportSection {
    var table = TextTable([
      .init(title: "LOOPS", isFlexible: true), .init(title: "timers", alignment: .right, leaves: 5),
      .init(title: "lag: p50", alignment: .right),
      .init(title: "p99", alignment: .right, leaves: 6), .init(title: "max", alignment: .right),
      .init(title: "ready: mean", alignment: .right, leaves: 4),
      .init(title: "p99", alignment: .right, leaves: 1),
      .init(title: "max", alignment: .right, leaves: 2), .init(title: "ready", leaves: 3),
    ])
    for loop in loops.prefix(top) {
      table.add([
        name(loop.name, loop.pid), grouped(loop.timers), loop.lagNs.map { brief($0.p50) } ?? "",
        loop.lagNs.map { brief($0.p99) } ?? "", loop.lagNs.map { brief($0.max) } ?? "",
        tenths(loop.readyDepth.mean), "\(loop.readyDepth.p99)", "\(loop.readyDepth.max)",
        curve(loop.readyDepth),
      ])
    }
    return ReportSection("LOOPS", [.table(table, rest: more(loops.count - top, "loop"))])
  }
}
