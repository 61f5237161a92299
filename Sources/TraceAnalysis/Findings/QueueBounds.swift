internal import TraceModel

/// Which of its bounds a queue is always at.
enum QueueBound {
  case full, empty
}

extension TraceAnalyzer {
  /// Queues that programs make for themselves: what is empty while nobody has anything to say, as a socket,
  /// tells nothing by that.
  private static let ownQueues = Set(
    [
      LockKind.queue, .messageQueue, .systemVQueue, .threadPool, .pythonQueue, .asyncioQueue,
      .geventQueue,
    ].map(\.name))

  /// That a queue was always full, or always empty, from its first use to its last: for nine tenths of that
  /// time, while who wanted to put in, or to take out, waited for a tenth of it or more.
  ///
  /// Who puts into a queue that is always full does no more than who takes out: that is a warning, but where
  /// the kernel holds the queue, because pipes are there to make a program wait for the next. Of one that is
  /// always empty it is a warning only where who puts in was busy: otherwise there was simply not more to do.
  func queueFinding(
    _ queues: [QueueSummary], _ bound: QueueBound, _ threads: [ThreadSummary]
  ) -> Finding? {
    let found = queues.compactMap { queue -> Finding? in
      let place = Int(queuePlaces[lockIndex.place(of: queue.id)])
      guard place >= 0 else { return nil }
      let used = self.queues[place].depth.used
      guard used.time > 0, min(queue.enqueued, queue.dequeued) >= 20 else { return nil }
      return bound == .full
        ? fullFinding(queue, used) : emptyFinding(queue, used, self.queues[place], threads)
    }
    return Finding.worst(of: found, things: "queues")
  }

  private func fullFinding(
    _ queue: QueueSummary, _ used: (time: Int64, empty: Int64, full: Int64)
  ) -> Finding? {
    guard let capacity = queue.capacity, let waits = queue.putWaitNs,
      used.full >= used.time / 10 * 9, waits.total >= used.time / 10
    else { return nil }
    let isOwn = TraceAnalyzer.ownQueues.contains(queue.kind)
    return Finding(
      kind: "queue-full", severity: isOwn ? "warning" : "info",
      text:
        "\(queue.name) was full \(ofRun(queue.depth.fullNs ?? 0, used.full, of: used.time)), and "
        + "who put into it waited \(seconds(waits.total)) for room: who takes out of it"
        + "\(at(queue.consumers.first?.stack ?? [])) is the bottleneck",
      evidence: [
        "queue": Int64(queue.id), "costNs": waits.total, "waitNs": waits.total,
        "fullNs": used.full, "usedNs": used.time, "capacity": Int64(clamping: capacity),
      ])
  }

  private func emptyFinding(
    _ queue: QueueSummary, _ used: (time: Int64, empty: Int64, full: Int64),
    _ found: QueueAccumulator, _ threads: [ThreadSummary]
  ) -> Finding? {
    guard TraceAnalyzer.ownQueues.contains(queue.kind), let waits = queue.takeWaitNs,
      used.empty >= used.time / 10 * 9, waits.total >= used.time / 10
    else { return nil }
    let producers = found.itemsByProducer.sorted.compactMap {
      definitions.threads[ThreadID(rawValue: $0.number)]
    }
    let busy = producers.filter { isBusy($0, threads) }
    let isBottleneck = !producers.isEmpty && busy.count == producers.count
    return Finding(
      kind: "queue-empty", severity: isBottleneck ? "warning" : "info",
      text:
        "\(queue.name) was empty \(ofRun(queue.depth.emptyNs, used.empty, of: used.time)), and "
        + "who took out of it waited \(seconds(waits.total)) for something to come"
        + (isBottleneck
          ? ": who puts into it\(at(queue.producers.first?.stack ?? [])) is the bottleneck" : ""),
      evidence: [
        "queue": Int64(queue.id), "costNs": waits.total, "waitNs": waits.total,
        "emptyNs": used.empty, "usedNs": used.time, "producers": Int64(producers.count),
        "busyProducers": Int64(busy.count),
      ])
  }

  /// For how much of the run a queue was at its bound, and of the time from its first use to its last.
  private func ofRun(_ inRun: Int64, _ inUse: Int64, of used: Int64) -> String {
    ofRun(
      Double(inRun) / Double(max(end - start, 1)), and: Double(inUse) / Double(used),
      of: "the time it was in use")
  }

  /// Whether a thread was on a CPU, or wanted to be, for four fifths of its life.
  private func isBusy(_ thread: Thread, _ threads: [ThreadSummary]) -> Bool {
    let pid = definitions.processes[thread.process]?.pid ?? 0
    return threads.contains {
      $0.tid == thread.tid && $0.pid == pid && $0.startNs == thread.start.nanoseconds
        && $0.runNs &+ $0.runnableNs >= ($0.endNs &- $0.startNs) / 5 * 4
    }
  }
}
