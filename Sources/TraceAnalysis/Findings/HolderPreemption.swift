internal import TraceModel

extension TraceAnalyzer {
  /// That threads waited for a lock because its holder had lost its CPU: a fourth of the waits for it, and a
  /// twentieth of all time of threads. Only where it is known when threads ran.
  ///
  /// Where CPUs were short for all threads, it is a consequence of that, and told with it: see
  /// ``Finding/with(_:)``.
  func preemptionFinding(_ locks: [LockSummary]) -> Finding? {
    let threadTime = threadTime
    let found = locks.compactMap { lock -> Finding? in
      guard let split = lock.waitSplitNs, TraceAnalyzer.contendedKinds.contains(lock.kind),
        split.holderPreempted >= lock.waitNs.total / 4, split.holderPreempted >= threadTime / 20,
        split.holderPreempted > 0
      else { return nil }
      return Finding(
        kind: "holder-preempted", severity: "warning",
        text:
          "who held \(lock.name) was without a CPU during \(seconds(split.holderPreempted)) of the "
          + "\(seconds(lock.waitNs.total)) that others waited for it: hold it for less at "
          + "a time",
        evidence: [
          "lock": Int64(lock.id), "costNs": split.holderPreempted, "waitNs": lock.waitNs.total,
          "holderPreemptedNs": split.holderPreempted, "holderRunningNs": split.holderRunning,
          "waits": Int64(clamping: split.waits),
        ])
    }
    return Finding.worst(of: found, things: "locks")
  }
}

extension Finding {
  /// That CPUs were short, with what came of it: the holder of a lock was without one.
  func with(_ preemption: Finding) -> Finding {
    var whole = self
    whole.text += "; so \(preemption.text)"
    for name in ["lock", "holderPreemptedNs"] { whole.evidence[name] = preemption.evidence[name] }
    whole.evidence["lockWaitNs"] = preemption.evidence["waitNs"]
    return whole
  }
}
