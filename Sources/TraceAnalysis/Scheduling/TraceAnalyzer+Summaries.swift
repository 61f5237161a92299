internal import TraceModel

extension ThreadSummary {
  /// Takes over what the kernel said of a thread.
  mutating func tell(_ timeline: ThreadTimeline, wakers: [WakerSummary]) {
    tell(timeline.times)
    switches = SwitchCounts(
      voluntary: timeline.switches.voluntary, preempted: timeline.switches.preempted)
    migrations = timeline.migrations
    runQueueNs = timeline.runQueue.summary
    self.wakers = wakers
  }

  /// Takes over what a thread did.
  mutating func tell(_ times: StateTimes) {
    runNs = times[.running]
    runnableNs = times[.runnable]
    lockWaitNs = times[.lockWait]
    queueWaitNs = times[.queueWait]
    idleNs = times[.sleeping] &+ times[.disk]
  }
}

extension TraceAnalyzer {
  /// Wakers of a thread that are told one by one.
  private static let mostWakers = 8
  /// Chains that are told, and links of one.
  private static let mostChains = 3
  private static let mostLinks = 16

  func wakerSummaries(_ timeline: ThreadTimeline) -> [WakerSummary] {
    timeline.wakers.sorted { ($1.count, $0.thread) < ($0.count, $1.thread) }
      .prefix(TraceAnalyzer.mostWakers).map { waker in
        guard let thread = definitions.threads[waker.thread] else {
          return WakerSummary(pid: 0, tid: 0, name: "interrupt", count: waker.count)
        }
        return WakerSummary(
          pid: definitions.processes[thread.process]?.pid ?? 0, tid: thread.tid,
          name: thread.name, count: waker.count)
      }
  }

  func splitSummary(_ lock: LockAccumulator) -> WaitSplitSummary? {
    guard lock.contended >= 0, contended[lock.contended].splitWaits > 0 else { return nil }
    let split = contended[lock.contended].split
    return WaitSplitSummary(
      waits: contended[lock.contended].splitWaits, holderRunning: split.holderRunning,
      holderPreempted: split.holderPreempted, holderInLockWait: split.holderInLockWait,
      holderInQueueWait: split.holderInQueueWait, holderSleeping: split.holderSleeping,
      runQueue: split.runQueue, other: split.other)
  }

  func blockerSummaries(_ lock: LockAccumulator) -> [BlockerSummary] {
    guard lock.contended >= 0 else { return [] }
    let found = contended[lock.contended]
    var blockers = found.blockers.sorted.map { blocker in
      let id = LockID(rawValue: lockIndex.numbers[Int(blocker.number)])
      return BlockerSummary(
        lock: id.rawValue, kind: definitions.locks[id]?.kind.name ?? "unknown", name: names[id],
        blamedNs: blocker.time)
    }
    if found.split.holderSleeping > 0 {
      blockers.append(
        BlockerSummary(
          lock: nil, kind: "sleep", name: "sleeping or I/O", blamedNs: found.split.holderSleeping))
    }
    return blockers.sorted { ($1.blamedNs, $0.lock ?? 0) < ($0.blamedNs, $1.lock ?? 0) }
  }

  /// By how much the run would be shorter if a lock were free: as much as the thread that ends it would
  /// be earlier, but not so much that the CPUs could not do the work any more.
  func estimate(_ lock: Int, running: Int64) -> Int64? {
    guard let candidate = candidates.index(of: lock), end > start else { return nil }
    let last = threadIndex.place(of: creators.last.rawValue)
    guard last != 0 else { return nil }
    let saved = max(0, timelines[last].path.savings[candidate])
    let work = max(0, running) / Int64(max(definitions.recording.cpus, 1))
    return min(saved, max(0, end - start - work))
  }

  // MARK: Chains

  func chainSummaries(of locks: [LockSummary]) -> [ChainSummary] {
    var chains: [ChainSummary] = []
    var told: Set<UInt32> = []
    for lock in locks where lock.waitSplitNs != nil && !told.contains(lock.id) {
      guard chains.count < TraceAnalyzer.mostChains else { break }
      let links = links(from: lock.id)
      // What a longer chain leads through needs no chain of its own.
      told.formUnion(links.map(\.lock))
      let waiter = lock.threads.first
      var (count, longest) = (lock.contended, lock.waitNs.max)
      if links.count > 1, case let place = accumulator(ofLock: lock.id).contended, place >= 0 {
        let second = lockIndex.place(of: links[1].lock)
        let total = contended[place].blockers.totals.first { $0.number == UInt32(second) }
        (count, longest) = (total?.waits ?? 0, total?.longest ?? 0)
      }
      chains.append(
        ChainSummary(
          waitNs: lock.waitNs.total, waiter: waiter?.name ?? "", waiterPid: waiter?.pid ?? 0,
          waiterTid: waiter?.tid ?? 0, count: count, longestNs: longest, links: links))
    }
    return chains
  }

  private func links(from first: UInt32) -> [ChainLink] {
    var links: [ChainLink] = []
    var next: UInt32? = first
    while let lock = next, links.count < TraceAnalyzer.mostLinks,
      !links.contains(where: { $0.lock == lock })
    {
      next = nil
      let place = accumulator(ofLock: lock).contended
      guard place >= 0 else { break }
      let found = contended[place]
      guard found.splitWaits > 0 else { break }
      let holder = found.holders.sorted.first.flatMap {
        definitions.threads[ThreadID(rawValue: threadIndex.numbers[Int($0.number)])]
      }
      let split = found.split
      let reasons = [
        (ThreadActivity.running, split.holderRunning), (.runnable, split.holderPreempted),
        (.lockWait, split.holderInLockWait), (.queueWait, split.holderInQueueWait),
        (.sleeping, split.holderSleeping),
      ]
      guard let reason = reasons.max(by: { $0.1 < $1.1 }), reason.1 > 0 else { break }
      links.append(
        ChainLink(
          lock: lock, name: names[LockID(rawValue: lock)], holder: name(of: holder),
          pid: holder.flatMap { definitions.processes[$0.process]?.pid } ?? 0,
          tid: holder?.tid ?? 0,
          doing: reason.0 == .runnable ? "preempted" : reason.0.words, ns: reason.1))
      if [.lockWait, .queueWait].contains(reason.0), let blocker = found.blockers.sorted.first {
        next = lockIndex.numbers[Int(blocker.number)]
      }
    }
    return links
  }

  func name(of thread: Thread?) -> String {
    guard let thread else { return "" }
    return thread.name.isEmpty ? "\(thread.tid)" : thread.name
  }

  // MARK: The critical path

  func pathSummaries() -> [PathSummary] {
    let last = threadIndex.place(of: creators.last.rawValue)
    guard last != 0 else { return [] }
    let path = timelines[last].path
    var parts = path.sorted.map { part in
      let thread = definitions.threads[
        ThreadID(rawValue: threadIndex.numbers[Int(part.thread)])]
      return PathSummary(
        pid: thread.flatMap { definitions.processes[$0.process]?.pid } ?? 0,
        tid: thread?.tid ?? 0, name: name(of: thread), doing: part.activity.words,
        lock: part.lock == 0 ? "" : names[LockID(rawValue: lockIndex.numbers[Int(part.lock)])],
        ns: part.time)
    }
    if path.other > 0 {
      parts.append(
        PathSummary(pid: 0, tid: 0, name: "others", doing: "", lock: "", ns: path.other))
    }
    return parts
  }
}

extension ThreadActivity {
  /// What reports call it.
  var words: String {
    switch self {
    case .running: "running"
    case .runnable: "runnable"
    case .lockWait: "waiting for a lock"
    case .queueWait: "waiting for a condition or queue"
    case .sleeping, .disk: "sleeping or I/O"
    case .untold: "running or asleep"
    }
  }
}
