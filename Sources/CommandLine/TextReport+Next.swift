internal import TraceAnalysis
internal import TraceModel

// What to look at next.
extension TextReport {
  /// Commands that lead on from here.
  var next: ReportSection {
    let view = "ctrace view \(quoted(file))"
    let hint = "   (the timeline, in Perfetto)"
    let hasRoom = SectionText.indent + view.columns + hint.columns <= style.columns
    let reports =
      subject == nil
      ? leads.map { "ctrace report \($0) \(quoted(file))" } : ["ctrace report \(quoted(file))"]
    return ReportSection("NEXT", [.lines(reports + [hasRoom ? view + hint : view])])
  }

  /// Options for what cost most.
  private var leads: [String] {
    var leads: [String] = []
    let lives = report.threads.saturatingSum(\.lifetimeNs)
    let named = Set(report.findings.filter { $0.severity == "warning" }.map { $0.evidence["lock"] })
    func isCostly(_ waited: Int64) -> Bool { waited > 0 && waited >= lives / 100 }
    if let lock = report.locks.first(where: { named.contains(Int64($0.id)) })
      ?? report.locks.first(where: { isContended($0) && isCostly($0.waitNs.total) })
    {
      leads.append("--lock \(quoted(name(of: lock)))")
    }
    if let task = report.tasks.max(by: { $0.longSteps.ns < $1.longSteps.ns }), task.longSteps.ns > 0
    {
      leads.append("--task \(quoted(name(task.name, task.pid)))")
    }
    if let thread = report.threads.max(by: { $0.lockWaitNs < $1.lockWaitNs }),
      isCostly(thread.lockWaitNs)
    {
      leads.append("--thread \(quoted(threadName(thread.name, thread.tid, thread.pid)))")
    }
    let duration = report.recording.durationNs
    let queues = toldQueues
    if leads.count < 3,
      let queue = queues.first(where: { $0.depth.fullNs ?? 0 > duration / 10 }) ?? queues.first
    {
      leads.append("--queue \(quoted(name(of: queue)))")
    }
    return leads.isEmpty ? ["--top 50"] : leads
  }

  /// What leads to a lock: its name, or its number where several have the same.
  private func name(of lock: LockSummary) -> String {
    let namesakes = report.locks.filter { $0.name == lock.name }
    return namesakes.count > 1 ? "#\(lock.id)" : lock.name
  }

  private func name(of queue: QueueSummary) -> String {
    let namesakes = report.queues.filter { $0.name == queue.name }
    return namesakes.count > 1 ? "#\(queue.id)" : queue.name
  }
}
