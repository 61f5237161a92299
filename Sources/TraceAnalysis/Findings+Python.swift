internal import TraceModel

// What is to be concluded of the interpreter's lock and of tasks.
extension TraceAnalyzer {
  /// That threads lost time to the interpreter's lock: who of them most, and to whom.
  func gilFinding(_ gil: GILSummary, severity: String, threadTime: Int64) -> Finding {
    var text =
      "the GIL was busy \(percent(gil.utilisation)): threads lost \(seconds(gil.waitNs.total)) of "
      + "\(seconds(threadTime)) to it"
    let starved = gil.threads.filter(\.starved).max { $0.waitNs.total < $1.waitNs.total }
    let worst = starved.flatMap { starved in gil.pairs.first { $0.waiterTid == starved.tid } }
    if let pair = worst ?? gil.pairs.first {
      text +=
        "; \(pair.waiter) waited \(pair.count == 1 ? "once" : "\(pair.count) times") for "
        + "\(pair.owner)"
    }
    if let starved {
      text +=
        " and had it for \(seconds(starved.heldNs)) while it waited \(seconds(starved.waitNs.total))"
    }
    return Finding(
      kind: "gil", severity: severity, text: text,
      evidence: [
        "lock": Int64(gil.id), "waitNs": gil.waitNs.total, "threadNs": threadTime,
        "heldNs": gil.heldNs, "utilisationPerMille": Int64(gil.utilisation * 1000),
        "starvedThreads": Int64(gil.threads.filter(\.starved).count),
      ])
  }

  /// That a thread kept the interpreter's lock, in code that did not let go when it was asked to.
  func longHoldFinding(_ gil: GILSummary) -> Finding? {
    guard let worst = gil.worstHold, worst.waitedForNs >= GILAccumulator.longHold else {
      return nil
    }
    let total = gil.longHolds.reduce(0) { $0 &+ $1.ns }
    return Finding(
      kind: "gil-hold", severity: "warning",
      text: "\(worst.thread) kept the GIL for \(seconds(worst.ns)) while others waited "
        + "\(seconds(worst.waitedForNs)) for it: C code that does not let go\(at(worst.stack))",
      evidence: [
        "lock": Int64(gil.id), "tid": Int64(worst.tid), "holdNs": worst.ns,
        "waitedForNs": worst.waitedForNs, "startNs": worst.startNs,
        "holds": Int64(clamping: gil.longHolds.reduce(0) { $0 &+ $1.count }), "waitNs": total,
      ])
  }

  /// That a step of a task kept the others of its thread from running.
  func blockingFinding(_ tasks: [TaskSummary]) -> Finding? {
    let blocking = tasks.filter { $0.longSteps.count > 0 }
    guard let worst = blocking.max(by: { $0.longestStepNs < $1.longestStepNs }),
      let step = worst.longestStep
    else { return nil }
    let count = blocking.reduce(0) { $0 &+ $1.longSteps.count }
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
  private func at(_ stack: [FrameSummary]) -> String {
    guard let frame = stack.first, !frame.function.isEmpty else { return "" }
    guard let file = frame.file.split(separator: "/").last else { return " in \(frame.function)" }
    return " in \(frame.function) \(file):\(frame.line)"
  }
}
