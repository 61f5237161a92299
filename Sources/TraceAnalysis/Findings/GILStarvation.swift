extension TraceAnalyzer {
  /// That threads of Python got much less of the interpreter's lock than they asked for, as the report's `gil`
  /// says of each: who most, and who had it instead.
  func gilStarvationFinding(_ gil: GILSummary) -> Finding? {
    let starved = gil.threads.filter(\.starved)
    guard let worst = starved.max(by: { $0.waitNs.total < $1.waitNs.total }) else { return nil }
    return Finding(
      kind: "gil-starvation", severity: "warning",
      text: "\(worst.name) starved for the GIL: it had it for \(seconds(worst.heldNs)) and waited "
        + "\(seconds(worst.waitNs.total)) for it\(worst.waitedMostFor.map { ", mostly for \($0.name)" } ?? "")"
        + (starved.count > 1 ? " (the worst of \(starved.count) such threads)" : "")
        + ": give the other's work to a process, or let it rest",
      evidence: [
        "lock": Int64(gil.id), "tid": Int64(worst.tid), "costNs": worst.waitNs.total,
        "waitNs": worst.waitNs.total, "heldNs": worst.heldNs, "waits": Int64(clamping: worst.waits),
        "count": Int64(starved.count),
      ])
  }
}
