internal import TraceModel

extension TraceAnalyzer {
  /// Locks, or places, that are told of one name.
  private static let mostTold = 8

  /// Tasks by name, most time first.
  func taskSummaries() -> [TaskSummary] {
    tasks.names.compactMap { found -> TaskSummary? in
      guard let lock = definitions.locks[found.lock] else { return nil }
      let long = found.longSteps.sorted
      return TaskSummary(
        pid: definitions.processes[found.process]?.pid ?? 0, kind: lock.kind.taskWord,
        name: names[lock.id], hub: lock.isHub ? true : nil, tasks: found.tasks,
        steps: found.steps.count,
        runNs: found.steps.total, longestStepNs: found.steps.greatest,
        stepNs: found.steps.summary, longestStep: summary(found.longest),
        longSteps: LongStepsSummary(
          count: long.saturatingSum(\.count), ns: long.saturatingSum(\.time),
          places: byPlace(found.longSteps).prefix(TraceAnalyzer.mostTold).map {
            StepPlaceSummary(count: $0.count, ns: $0.time, stack: $0.stack)
          }),
        waits: found.waits.count, waitNs: found.waits.summary, waitedFor: waits(found))
    }.sorted {
      ($1.runNs, $1.waitNs.total, $0.pid, $0.name) < ($0.runNs, $0.waitNs.total, $1.pid, $1.name)
    }
  }

  private func waits(_ found: TaskAccumulator) -> [TaskWaitSummary] {
    found.waited.sorted { ($1.time, $0.lock) < ($0.time, $1.lock) }
      .prefix(TraceAnalyzer.mostTold).map {
        TaskWaitSummary(
          lock: $0.lock.rawValue, kind: definitions.locks[$0.lock]?.kind.name ?? "unknown",
          name: names[$0.lock], count: $0.count, waitNs: $0.time)
      }
  }

  private func summary(_ step: TaskAccumulator.Step) -> StepSummary? {
    guard step.duration >= 0 else { return nil }
    let thread = definitions.threads[step.thread]
    return StepSummary(
      task: step.task, tid: thread?.tid ?? 0, thread: thread?.name ?? "",
      startNs: step.start.nanoseconds, ns: step.duration,
      blockedBy: step.wait.map {
        StepWaitSummary(
          lock: $0.lock.rawValue, kind: definitions.locks[$0.lock]?.kind.name ?? "unknown",
          name: names[$0.lock], waitNs: $0.duration)
      }, stack: frames(step.stack))
  }
}

extension LockKind {
  /// What reports call tasks of a kind.
  fileprivate var taskWord: String { self == .greenlet ? "greenlet" : "asyncio" }
}
