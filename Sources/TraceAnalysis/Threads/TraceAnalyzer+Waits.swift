internal import TraceModel

// Who waited for what, and who had it.
extension TraceAnalyzer {
  /// What is told of a thread one by one, and of a lock.
  private static let mostWaits = 16
  private static let mostPairs = 64

  /// A thread that waited for a lock, and the one that had it when the waits began.
  struct WaitPair {
    var waiter: ThreadID
    var owner: ThreadID
    var waits: ThreadAccumulator.Waits
  }

  /// Who waited for whom, by lock.
  func waitPairs(_ threads: [ThreadAccumulator]) -> [LockID: [WaitPair]] {
    var pairs: [LockID: [WaitPair]] = [:]
    for (place, thread) in threads.enumerated() {
      let waiter = ThreadID(rawValue: threadIndex.numbers[place])
      for block in thread.blocks {
        pairs[block.lock, default: []] += block.owners.map {
          WaitPair(waiter: waiter, owner: $0.owner, waits: $0.waits)
        }
      }
    }
    return pairs
  }

  func pairSummaries(_ pairs: [WaitPair]) -> [WaitPairSummary] {
    let sorted = pairs.sorted {
      ($1.waits.time, $0.waiter, $0.owner) < ($0.waits.time, $1.waiter, $1.owner)
    }
    return sorted.prefix(TraceAnalyzer.mostPairs).map { pair in
      let (waiter, owner) = (definitions.threads[pair.waiter], definitions.threads[pair.owner])
      return WaitPairSummary(
        waiter: name(of: waiter), waiterPid: pid(of: waiter), waiterTid: waiter?.tid ?? 0,
        owner: name(of: owner), ownerPid: pid(of: owner), ownerTid: owner?.tid ?? 0,
        count: pair.waits.count, waitNs: pair.waits.time, maxNs: pair.waits.longest)
    }
  }

  /// The threads of a lock's pairs.
  func threadSummaries(_ pairs: [WaitPair]) -> [LockThreadSummary] {
    var sums: [ThreadID: (own: ThreadAccumulator.Waits, others: ThreadAccumulator.Waits)] = [:]
    let none = (own: ThreadAccumulator.Waits(), others: ThreadAccumulator.Waits())
    for pair in pairs {
      sums[pair.waiter, default: none].own.add(pair.waits)
      if pair.owner != .unknown { sums[pair.owner, default: none].others.add(pair.waits) }
    }
    let sorted = sums.sorted {
      ($1.value.own.time, $1.value.others.time, $0.key)
        < ($0.value.own.time, $0.value.others.time, $1.key)
    }
    return sorted.prefix(TraceAnalyzer.mostPairs).map { id, waits in
      let thread = definitions.threads[id]
      return LockThreadSummary(
        pid: pid(of: thread), tid: thread?.tid ?? 0, name: name(of: thread),
        waits: waits.own.count, waitNs: waits.own.time, maxNs: waits.own.longest,
        keptWaiting: waits.others.count, keptWaitingNs: waits.others.time)
    }
  }

  // MARK: Threads

  func blockSummary(_ thread: ThreadAccumulator) -> BlockSummary? {
    let contended = thread.blocks.filter(\.isContended)
    guard let block = contended.max(by: { $0.waits.time < $1.waits.time }) else { return nil }
    return BlockSummary(
      lock: block.lock.rawValue, name: names[block.lock], waitNs: block.waits.time,
      owner: owner(block.mainOwner))
  }

  func longestWait(_ thread: ThreadAccumulator) -> WaitSummary? {
    thread.longest.map { wait in
      WaitSummary(
        lock: wait.lock.rawValue, name: names[wait.lock], startNs: wait.start.nanoseconds,
        waitNs: wait.duration, owner: owner(wait.owner), stack: frames(wait.stack))
    }
  }

  func waitSummaries(_ thread: ThreadAccumulator) -> [ThreadWaitSummary] {
    let sorted = thread.blocks.sorted { ($1.waits.time, $0.lock) < ($0.waits.time, $1.lock) }
    return sorted.prefix(TraceAnalyzer.mostWaits).map { block in
      ThreadWaitSummary(
        lock: block.lock.rawValue, kind: definitions.locks[block.lock]?.kind.name ?? "unknown",
        name: names[block.lock], count: block.waits.count, waitNs: block.waits.time,
        maxNs: block.waits.longest, owner: owner(block.mainOwner))
    }
  }

  private func owner(_ id: ThreadID) -> String? { definitions.threads[id].map { name(of: $0) } }

  private func pid(of thread: Thread?) -> Int32 {
    thread.flatMap { definitions.processes[$0.process]?.pid } ?? 0
  }
}
