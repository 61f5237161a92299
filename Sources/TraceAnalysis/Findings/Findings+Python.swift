internal import TraceModel

// What is to be concluded of the interpreter's lock and of tasks.
extension TraceAnalyzer {
  /// That threads lost time to the interpreter's lock: who of them most, and to whom.
  func gilFinding(
    _ gil: GILSummary, _ lock: LockSummary, severity: String, threadTime: Int64
  ) -> Finding {
    let busy = ofRun(
      lock.utilisation ?? 0, and: gil.utilisation, of: "the time that its process lived")
    var text =
      "the GIL was busy \(busy): threads lost \(seconds(gil.waitNs.total)) of "
      + "\(seconds(threadTime)) to it"
    let starved = gil.threads.filter(\.starved).max { $0.waitNs.total < $1.waitNs.total }
    if let starved {
      let owner =
        starved.waitedMostFor.map { "waited \(times($0.count)) for \($0.name) and " } ?? ""
      text +=
        "; \(starved.name) \(owner)had it for \(seconds(starved.heldNs)) while it waited "
        + seconds(starved.waitNs.total)
    } else if let pair = gil.pairs.first {
      text += "; \(pair.waiter) waited \(times(pair.count)) for \(pair.owner)"
    }
    return Finding(
      kind: "gil", severity: severity, text: text,
      evidence: [
        "lock": Int64(gil.id), "waitNs": gil.waitNs.total, "threadNs": threadTime,
        "heldNs": gil.heldNs, "utilisationPerMille": Int64(gil.utilisation * 1000),
        "starvedThreads": Int64(gil.threads.filter(\.starved).count),
      ])
  }

  private func times(_ count: UInt64) -> String { count == 1 ? "once" : "\(count) times" }

  /// That a thread kept the interpreter's lock, in code that did not let go when it was asked to: the worst
  /// of all processes.
  func longHoldFinding(_ gils: [GILSummary]) -> Finding? {
    let long = gils.filter { !$0.longHolds.isEmpty }
    func waited(_ gil: GILSummary) -> Int64 { gil.worstHold?.waitedForNs ?? 0 }
    guard let gil = long.max(by: { waited($0) < waited($1) }), let worst = gil.worstHold else {
      return nil
    }
    let places = long.flatMap(\.longHolds)
    return Finding(
      kind: "gil-hold", severity: "warning",
      text: "\(worst.thread) kept the GIL for \(seconds(worst.ns)) while others waited "
        + "\(seconds(worst.waitedForNs)) for it: C code that does not let go\(at(worst.stack))"
        + (long.count > 1 ? "; it was so in \(long.count) processes" : ""),
      evidence: [
        "lock": Int64(gil.id), "tid": Int64(worst.tid), "holdNs": worst.ns,
        "waitedForNs": worst.waitedForNs, "startNs": worst.startNs,
        "holds": Int64(clamping: places.saturatingSum(\.count)),
        "waitNs": places.saturatingSum(\.ns), "processes": Int64(long.count),
      ])
  }

  /// That a step of a task kept the others of its thread from running.
  func blockingFinding(_ tasks: [TaskSummary]) -> Finding? {
    let blocking = tasks.filter { $0.longSteps.count > 0 }
    guard let worst = blocking.max(by: { $0.longestStepNs < $1.longestStepNs }),
      let step = worst.longestStep
    else { return nil }
    let count = blocking.saturatingSum(\.longSteps.count)
    let what = worst.kind == "greenlet" ? "other greenlets" : "its event loop"
    var text =
      "\(worst.name) blocked \(what) for \(seconds(step.ns))\(at(step.stack))"
    if let wait = step.blockedBy, wait.waitNs >= step.ns / 2 {
      text +=
        wait.kind == LockKind.call.name
        ? ", \(seconds(wait.waitNs)) of it in a call without the GIL"
        : ", waiting \(seconds(wait.waitNs)) for \(wait.name)"
    }
    if count > 1 { text += "; \(count) steps took 100 ms or more" }
    return Finding(
      kind: "blocking-step", severity: "warning", text: text,
      evidence: [
        "task": step.task, "tid": Int64(step.tid), "stepNs": step.ns, "startNs": step.startNs,
        "longSteps": Int64(clamping: count),
      ])
  }

  /// That tasks waited for a lock for a good part of the run.
  func taskFinding(_ locks: [LockSummary]) -> Finding? {
    let ofTasks = Set(LockKind.allCases.filter { $0.isContended && $0.isOfTasks }.map(\.name))
    guard
      let worst = locks.filter({ ofTasks.contains($0.kind) })
        .max(by: { $0.waitNs.total < $1.waitNs.total }),
      worst.waitNs.total > 0, worst.waitNs.total >= (end - start) / 10
    else { return nil }
    let holder = worst.holders.first.map { at($0.stack) } ?? ""
    return Finding(
      kind: "task-contention", severity: "warning",
      text: "tasks waited \(seconds(worst.waitNs.total)) in "
        + "\(worst.contended == 1 ? "1 wait" : "\(worst.contended) waits") for \(worst.name)"
        + (holder.isEmpty ? "" : ", mostly until it was released\(holder)"),
      evidence: [
        "lock": Int64(worst.id), "waitNs": worst.waitNs.total,
        "waits": Int64(clamping: worst.contended),
      ])
  }

  /// ` in FUNCTION FILE:LINE`, as far as that is known.
  func at(_ stack: [FrameSummary]) -> String {
    guard let frame = stack.first, !frame.function.isEmpty else { return "" }
    guard let file = frame.file.split(separator: "/").last else { return " in \(frame.function)" }
    return " in \(frame.function) \(file):\(frame.line)"
  }
}
