internal import TraceAnalysis
internal import TraceModel

// Tasks, the loops that run them, and the lock of Python's interpreter.
extension TextReport {
  /// Tasks by name: how much they ran, and what they waited for.
  var tasks: String? {
    // What runs in a hub is the loop itself, which mostly waits.
    let tasks = report.tasks.filter { $0.hub != true }
    guard !tasks.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "TASKS", isFlexible: true), .init(title: "kind"),
      .init(title: "tasks", alignment: .right), .init(title: "steps", alignment: .right),
      .init(title: "run", alignment: .right), .init(title: "longest", alignment: .right),
      .init(title: "waited", alignment: .right),
      .init(title: "waited most for", isFlexible: true),
    ])
    for task in tasks.prefix(top) {
      // A step that blocked the others is marked.
      let mark = task.longSteps.count > 0 ? "!" : ""
      table.add([
        name(task.name, task.pid), task.kind, grouped(task.tasks), grouped(task.steps),
        brief(task.runNs), mark + brief(task.longestStepNs),
        task.waits > 0 ? brief(task.waitNs.total) : "", task.waitedFor.first?.name ?? "",
      ])
    }
    return section(table, more: tasks.count - top, "name")
  }

  /// Steps that kept other tasks from running, the longest first.
  var blockingSteps: String? {
    let tasks = report.tasks.filter { $0.longSteps.count > 0 }
      .sorted { ($1.longestStepNs, $0.name) < ($0.longestStepNs, $1.name) }
    guard !tasks.isEmpty else { return nil }
    var lines = [style.warning("BLOCKING steps: 100 ms or more in which no other task could run")]
    for task in tasks.prefix(3) {
      guard let step = task.longestStep else { continue }
      var facts = ["longest \(brief(step.ns)) at \(brief(step.startNs)) in \(step.thread)"]
      if let wait = step.blockedBy, wait.waitNs >= step.ns / 2 {
        facts.append(
          wait.kind == LockKind.call.name
            ? "\(brief(wait.waitNs)) in a call without the GIL"
            : "waited \(brief(wait.waitNs)) for \(wait.name)")
      }
      lines.append(
        fit("\(style.bold(name(task.name, task.pid)))  \(facts.joined(separator: ", "))"))
      for place in task.longSteps.places.prefix(3) {
        lines.append(
          fit("  blocked \(brief(place.ns)) in \(times(place.count))  \(chain(place.stack))"))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Event loops: how late they were, and how much there was to do.
  var loops: String? {
    guard !report.loops.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "LOOPS", isFlexible: true), .init(title: "timers", alignment: .right),
      .init(title: "lag: p50", alignment: .right), .init(title: "p99", alignment: .right),
      .init(title: "max", alignment: .right), .init(title: "ready: mean", alignment: .right),
      .init(title: "p99", alignment: .right), .init(title: "max", alignment: .right),
      .init(title: "ready"),
    ])
    for loop in report.loops.prefix(top) {
      table.add([
        name(loop.name, loop.pid), grouped(loop.timers), loop.lagNs.map { brief($0.p50) } ?? "",
        loop.lagNs.map { brief($0.p99) } ?? "", loop.lagNs.map { brief($0.max) } ?? "",
        tenths(loop.readyDepth.mean), "\(loop.readyDepth.p99)", "\(loop.readyDepth.max)",
        curve(loop.readyDepth),
      ])
    }
    return section(table, more: report.loops.count - top, "loop")
  }

  // MARK: The GIL

  /// Interpreters in which threads waited for the lock.
  private var toldGILs: [GILSummary] { report.gil.filter { $0.contended > 0 } }

  /// The interpreters' locks: who had them, and who waited for whom.
  var gil: String? {
    let gils = toldGILs
    guard !gils.isEmpty else { return nil }
    var lines: [String] = []
    for gil in gils.prefix(top) { lines += self.lines(of: gil) }
    if gils.count > top {
      lines.append(style.dim("and \(grouped(UInt64(gils.count - top))) more processes (--top)"))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func lines(of gil: GILSummary) -> [String] {
    let facts = [
      "busy \(percent(gil.heldNs, of: gil.wallNs))",
      "waited \(brief(gil.waitNs.total)) in \(grouped(gil.contended)) wait\(gil.contended == 1 ? "" : "s")",
      "p50 \(brief(gil.waitNs.p50))", "p99 \(brief(gil.waitNs.p99))",
      "max \(brief(gil.waitNs.max))", "taken \(times(gil.acquisitions))",
      "asked to let go \(times(gil.dropRequests))",
    ]
    var lines = wrapped(name("GIL", gil.pid), facts, separator: ", ")
    if !lines.isEmpty {
      lines[0] = lines[0].replacing("GIL", with: style.bold("GIL"), maxReplacements: 1)
    }
    var table = TextTable([
      .init(title: "  thread", isFlexible: true), .init(title: "had it", alignment: .right),
      .init(title: "waited", alignment: .right), .init(title: "times", alignment: .right),
      .init(title: "p99", alignment: .right), .init(title: ""),
      .init(title: "mostly for", isFlexible: true),
    ])
    for thread in gil.threads.prefix(top) {
      let hasWaits = thread.waits > 0
      table.add([
        "  " + thread.name, percent(thread.heldNs, of: gil.wallNs),
        hasWaits ? brief(thread.waitNs.total) : "", hasWaits ? grouped(thread.waits) : "",
        hasWaits ? brief(thread.waitNs.p99) : "", thread.starved ? "starved" : "",
        thread.waitedMostFor.map { "\($0.name), \(times($0.count))" } ?? "",
      ])
    }
    lines += table.lines(width: style.columns)
    if gil.threads.count > top {
      lines.append(
        style.dim("  and \(grouped(UInt64(gil.threads.count - top))) more threads (--top)"))
    }
    if let worst = gil.worstHold {
      lines.append(
        fit(
          "  longest waited for: \(brief(worst.waitedForNs)) of \(brief(worst.ns)) in "
            + "\(worst.thread)  \(chain(worst.stack))"))
    }
    for place in gil.longHolds.prefix(3) {
      lines.append(
        fit("  kept for \(brief(place.ns)) in \(times(place.count))  \(chain(place.stack))"))
    }
    return lines
  }
}
