internal import TraceModel

extension TraceAnalyzer {
  /// Everything that was counted of queues and labels, with what it is of.
  private func told(
    _ isWanted: (LockKind, QueueAccumulator) -> Bool
  ) -> [(lock: Lock, found: QueueAccumulator)] {
    queuePlaces.enumerated().compactMap { place, queue in
      guard queue >= 0, let lock = definitions.locks[LockID(rawValue: lockIndex.numbers[place])],
        isWanted(lock.kind, queues[Int(queue)])
      else { return nil }
      return (lock, queues[Int(queue)])
    }
  }

  /// What has a depth, the busiest first. Event loops are told apart.
  func queueSummaries() -> [QueueSummary] {
    told { kind, found in
      kind != .label && kind != .eventLoop && !kind.isTask
        && !(found.depth.isEmpty && found.work.count == 0)
    }.map { lock, found in
      // Of semaphores each operation is counted, and not each is an event.
      let use = definitions.usesByLock[lock.id] ?? LockUse(thread: .unknown, lock: lock.id)
      return QueueSummary(
        id: lock.id.rawValue, pid: definitions.processes[lock.process]?.pid ?? 0,
        kind: lock.kind.name, name: names[lock.id], identity: names.identity(of: lock.id),
        unit: lock.kind.holdsBytes ? "bytes" : "items",
        capacity: lock.capacity == 0 ? nil : lock.capacity,
        enqueued: found.enqueued > 0 ? found.enqueued : use.releases,
        dequeued: found.dequeued > 0 ? found.dequeued : use.acquisitions,
        depth: found.depthSummary(end: end), residenceNs: summary(found.residence),
        runNs: summary(found.work), putWaitNs: summary(found.putWaits),
        takeWaitNs: summary(found.takeWaits), producers: users(found.producers),
        consumers: users(found.consumers))
    }.filter {
      // Of a semaphore that was made and never used there is nothing to say.
      $0.enqueued | $0.dequeued != 0 || $0.depth.max != 0 || $0.kind != LockKind.semaphore.name
    }.sorted {
      ($1.enqueued.saturatingAdd($1.dequeued), $0.id)
        < ($0.enqueued.saturatingAdd($0.dequeued), $1.id)
    }
  }

  /// Event loops, the busiest first.
  func loopSummaries() -> [LoopSummary] {
    told { kind, found in kind == .eventLoop && !(found.depth.isEmpty && found.dequeued == 0) }.map
    {
      lock, found in
      LoopSummary(
        id: lock.id.rawValue, pid: definitions.processes[lock.process]?.pid ?? 0,
        name: names[lock.id], timers: found.dequeued, lagNs: summary(found.residence),
        readyDepth: found.depthSummary(end: end))
    }.sorted { ($1.timers, $0.id) < ($0.timers, $1.id) }
  }

  /// What the program calls work, most time first.
  func sliceSummaries() -> [SliceSummary] {
    told { kind, found in kind == .label && found.work.count + found.instants > 0 }.map {
      lock, found in
      SliceSummary(
        name: names[lock.id], count: found.work.count, instants: found.instants,
        runNs: found.work.summary)
    }.sorted { ($1.runNs.total, $0.name) < ($0.runNs.total, $1.name) }
  }

  /// The program's own counters, by name.
  func counterSummaries() -> [CounterSummary] {
    told { kind, found in kind == .label && !found.depth.isEmpty }.map { lock, found in
      found.depth.counterSummary(name: names[lock.id], end: end)
    }.sorted { $0.name < $1.name }
  }

  private func summary(_ times: Distribution) -> TimeSummary? {
    times.count > 0 ? times.summary : nil
  }

  private func users(_ totals: StackTotals) -> [QueueUserSummary] {
    byPlace(totals).map {
      QueueUserSummary(count: $0.count, items: UInt64(max($0.time, 0)), stack: $0.stack)
    }
  }
}
