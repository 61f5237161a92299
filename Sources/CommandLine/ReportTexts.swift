internal import TraceAnalysis

/// What has texts that come from a recording: names, places, sentences with names in them. They may be anything,
/// and of any length.
///
/// Words of ctrace's own, such as kinds and states, are not among them.
protocol HasTexts {
  /// Puts what `change` makes of each text into its place.
  mutating func changeTexts(_ change: (String) -> String)
}

extension HasTexts {
  /// The same with texts that can be shown: see ``Swift/String/printable``.
  var printable: Self {
    var copy = self
    copy.changeTexts { $0.printable }
    return copy
  }
}

extension String: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) { self = change(self) }
}

extension Optional: HasTexts where Wrapped: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) { self?.changeTexts(change) }
}

extension Array: HasTexts where Element: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    for index in indices { self[index].changeTexts(change) }
  }
}

/// What has one text, its name.
protocol HasName: HasTexts {
  var name: String { get set }
}

extension HasName {
  mutating func changeTexts(_ change: (String) -> String) { name.changeTexts(change) }
}

/// What has a stack, whose texts it has where it says nothing else.
protocol HasStack: HasTexts {
  var stack: [FrameSummary] { get set }
}

extension HasStack {
  mutating func changeTexts(_ change: (String) -> String) { stack.changeTexts(change) }
}

// MARK: The report

extension Report: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    recording.program.changeTexts(change)
    recording.schedulingReason.changeTexts(change)
    recording.host.changeTexts(change)
    recording.recorder.changeTexts(change)
    recording.notes.changeTexts(change)
    processes.changeTexts(change)
    threads.changeTexts(change)
    locks.changeTexts(change)
    chains.changeTexts(change)
    criticalPath.changeTexts(change)
    queues.changeTexts(change)
    tasks.changeTexts(change)
    loops.changeTexts(change)
    gil.changeTexts(change)
    slices.changeTexts(change)
    counters.changeTexts(change)
    findings.changeTexts(change)
  }
}

extension ProcessSummary: HasName {}

extension FrameSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    function.changeTexts(change)
    file.changeTexts(change)
    module.changeTexts(change)
  }
}

extension Finding: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    text.changeTexts(change)
    places.changeTexts(change)
  }
}

extension FindingPlace: HasStack {
  mutating func changeTexts(_ change: (String) -> String) {
    thread.changeTexts(change)
    what.changeTexts(change)
    stack.changeTexts(change)
  }
}

extension SliceSummary: HasName {}
extension CounterSummary: HasName {}

// MARK: Threads

extension ThreadSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    wakers.changeTexts(change)
    waits.changeTexts(change)
    waitedMostFor.changeTexts(change)
    longestWait.changeTexts(change)
  }
}

extension WakerSummary: HasName {}

extension BlockSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    owner.changeTexts(change)
  }
}

extension WaitSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    owner.changeTexts(change)
    stack.changeTexts(change)
  }
}

extension ThreadWaitSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    owner.changeTexts(change)
  }
}

extension PathSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    lock.changeTexts(change)
  }
}

// MARK: Locks

extension LockSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    identity.changeTexts(change)
    heldUpBy.changeTexts(change)
    threads.changeTexts(change)
    pairs.changeTexts(change)
    waiters.changeTexts(change)
    holders.changeTexts(change)
  }
}

extension BlockerSummary: HasName {}
extension LockThreadSummary: HasName {}

extension WaitPairSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    waiter.changeTexts(change)
    owner.changeTexts(change)
  }
}

extension WaiterSummary: HasStack {}
extension HolderSummary: HasStack {}

extension ChainSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    waiter.changeTexts(change)
    links.changeTexts(change)
  }
}

extension ChainLink: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    holder.changeTexts(change)
  }
}

// MARK: Queues and tasks

extension QueueSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    identity.changeTexts(change)
    producers.changeTexts(change)
    consumers.changeTexts(change)
  }
}

extension QueueUserSummary: HasStack {}

extension TaskSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    longestStep.changeTexts(change)
    longSteps.places.changeTexts(change)
    waitedFor.changeTexts(change)
  }
}

extension StepSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    thread.changeTexts(change)
    stack.changeTexts(change)
    blockedBy.changeTexts(change)
  }
}

extension StepWaitSummary: HasName {}
extension StepPlaceSummary: HasStack {}
extension TaskWaitSummary: HasName {}
extension LoopSummary: HasName {}

// MARK: The interpreter's lock

extension GILSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    worstHold.changeTexts(change)
    longHolds.changeTexts(change)
    threads.changeTexts(change)
    pairs.changeTexts(change)
  }
}

extension GILHoldSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    thread.changeTexts(change)
    stack.changeTexts(change)
  }
}

extension GILPlaceSummary: HasStack {}

extension GILThreadSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    name.changeTexts(change)
    waitedMostFor.changeTexts(change)
  }
}

extension GILOwnerSummary: HasName {}

extension GILPairSummary: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    waiter.changeTexts(change)
    owner.changeTexts(change)
  }
}

// MARK: The timeline

extension RunTimeline: HasTexts {
  mutating func changeTexts(_ change: (String) -> String) {
    for index in waiters.indices { waiters[index].name.changeTexts(change) }
    for index in depths.indices { depths[index].name.changeTexts(change) }
    lockNames = lockNames.mapValues(change)
    threadNames = threadNames.mapValues(change)
  }
}
