internal import TraceAnalysis

extension Report {
  /// The same with texts that can be shown: see ``String/printable``.
  var printable: Report {
    var report = self
    report.recording.program = recording.program.map(\.printable)
    report.recording.schedulingReason = recording.schedulingReason.printable
    report.recording.notes = recording.notes.map(\.printable)
    for index in processes.indices {
      report.processes[index].name = processes[index].name.printable
    }
    for index in threads.indices { report.threads[index] = threads[index].printable }
    for index in locks.indices { report.locks[index] = locks[index].printable }
    for index in chains.indices { report.chains[index] = chains[index].printable }
    for index in criticalPath.indices {
      report.criticalPath[index].name = criticalPath[index].name.printable
      report.criticalPath[index].lock = criticalPath[index].lock.printable
    }
    for index in queues.indices { report.queues[index] = queues[index].printable }
    for index in tasks.indices { report.tasks[index] = tasks[index].printable }
    for index in loops.indices { report.loops[index].name = loops[index].name.printable }
    for index in gil.indices { report.gil[index] = gil[index].printable }
    for index in slices.indices { report.slices[index].name = slices[index].name.printable }
    for index in counters.indices { report.counters[index].name = counters[index].name.printable }
    for index in findings.indices { report.findings[index] = findings[index].printable }
    return report
  }
}

extension [FrameSummary] {
  fileprivate var printable: [FrameSummary] {
    map { frame in
      var frame = frame
      frame.function = frame.function.printable
      frame.file = frame.file.printable
      frame.module = frame.module.printable
      return frame
    }
  }
}

extension ThreadSummary {
  fileprivate var printable: ThreadSummary {
    var thread = self
    thread.name = name.printable
    for index in wakers.indices { thread.wakers[index].name = wakers[index].name.printable }
    for index in waits.indices {
      thread.waits[index].name = waits[index].name.printable
      thread.waits[index].owner = waits[index].owner?.printable
    }
    if let block = waitedMostFor {
      thread.waitedMostFor?.name = block.name.printable
      thread.waitedMostFor?.owner = block.owner?.printable
    }
    if let wait = longestWait {
      thread.longestWait?.name = wait.name.printable
      thread.longestWait?.owner = wait.owner?.printable
      thread.longestWait?.stack = wait.stack.printable
    }
    return thread
  }
}

extension LockSummary {
  fileprivate var printable: LockSummary {
    var lock = self
    lock.name = name.printable
    for index in heldUpBy.indices { lock.heldUpBy[index].name = heldUpBy[index].name.printable }
    for index in threads.indices { lock.threads[index].name = threads[index].name.printable }
    for index in pairs.indices {
      lock.pairs[index].waiter = pairs[index].waiter.printable
      lock.pairs[index].owner = pairs[index].owner.printable
    }
    for index in waiters.indices { lock.waiters[index].stack = waiters[index].stack.printable }
    for index in holders.indices { lock.holders[index].stack = holders[index].stack.printable }
    return lock
  }
}

extension ChainSummary {
  fileprivate var printable: ChainSummary {
    var chain = self
    chain.waiter = waiter.printable
    for index in links.indices {
      chain.links[index].name = links[index].name.printable
      chain.links[index].holder = links[index].holder.printable
    }
    return chain
  }
}

extension QueueSummary {
  fileprivate var printable: QueueSummary {
    var queue = self
    queue.name = name.printable
    for index in producers.indices {
      queue.producers[index].stack = producers[index].stack.printable
    }
    for index in consumers.indices {
      queue.consumers[index].stack = consumers[index].stack.printable
    }
    return queue
  }
}

extension TaskSummary {
  fileprivate var printable: TaskSummary {
    var task = self
    task.name = name.printable
    if let step = longestStep {
      task.longestStep?.thread = step.thread.printable
      task.longestStep?.stack = step.stack.printable
      if let wait = step.blockedBy { task.longestStep?.blockedBy?.name = wait.name.printable }
    }
    for (index, place) in longSteps.places.enumerated() {
      task.longSteps.places[index].stack = place.stack.printable
    }
    for index in waitedFor.indices { task.waitedFor[index].name = waitedFor[index].name.printable }
    return task
  }
}

extension Finding {
  fileprivate var printable: Finding {
    var finding = self
    finding.text = text.printable
    finding.places = places?.map { place in
      var place = place
      place.thread = place.thread.printable
      place.what = place.what.printable
      place.stack = place.stack.printable
      return place
    }
    return finding
  }
}

extension GILSummary {
  fileprivate var printable: GILSummary {
    var gil = self
    if let hold = worstHold {
      gil.worstHold?.thread = hold.thread.printable
      gil.worstHold?.stack = hold.stack.printable
    }
    for index in longHolds.indices { gil.longHolds[index].stack = longHolds[index].stack.printable }
    for index in threads.indices {
      gil.threads[index].name = threads[index].name.printable
      if let owner = threads[index].waitedMostFor {
        gil.threads[index].waitedMostFor?.name = owner.name.printable
      }
    }
    for index in pairs.indices {
      gil.pairs[index].waiter = pairs[index].waiter.printable
      gil.pairs[index].owner = pairs[index].owner.printable
    }
    return gil
  }
}
