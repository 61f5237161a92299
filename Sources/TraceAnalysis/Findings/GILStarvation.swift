extension TraceAnalyzer {
  /// That threads of Python got much less of the interpreter's lock than they asked for, as the report's `gil`
  /// says of each: who most, and who had it instead.
  func gilStarvationFinding(_ gils: [GILSummary]) -> Finding? {
    let found = gils.flatMap { gil in
      gil.threads.filter(\.starved).map { starvationFinding(of: $0, gil) }
    }
    return Finding.worst(of: found, things: "threads")
  }

  private func starvationFinding(of thread: GILThreadSummary, _ gil: GILSummary) -> Finding {
    let other = thread.waitedMostFor?.name
    return Finding(
      kind: "gil-starvation", severity: "warning",
      text:
        "\(thread.name) starved for the GIL: it had it for \(seconds(thread.heldNs)) and waited "
        + "\(seconds(thread.waitNs.total)) for it\(other.map { ", mostly for \($0)" } ?? ""): give the "
        + "other's work to a process, or let it rest",
      evidence: [
        "lock": Int64(gil.id), "tid": Int64(thread.tid), "costNs": thread.waitNs.total,
        "waitNs": thread.waitNs.total, "heldNs": thread.heldNs,
        "waits": Int64(clamping: thread.waits),
      ])
  }
}
