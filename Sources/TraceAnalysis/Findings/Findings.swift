internal import TraceModel

/// What the report says elsewhere, and its conclusions are drawn from.
struct Summaries {
  var threads: [ThreadSummary]
  var locks: [LockSummary]
  var queues: [QueueSummary]
  var gils: [GILSummary]
  var tasks: [TaskSummary]
}

extension TraceAnalyzer {
  /// A lock below this part of the run's thread time costs too little to be called a problem.
  private static let leastShare = 0.01

  /// What is to be concluded, the verdict first.
  ///
  /// A deadlock comes before all else, what threads lost to locks next where it is much, and the rest by
  /// what it cost, warnings before what is only good to know.
  func findings(of recording: RecordingSummary, _ summaries: Summaries) -> [Finding] {
    let isRecorded = definitions.processes.values.contains {
      $0.runtime == .loaded || $0.runtime == .outside
    }
    guard isRecorded, !threadTimes.isEmpty else {
      return [
        Finding(
          kind: "not-recorded", severity: "warning",
          text: "nothing inside the program was recorded"
            + (recording.notes.first.map { ": \($0)" } ?? ""),
          evidence: [:])
      ]
    }
    var oversubscription = oversubscriptionFinding(summaries.threads)
    if !definitions.processes.values.contains(where: { $0.runtime == .loaded }) {
      return [outsideFinding(summaries.locks)] + [oversubscription].compactMap(\.self)
    }
    let deadlock = deadlockFinding()
    var preemption = preemptionFinding(summaries.locks)
    if let cause = oversubscription, let effect = preemption {
      (oversubscription, preemption) = (cause.with(effect), nil)
    }
    let ofLocks = [
      leftFinding(), orderFinding(), convoyFinding(summaries.locks), preemption,
      writerFinding(summaries.locks),
    ].compactMap(\.self)
    let others = [
      gilStarvationFinding(summaries.gils), longHoldFinding(summaries.gils),
      blockingFinding(summaries.tasks), taskFinding(summaries.locks), herdFinding(),
      lostWakeupFinding(), queueFinding(summaries.queues, .full, summaries.threads),
      queueFinding(summaries.queues, .empty, summaries.threads), oversubscription,
    ].compactMap(\.self)
    let threads = threadFinding(of: recording, locks: summaries.locks, gils: summaries.gils)
    var all = (ofLocks + others).sorted { $0.cost > $1.cost }
    // Nobody is to read that all is well with locks behind what is not.
    if threads.kind != "no-contention" || (deadlock == nil && ofLocks.isEmpty) {
      all.insert(threads, at: threads.severity == "warning" ? 0 : all.endIndex)
    }
    if let deadlock {
      // That its locks were waited for is told by it.
      let locks = Set(unfinished.all.values.map { Int64($0.lock.rawValue) })
      let apart = ["lock-order", "left-locked", "oversubscribed"]
      all.removeAll { !apart.contains($0.kind) && locks.contains($0.evidence["lock"] ?? 0) }
      all.insert(deadlock, at: 0)
    }
    let warnings = all.filter { $0.severity == "warning" }
    // The verdict on locks comes before what else is only good to know.
    let rest = all.filter { $0.severity != "warning" }
    return warnings + rest.filter { $0 == threads } + rest.filter { $0 != threads }
  }

  /// What is to be said of threads that waited for locks.
  private func threadFinding(
    of recording: RecordingSummary, locks: [LockSummary], gils: [GILSummary]
  ) -> Finding {
    let threadTime = threadTime
    let contended = locks.filter { TraceAnalyzer.contendedKinds.contains($0.kind) }
    let waited = contended.saturatingSum(\.waitNs.total)
    func share(_ time: Int64) -> Double { Double(time) / Double(max(threadTime, 1)) }
    guard let worst = contended.max(by: { $0.waitNs.total < $1.waitNs.total }),
      share(worst.waitNs.total) >= TraceAnalyzer.leastShare
    else {
      let count = locks.filter { $0.acquisitions > 0 }.count
      return Finding(
        kind: "no-contention", severity: "info",
        text:
          "no lock problem found\(recording.complete ? "" : " before the recording breaks off"): of \(seconds(threadTime)) in threads, "
          + "\(seconds(waited)) went to waiting for \(count) lock\(count == 1 ? "" : "s")",
        evidence: ["waitNs": waited, "threadNs": threadTime, "locks": Int64(count)])
    }
    let severity = share(waited) >= 0.05 ? "warning" : "info"
    if let gil = gils.first(where: { $0.id == worst.id }) {
      return gilFinding(gil, worst, severity: severity, threadTime: threadTime)
    }
    let busy =
      worst.utilisation.map { ": busy \($0.percent) of the run" } ?? ""
    return Finding(
      kind: "contention", severity: severity,
      text: "\(worst.name) is the most contended lock\(busy); threads lost "
        + "\(seconds(worst.waitNs.total)) of \(seconds(threadTime)) to it",
      evidence: [
        "lock": Int64(worst.id), "waitNs": worst.waitNs.total, "threadNs": threadTime,
        "utilisationPerMille": Int64((worst.utilisation ?? 0) * 1000),
      ])
  }

  /// What is to be said of processes that were recorded from outside alone.
  private func outsideFinding(_ locks: [LockSummary]) -> Finding {
    let futexes = locks.filter { $0.kind == LockKind.futex.name }
    let waited = futexes.saturatingSum(\.waitNs.total)
    let threadTime = threadTime
    return Finding(
      kind: "outside", severity: "info",
      text:
        "recorded from outside: of \(seconds(threadTime)) in threads, \(seconds(waited)) went to "
        + "waiting at \(futexes.count) futex\(futexes.count == 1 ? "" : "es"), locks or others",
      evidence: ["waitNs": waited, "threadNs": threadTime, "futexes": Int64(futexes.count)])
  }

  /// Locks that threads wait for, and not tasks.
  static let contendedKinds = Set(
    LockKind.allCases.filter { $0.isContended && !$0.isOfTasks }.map(\.name))

  /// `82 % of the run`, as tables have it; where the part of another time is another number, with that:
  /// `82 % of the run (92 % of the time it was in use)`.
  func ofRun(_ part: Double, and other: Double, of time: String) -> String {
    let (ofRun, ofOther) = (part.percent, other.percent)
    return "\(ofRun) of the run" + (ofRun == ofOther ? "" : " (\(ofOther) of \(time))")
  }

  func seconds(_ time: Int64) -> String { Duration.nanoseconds(time).brief }
}

extension Finding {
  /// Nanoseconds that it cost, as far as its evidence tells: what findings are ordered by.
  var cost: Int64 { evidence["costNs"] ?? evidence["waitNs"] ?? evidence["stepNs"] ?? 0 }

  /// Of several findings of one kind the one that cost most, which then tells how many there are.
  ///
  /// - Parameter things: What each of them is about, for people: `locks`.
  static func worst(of findings: [Finding], things: String) -> Finding? {
    guard var worst = findings.max(by: { $0.cost < $1.cost }) else { return nil }
    worst.evidence["count"] = Int64(findings.count)
    if findings.count > 1 { worst.text += " (the worst of \(findings.count) such \(things))" }
    return worst
  }
}
