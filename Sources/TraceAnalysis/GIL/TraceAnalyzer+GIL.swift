internal import TraceModel

extension TraceAnalyzer {
  private static let mostPairs = 8
  private static let mostPlaces = 8

  /// The interpreters' locks, that of the process that waited longest first.
  func gilSummaries(of locks: [LockSummary]) -> [GILSummary] {
    locks.compactMap { lock in
      guard lock.kind == LockKind.gil.name, let known = definitions.locks[LockID(rawValue: lock.id)]
      else { return nil }
      return gilSummary(lock, of: known)
    }
  }

  private func gilSummary(_ lock: LockSummary, of known: Lock) -> GILSummary {
    var found = gils.found(known.id)
    let uses = definitions.interpreterUses[known.id] ?? [:]
    for thread in uses.keys.sorted() { _ = found.place(of: thread) }
    var threads = found.shares.map { threadSummary($0, uses[$0.thread]) }
    let held = threads.saturatingSum(\.heldNs)
    let waiting = Int64(threads.filter { $0.waits > 0 }.count)
    for index in threads.indices {
      threads[index].starved = isStarved(threads[index], equalShare: held / max(waiting, 1))
    }
    let process = definitions.processes[known.process]
    let wall = max(
      0, min(process?.end ?? end, end) - max(process?.start ?? start, start))
    return GILSummary(
      id: lock.id, pid: lock.pid, wallNs: wall, heldNs: held,
      utilisation: wall > 0 ? min(max(Double(held) / Double(wall), 0), 1) : 0,
      acquisitions: lock.acquisitions, dropRequests: uses.values.saturatingSum(\.releases),
      contended: lock.contended, waitNs: lock.waitNs, worstHold: summary(found.worst),
      longHolds: byPlace(found.longHolds).prefix(TraceAnalyzer.mostPlaces).map {
        GILPlaceSummary(count: $0.count, ns: $0.time, stack: $0.stack)
      },
      threads: threads.sorted {
        ($0.starved ? 0 : 1, $1.heldNs, $0.tid) < ($1.starved ? 0 : 1, $0.heldNs, $1.tid)
      },
      pairs: pairs(found))
  }

  private func threadSummary(_ share: GILAccumulator.Share, _ use: LockUse?) -> GILThreadSummary {
    let thread = definitions.threads[share.thread]
    var waits = share.waits
    var held = share.held
    if let use {
      let longest = Int64(clamping: use.longestUnrecordedWait)
      waits.add(
        count: use.shortWaits, total: Int64(clamping: use.shortWaitTime), greatest: longest)
      waits.add(count: use.lostWaits, total: Int64(clamping: use.lostWaitTime), greatest: longest)
      // Of this lock each hold is in the sum that nobody waited for.
      held = held.saturatingAdd(Int64(clamping: use.sampledHoldTime))
    }
    return GILThreadSummary(
      tid: thread?.tid ?? 0, name: thread?.name ?? "",
      acquisitions: use?.acquisitions ?? 0, heldNs: held, longestHoldNs: share.longest,
      waits: waits.count, waitNs: waits.summary, starved: false,
      waitedMostFor: mainOwner(share))
  }

  private func mainOwner(_ share: GILAccumulator.Share) -> GILOwnerSummary? {
    share.pairs.compactMap { pair in
      definitions.threads[pair.owner].map {
        GILOwnerSummary(tid: $0.tid, name: $0.name, count: pair.count, waitNs: pair.time)
      }
    }.max { ($0.waitNs, $0.count, $1.tid) < ($1.waitNs, $1.count, $0.tid) }
  }

  /// A thread that had less than half of what each would have if all that wanted the lock had it for the
  /// same time, though it waited for it for a good part of its life, and four times as long as it had it.
  private func isStarved(_ thread: GILThreadSummary, equalShare: Int64) -> Bool {
    let waited = thread.waitNs.total
    return waited >= (end - start) / 10 && waited / 4 >= thread.heldNs
      && thread.heldNs < equalShare / 2
  }

  private func pairs(_ found: GILAccumulator) -> [GILPairSummary] {
    found.shares.flatMap { share in
      share.pairs.compactMap { pair -> GILPairSummary? in
        guard let owner = definitions.threads[pair.owner] else { return nil }
        let waiter = definitions.threads[share.thread]
        return GILPairSummary(
          waiter: waiter?.name ?? "", waiterTid: waiter?.tid ?? 0, owner: owner.name,
          ownerTid: owner.tid, count: pair.count, waitNs: pair.time)
      }
    }.sorted {
      ($1.waitNs, $1.count, $0.waiterTid) < ($0.waitNs, $0.count, $1.waiterTid)
    }.prefix(TraceAnalyzer.mostPairs).map { $0 }
  }

  private func summary(_ hold: GILAccumulator.Hold) -> GILHoldSummary? {
    guard hold.duration >= 0 else { return nil }
    let thread = definitions.threads[hold.thread]
    return GILHoldSummary(
      tid: thread?.tid ?? 0, thread: thread?.name ?? "", startNs: hold.start.nanoseconds,
      ns: hold.duration, waitedForNs: hold.waited, stack: frames(hold.stack))
  }
}
