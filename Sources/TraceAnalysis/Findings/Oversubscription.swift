internal import TraceModel

extension TraceAnalyzer {
  /// That threads had to share the CPUs: of the time in which they ran or could have run, they were without
  /// a CPU for a fourth or more.
  ///
  /// It is the program's own doing where its threads had half of the CPUs' time or more, and more of them
  /// wanted to run than there are CPUs, on the average over the run; a warning where twice as many did.
  /// Otherwise others on the machine had the CPUs, or it was kept from some of them, which is only good to
  /// know.
  func oversubscriptionFinding(_ threads: [ThreadSummary]) -> Finding? {
    let cpus = Int64(max(definitions.recording.cpus, 1))
    let running = threads.saturatingSum(\.runNs)
    let runnable = threads.saturatingSum(\.runnableNs)
    let wall = end - start
    guard definitions.recording.scheduling != .off, wall > 0, runnable > 0,
      runnable >= running / 3, runnable >= threadTime / 20
    else { return nil }
    let wanted = (Double(running) + Double(runnable)) / Double(wall)
    let evidence = [
      "costNs": runnable, "runnableNs": runnable, "runNs": running, "cpus": cpus,
      "wantedMilliCPUs": Int64(min(max(wanted, 0), 1e12) * 1000),
    ]
    let number = "\((wanted * 10).rounded() / 10)"
    guard wanted > Double(cpus) * 1.25, Double(running) >= Double(wall) / 2 * Double(cpus) else {
      return Finding(
        kind: "oversubscribed", severity: "info",
        text:
          "CPUs were short: threads that could have run waited \(seconds(runnable)) for one, and ran "
          + "for \(seconds(running)); other programs had them, or this one may not use them all",
        evidence: evidence)
    }
    return Finding(
      kind: "oversubscribed", severity: wanted >= Double(cpus) * 2 ? "warning" : "info",
      text: "more threads wanted to run than there are CPUs, \(number) at a time on "
        + "\(cpus == 1 ? "1 CPU" : "\(cpus) CPUs"): start fewer; they waited \(seconds(runnable)) for a CPU "
        + "and ran for \(seconds(running))",
      evidence: evidence)
  }
}
