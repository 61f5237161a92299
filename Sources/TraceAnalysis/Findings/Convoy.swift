internal import TraceModel

/// How a lock goes from one thread to the next, over its waits that ended with it after another thread
/// had released it.
struct Handovers {
  /// Such waits.
  private(set) var count: UInt64 = 0
  /// Of these, those at whose end others waited on.
  private(set) var queued: UInt64 = 0
  /// Nanoseconds of them.
  private(set) var waited: Int64 = 0
  /// Nanoseconds of them in which nobody had the lock: it was on its way to who waited for it.
  private(set) var unheld: Int64 = 0

  /// A wait has ended.
  mutating func note(_ event: Event, _ waiter: LockAccumulator.Waiter, othersWait: Bool) {
    guard waiter.hasSeenRelease else { return }
    count += 1
    if othersWait { queued += 1 }
    waited &+= event.duration
    unheld &+= waiter.unheld &+ max(0, event.time - waiter.unchargedFrom)
  }
}

extension TraceAnalyzer {
  /// That a lock has a convoy, as Blasgen, Gray, Mitoma and Price describe it in "The Convoy Phenomenon",
  /// Operating Systems Review 13(2), 1979: threads queue for a lock that is held for a moment only. Who
  /// releases it and wants it again goes to the end of the queue, so that nearly each acquire costs a
  /// switch from thread to thread, and that is what the waits consist of.
  ///
  /// So of 100 acquires or more at least half had to wait, at the end of half of these waits others waited
  /// on, and for half of the time that they took nobody had the lock. A lock that whoever comes first may
  /// take, as a plain mutex, mostly has no convoy, because a thread that runs need not queue.
  func convoyFinding(_ locks: [LockSummary]) -> Finding? {
    let threadTime = threadTime
    let found = locks.compactMap { lock -> Finding? in
      guard let handovers = contended(lock)?.handovers, handovers.count >= 100,
        TraceAnalyzer.contendedKinds.contains(lock.kind), lock.kind != LockKind.gil.name,
        lock.contended >= lock.acquisitions / 2, handovers.queued >= handovers.count / 2,
        handovers.unheld >= handovers.waited / 2, lock.waitNs.total >= threadTime / 20
      else { return nil }
      return Finding(
        kind: "lock-convoy", severity: "warning",
        text:
          "\(lock.name) has a convoy: \(lock.contended) of \(lock.acquisitions) acquires queued "
          + "for it, though it was held for \(seconds(lock.holdNs.p50)) at a time; "
          + "\(seconds(handovers.unheld)) of \(seconds(handovers.waited)) waited went by while it was "
          + "handed over: take it less often, or do without a lock that threads get in turn",
        evidence: [
          "lock": Int64(lock.id), "costNs": lock.waitNs.total, "waitNs": handovers.waited,
          "handoverNs": handovers.unheld, "acquisitions": Int64(clamping: lock.acquisitions),
          "contended": Int64(clamping: lock.contended), "medianHoldNs": lock.holdNs.p50,
        ])
    }
    return Finding.worst(of: found, things: "locks")
  }

  /// What is known of a lock beyond counts and times, where it was waited for.
  func contended(_ lock: LockSummary) -> ContendedLock? {
    let place = accumulator(ofLock: lock.id).contended
    return place >= 0 ? contended[place] : nil
  }
}
