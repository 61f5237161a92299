internal import TraceAnalysis
internal import TraceModel

// All that is known of the tasks of one name.
extension TextReport {
  func sections(of task: TaskSummary) -> [ReportSection] {
    let loops = report.loops.filter { $0.pid == task.pid && task.kind == "asyncio" }
    let all = [
      head(task), longestStep(task), blocking(task), waitedFor(task),
      loops.isEmpty ? nil : loopSection(loops),
    ]
    return all.compactMap(\.self)
  }

  private func head(_ task: TaskSummary) -> ReportSection {
    var blocks = [
      ReportSection.Block.facts([
        name(task.name, task.pid), task.kind, counted(Int(clamping: task.tasks), "task"),
        counted(Int(clamping: task.steps), "step"),
      ]),
      summary("ran", task.stepNs),
    ]
    if task.waits > 0 {
      blocks.append(summary("waited", task.waitNs))
    }
    return ReportSection("TASK", blocks)
  }

  private func longestStep(_ task: TaskSummary) -> ReportSection? {
    guard let step = task.longestStep else { return nil }
    var text = "\(brief(step.ns)) at \(moment(step.startNs)) in \(step.thread)"
    if let wait = step.blockedBy, wait.waitNs > 0 {
      text +=
        wait.kind == LockKind.call.name
        ? ", \(brief(wait.waitNs)) of it in a call without the GIL"
        : ", \(brief(wait.waitNs)) of it waiting for \(wait.name)"
    }
    return ReportSection("LONGEST", [.stacks([(text, frames(step.stack))])])
  }

  /// Steps that kept other tasks from running.
  private func blocking(_ task: TaskSummary) -> ReportSection? {
    let long = task.longSteps
    guard long.count > 0 else { return nil }
    return ReportSection(
      "BLOCKING",
      [
        .sentence(
          "\(counted(Int(clamping: long.count), "step")) of 100 ms or more, \(brief(long.ns)) in all, "
            + "in which no other task of the thread could run"),
        .stacks(
          long.places.prefix(top).map {
            ("\(brief($0.ns)) in \(times($0.count))", frames($0.stack))
          }),
      ], isWarning: true)
  }

  private func waitedFor(_ task: TaskSummary) -> ReportSection? {
    guard !task.waitedFor.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "WAITED FOR", isFlexible: true), .init(title: "a", leaves: 1),
      .init(title: "waited", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 2),
    ])
    for wait in task.waitedFor.prefix(top) {
      table.add([wait.name, wait.kind, brief(wait.waitNs), grouped(wait.count)])
    }
    return ReportSection(
      "WAITED FOR", [.table(table, rest: more(task.waitedFor.count - top, "thing"))])
  }
}
