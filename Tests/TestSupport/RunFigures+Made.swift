public import TraceAnalysis

extension RunFigures {
  /// A run of `prog` that took a second, with these locks.
  public static func made(
    _ locks: [LockFigures] = [], startedAt: Int64? = nil,
    host: String = "Linux 6.1, CPU of one kind",
    lost: UInt64 = 0, durationNs: Int64 = 1_000_000_000
  ) -> RunFigures {
    RunFigures(
      program: ["prog"], machine: MachineFigures(host: host, cpus: 2, recorder: "ctrace"),
      startedAtNs: startedAt, exitCode: 0, durationNs: durationNs, events: 1_000_000 - lost,
      lost: lost, locks: locks)
  }
}

extension LockFigures {
  /// A mutex that was acquired a thousand times.
  ///
  /// - Parameters:
  ///   - held: Nanoseconds of each hold.
  ///   - waited: Nanoseconds of waiting for each acquire.
  public static func made(
    _ name: String, held: Double, waited: Double = 0, acquisitions: UInt64 = 1000
  ) -> LockFigures {
    let heldNs = held * Double(acquisitions)
    return LockFigures(
      name: name, kind: "mutex", acquisitions: acquisitions, contended: acquisitions / 2,
      utilisation: min(heldNs / 1e9, 1), heldNs: Int64(heldNs),
      waitNs: Int64(waited * Double(acquisitions)), waitP99Ns: Int64(waited * 2))
  }
}
