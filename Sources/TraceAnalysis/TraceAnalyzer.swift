public import TraceModel

/// Makes a ``Report`` of a recording's definitions and of its events, which are to be added in the
/// order of time.
///
/// Memory grows with locks, threads and stacks, not with events.
public struct TraceAnalyzer {
  let definitions: TraceDefinitions
  let names: LockNames
  let lockIndex: NumberIndex
  let threadIndex: NumberIndex
  let lockKinds: [LockKind]
  /// Where the part begins that is told, and where it ends.
  let start: Timestamp
  let end: Timestamp
  private let partLength: Int64
  /// Whether it is only a part of the recording.
  private let isPart: Bool
  private var clipper: EventClipper?
  /// Whether what is added are only the beginnings of what goes on after the part.
  var isCutting = false
  private let lostEvents: UInt64
  private let isComplete: Bool
  private var locks: [LockAccumulator]
  var queues: [QueueAccumulator] = []
  /// The place in `queues` of each lock that is one, by the lock's place; −1 for the others.
  private(set) var queuePlaces: [Int32]
  private var threads: [ThreadAccumulator]
  var eventCount: UInt64 = 0
  let creators: Creators
  /// The places of threads that others wait for to end, by place of the lock that stands for that.
  let joined: [Int: Int]
  var tasks: TaskAnalysis
  var gils = GILAnalysis()
  var timelines: [ThreadTimeline]
  var contended: [ContendedLock] = []
  var candidates = Candidates()
  /// The last time that each thread was woken at a condition, by place.
  var conditionWakes: [LastConditionWake]
  var unfinished = UnfinishedWaits()
  let hasWakeups: Bool
  /// What a timeline is made of, where one is wanted.
  var collector: TimelineCollector?

  /// Prepares the analysis of a recording.
  ///
  /// - Parameters:
  ///   - definitions: All definitions of the recording.
  ///   - lostEvents: Events that the file says were lost.
  ///   - isComplete: Whether the file was finished.
  ///   - lastTime: The time of the last event, which ends a recording that was not finished.
  ///   - window: The part that the report is to be on; nil for all.
  ///   - timeline: What ``timeline(of:showing:threads:counters:)`` is to show; nil where it is not wanted.
  public init(
    definitions: TraceDefinitions, lostEvents: UInt64, isComplete: Bool, lastTime: Timestamp,
    window: TraceWindow? = nil, timeline: TimelineChoice? = nil
  ) {
    let ends = definitions.threads.values.map { $0.end ?? $0.start }
    let known = definitions.recording.duration.map { Timestamp(nanoseconds: $0) }
    let whole = max(known ?? max(lastTime, ends.max() ?? .zero), .zero)
    let start = min(max(window?.from ?? .zero, .zero), whole)
    let end = min(max(window?.to ?? whole, start), whole)
    self.start = start
    self.end = end
    var definitions = definitions
    isPart = window != nil
    if isPart {
      // When it was that what was only counted happened, nobody knows.
      definitions.forgetCounts()
      clipper = EventClipper(from: start, to: end, threads: definitions.threads)
    }
    self.definitions = definitions
    self.lostEvents = lostEvents
    self.isComplete = isComplete && definitions.isComplete
    names = LockNames(definitions)
    let lockIndex = NumberIndex(definitions.locks.keys.map(\.rawValue))
    self.lockIndex = lockIndex
    threadIndex = NumberIndex(definitions.threads.keys.map(\.rawValue))
    lockKinds = lockIndex.numbers.map {
      definitions.locks[LockID(rawValue: $0)]?.kind ?? .unknown
    }
    locks = Array(repeating: LockAccumulator(), count: lockIndex.numbers.count)
    queuePlaces = Array(repeating: -1, count: lockIndex.numbers.count)
    threads = Array(repeating: ThreadAccumulator(), count: threadIndex.numbers.count)
    conditionWakes = Array(repeating: LastConditionWake(), count: threadIndex.numbers.count)
    partLength = (end - start) / Int64(ThreadAccumulator.timelineParts) + 1
    tasks = TaskAnalysis(definitions, locks: lockIndex, threads: threadIndex)
    creators = Creators(definitions, ThreadsByTask(definitions))
    var joined: [Int: Int] = [:]
    for lock in definitions.locks.values where lock.thread != .unknown {
      joined[lockIndex.place(of: lock.id.rawValue)] = threadIndex.place(
        of: lock.thread.rawValue)
    }
    self.joined = joined
    let isPart = isPart
    let strips = ThreadTimeline.StripMaker(
      origin: start, partLength: (end - start) / Int64(StateStrip.parts) + 1)
    timelines = threadIndex.numbers.enumerated().map { place, number in
      let thread = definitions.threads[ThreadID(rawValue: number)]
      return ThreadTimeline(
        number: UInt32(place), isForeign: thread.map(definitions.isForeign) ?? true,
        start: thread?.start ?? .zero,
        end: isPart ? min(thread?.end ?? end, end) : thread?.end ?? end, strips: strips)
    }
    hasWakeups = definitions.recording.scheduling == .kernel
    collector = timeline.map { TimelineCollector($0, end: end, locks: lockKinds.count) }
    collector?.follow(&timelines)
  }

  /// Adds events, in the order of time over all calls.
  public mutating func add(_ events: Span<Event>) {
    guard var clipper else { return feed(events) }
    self.clipper = nil
    addPart(events, &clipper)
    self.clipper = clipper
  }

  /// Forgets what was before the part that is told.
  mutating func restart() {
    for index in locks.indices { locks[index].restart(at: start) }
    for index in queues.indices { queues[index].restart(at: start) }
    for index in timelines.indices { timelines[index].restart(at: start) }
    for index in contended.indices { contended[index] = ContendedLock() }
    for index in threads.indices { threads[index] = ThreadAccumulator() }
    candidates = Candidates()
    gils = GILAnalysis()
    unfinished = UnfinishedWaits()
    tasks.restart()
    eventCount = 0
  }

  /// Adds events that are all of the part that is told.
  mutating func feed(_ events: Span<Event>) {
    // Taken out, so that both can be changed in place through spans.
    var ownLocks: [LockAccumulator] = []
    var ownThreads: [ThreadAccumulator] = []
    var ownTimelines: [ThreadTimeline] = []
    swap(&ownLocks, &locks)
    swap(&ownThreads, &threads)
    swap(&ownTimelines, &timelines)
    var locks = ownLocks.mutableSpan
    var threads = ownThreads.mutableSpan
    var timelines = ownTimelines.mutableSpan
    for index in events.indices {
      let lock = lockIndex.place(of: events[index].lock.rawValue)
      switch events[index].kind {
      case .waitBegin:
        locks[lock].begin(events[index])
        begin(events[index], lock, &locks, &timelines)
        if lockKinds[lock] == .condition { beginConditionWait(events[index], lock, locks) }
      case .wait:
        eventCount += 1
        let waiter = locks[lock].end(events[index])
        let thread = threadIndex.place(of: events[index].thread.rawValue)
        threads[thread].add(
          events[index], kind: lockKinds[lock], origin: start, partLength: partLength)
        if lockKinds[lock].isQueue { queues[queue(lock)].wait(events[index]) }
        if lockKinds[lock] == .gil { gils.wait(events[index]) }
        tasks.threadWaited(events[index], thread: thread)
        end(events[index], lock, waiter, &locks, &timelines)
      case .release:
        eventCount += 1
        noteRelease(events[index])
        release(events[index], lock, &locks, &timelines)
      case .value:
        eventCount += 1
        queues[queue(lock)].set(events[index])
        if events[index].operation == .post { noteWake(events[index], lock, &locks, &timelines) }
      case .signal:
        eventCount += 1
        if events[index].operation == .broadcast { broadcast(events[index], lock, locks) }
        noteWake(events[index], lock, &locks, &timelines)
      case .enqueue:
        eventCount += 1
        queues[queue(lock)].enqueue(events[index])
        noteWake(events[index], lock, &locks, &timelines)
      case .dequeue:
        eventCount += 1
        queues[queue(lock)].dequeue(events[index])
        noteWake(events[index], lock, &locks, &timelines)
      case .slice:
        eventCount += 1
        if lockKinds[lock].isTask {
          tasks.step(
            events[index], lock: lock,
            thread: threadIndex.place(of: events[index].thread.rawValue))
        } else {
          queues[queue(lock)].work(events[index])
        }
      case .taskWait:
        eventCount += 1
        locks[lock].addTaskWait(events[index])
        let thread = threadIndex.place(of: events[index].thread.rawValue)
        if lockKinds[lock] == .call {
          // No task waits then: the thread itself does other things than running Python code.
          tasks.threadWaited(events[index], thread: thread)
        } else {
          tasks.wait(events[index], thread: thread, holds: &locks[lock].taskHolds)
        }
        if lockKinds[lock].isQueue { queues[queue(lock)].wait(events[index]) }
      case .taskRelease:
        eventCount += 1
        locks[lock].addTaskRelease(events[index])
        tasks.release(events[index], holds: &locks[lock].taskHolds)
      case .instant:
        eventCount += 1
        queues[queue(lock)].instant()
      case .counter:
        eventCount += 1
        queues[queue(lock)].set(events[index])
      case .switch:
        eventCount += 1
        change(events[index], &timelines)
      case .wakeup:
        eventCount += 1
        wake(events[index], &timelines)
      case .sample:
        eventCount += 1
        let thread = threadIndex.place(of: events[index].thread.rawValue)
        if thread != 0 {
          start(thread, at: events[index].time, &timelines)
          timelines[thread].sample(
            ran: events[index].duration, waited: events[index].value, at: events[index].time)
        }
      }
    }
    swap(&ownLocks, &self.locks)
    swap(&ownThreads, &self.threads)
    swap(&ownTimelines, &self.timelines)
  }

  /// The place of a lock's queue, made where there is none.
  private mutating func queue(_ lock: Int) -> Int {
    if queuePlaces[lock] < 0 {
      queuePlaces[lock] = Int32(clamping: queues.count)
      queues.append(
        QueueAccumulator(
          definitions.locks[LockID(rawValue: lockIndex.numbers[lock])], origin: start,
          partLength: (end - start) / Int64(DepthAccumulator.timelineParts) + 1,
          curve: queues.count < TimelineCollector.mostCurves
            ? collector.map { CurveParts($0.scale) } : nil))
    }
    return Int(queuePlaces[lock])
  }

  // MARK: The report

  /// The report of everything that was added; nothing is to be added after.
  public mutating func report() -> Report {
    if let clipper { finishPart(clipper) }
    clipper = nil
    for index in timelines.indices { timelines[index].finish() }
    let threads = threadSummaries()
    var locks = lockSummaries(running: threads.saturatingSum(\.runNs))
    let recording = recordingSummary()
    let gils = gilSummaries(of: locks)
    // Of this lock each hold is known, so that nothing is estimated from samples.
    for gil in gils where end > start {
      guard let place = locks.firstIndex(where: { $0.id == gil.id }) else { continue }
      locks[place].utilisation = min(max(Double(gil.heldNs) / Double(end - start), 0), 1)
      locks[place].heldNs = gil.heldNs
    }
    let tasks = taskSummaries()
    let queues = queueSummaries()
    return Report(
      recording: recording, processes: processSummaries(), threads: threads, locks: locks,
      chains: chainSummaries(of: locks), criticalPath: pathSummaries(), queues: queues,
      tasks: tasks, loops: loopSummaries(), gil: gils, slices: sliceSummaries(),
      counters: counterSummaries(),
      findings: findings(
        of: recording,
        Summaries(threads: threads, locks: locks, queues: queues, gils: gils, tasks: tasks)))
  }

  private func recordingSummary() -> RecordingSummary {
    let recording = definitions.recording
    var exitCode: Int32?
    var signal: Int32?
    switch recording.termination {
    case .exited(let status): exitCode = status
    case .signalled(let number): signal = number
    case nil: break
    }
    let acquisitions = definitions.usesByLock.values.saturatingSum(\.acquisitions)
    return RecordingSummary(
      program: recording.program, exitCode: exitCode, signal: signal,
      durationNs: end - start, fromNs: isPart ? start.nanoseconds : nil,
      toNs: isPart ? end.nanoseconds : nil, cpus: recording.cpus, events: eventCount,
      lostEvents: lostEvents, unrecordedThreads: recording.unrecordedThreads,
      uncountedCalls: recording.uncountedCalls,
      scheduling: recording.scheduling.name, schedulingReason: recording.schedulingReason,
      complete: isComplete, startedAtNs: recording.startTime == 0 ? nil : recording.startTime,
      host: recording.host.isEmpty ? nil : recording.host,
      recorder: recording.recorder.isEmpty ? nil : recording.recorder,
      overheadNs: OverheadEstimate.nanoseconds(acquisitions: acquisitions, events: eventCount),
      notes: recording.notes + (isPart ? [TraceAnalyzer.partNote] : []))
  }

  private static let partNote =
    "of a part of a recording only what had to wait is known: what was only counted is left out, and "
    + "acquisitions and the time that locks were busy are the least that they can be"

  /// What is known of a lock by its number.
  func accumulator(ofLock number: UInt32) -> LockAccumulator {
    locks[lockIndex.place(of: number)]
  }

  /// The lifetimes of all threads, nanoseconds.
  var threadTimes: [Int64] { ownThreads.map { life($0).to - life($0).from } }

  /// From when to when a thread is told.
  private func life(_ thread: Thread) -> (from: Timestamp, to: Timestamp) {
    guard isPart else { return (thread.start, max(thread.end ?? end, thread.start)) }
    let from = max(thread.start, start)
    return (from, max(min(thread.end ?? end, end), from))
  }

  /// The lifetimes of all threads together, nanoseconds.
  var threadTime: Int64 { threadTimes.saturatingSum(\.self) }

  /// The program's own threads in the order they began.
  var ownThreads: [Thread] {
    definitions.threads.values.filter {
      !definitions.isForeign($0) && (!isPart || life($0).to > life($0).from)
    }.sorted { $0.id < $1.id }
  }

  private func processSummaries() -> [ProcessSummary] {
    definitions.processes.values.filter { $0.runtime != .foreign }.sorted { $0.id < $1.id }.map {
      ProcessSummary(
        pid: $0.pid, parent: $0.parentPID, name: $0.displayName, startNs: $0.start.nanoseconds,
        endNs: $0.end?.nanoseconds, recorded: $0.runtime == .loaded || $0.runtime == .outside)
    }
  }

  private func threadSummaries() -> [ThreadSummary] {
    ownThreads.map { thread in
      let place = threadIndex.place(of: thread.id.rawValue)
      let found = threads[place]
      let timeline = timelines[place]
      let (start, end) = life(thread)
      let lifetime = end - start
      func unrecorded(_ use: LockUse?) -> Int64 {
        guard let use else { return 0 }
        return Int64(clamping: use.shortWaitTime.saturatingAdd(use.lostWaitTime))
      }
      // Signal handlers can wait while their thread waits: no time is counted twice.
      func part(_ time: Int64, of rest: Int64) -> Int64 { min(max(time, 0), rest) }
      let lockWait = part(
        found.lockWait.saturatingAdd(unrecorded(definitions.lockUsesByThread[thread.id])),
        of: lifetime)
      let queueWait = part(
        found.queueWait.saturatingAdd(unrecorded(definitions.otherUsesByThread[thread.id])),
        of: lifetime - lockWait)
      let rest = lifetime - lockWait - queueWait
      let run = part(thread.cpuTime ?? 0, of: rest)
      let runnable = part(thread.runnableTime ?? 0, of: rest - run)
      var summary = ThreadSummary(
        pid: definitions.processes[thread.process]?.pid ?? 0, tid: thread.tid, name: thread.name,
        startNs: start.nanoseconds, endNs: end.nanoseconds, runNs: run,
        runnableNs: runnable, lockWaitNs: lockWait, queueWaitNs: queueWait,
        idleNs: rest - run - runnable, wakers: [], waitedMostFor: blockSummary(found),
        longestWait: longestWait(found), waits: waitSummaries(found),
        lockWaitTimeline: found.timeline, states: timeline.strip.text,
        daemon: thread.isDaemon ? true : nil)
      if timeline.hasSwitches {
        summary.tell(timeline, wakers: wakerSummaries(timeline))
      } else if isPart, timeline.hasSamples {
        // The kernel's own counts, which are better, are of the whole.
        summary.tell(timeline.times)
      }
      return summary
    }
  }

  private func lockSummaries(running: Int64) -> [LockSummary] {
    var summaries: [LockSummary] = []
    let pairs = waitPairs(threads)
    for (place, number) in lockIndex.numbers.enumerated() where number != 0 {
      let id = LockID(rawValue: number)
      guard let lock = definitions.locks[id] else { continue }
      let found = locks[place]
      let use = definitions.usesByLock[id] ?? LockUse(thread: .unknown, lock: id)
      // What queues say is told with them, and so are labels, which nobody waits for.
      if lock.kind == .label || lock.kind.isTask { continue }
      let acquisitions = isPart ? found.waits.count : use.acquisitions
      // A lock that was only initialised says nothing.
      guard use.acquisitions > 0 || use.releases > 0 || found.waits.count > 0 else { continue }
      var waits = found.waits
      // Of waits that were only counted, the longest is known over both sorts together.
      let longest = Int64(clamping: use.longestUnrecordedWait)
      waits.add(
        count: use.shortWaits, total: Int64(clamping: use.shortWaitTime), greatest: longest)
      waits.add(
        count: use.lostWaits, total: Int64(clamping: use.lostWaitTime), greatest: longest)
      summaries.append(
        LockSummary(
          id: number, pid: definitions.processes[lock.process]?.pid ?? 0, kind: lock.kind.name,
          name: names[id], identity: names.identity(of: id), acquisitions: acquisitions,
          contended: waits.count, utilisation: utilisation(lock, found, use),
          heldNs: heldTime(lock, found, use).map { Int64(min($0, 9e18)) }, waitNs: waits.summary,
          holdNs: found.holds.summary, waitSizes: waits.buckets, holdSizes: found.holds.buckets,
          waitSplitNs: splitSummary(found), heldUpBy: blockerSummaries(found),
          ifFreeNs: estimate(place, running: running),
          threads: threadSummaries(pairs[id] ?? []), pairs: pairSummaries(pairs[id] ?? []),
          waiters: byPlace(found.waitersByStack).map {
            WaiterSummary(count: $0.count, waitNs: $0.time, stack: $0.stack)
          },
          holders: byPlace(holders(found)).map {
            HolderSummary(count: $0.count, blamedNs: $0.time, stack: $0.stack)
          }))
    }
    return summaries.sorted {
      ($1.waitNs.total, $1.contended, $1.acquisitions, $0.id)
        < ($0.waitNs.total, $0.contended, $0.acquisitions, $1.id)
    }
  }

  /// Who released a lock that others waited for: threads, or tasks.
  private func holders(_ found: LockAccumulator) -> StackTotals {
    var holders = found.holdersByStack
    if found.taskHolds >= 0 { holders.add(tasks.holds[Int(found.taskHolds)].byStack) }
    return holders
  }

  /// The part of the wall time that a lock was held.
  private func utilisation(_ lock: Lock, _ found: LockAccumulator, _ use: LockUse) -> Double? {
    guard end > start, let held = heldTime(lock, found, use) else { return nil }
    return min(max(held / Double(end - start), 0), 1)
  }

  /// Nanoseconds that a lock was held, by all who had it: contended holds are measured one by one, of
  /// the others a sample is.
  private func heldTime(_ lock: Lock, _ found: LockAccumulator, _ use: LockUse) -> Double? {
    guard lock.kind.isHeld else { return nil }
    var held = Double(found.measuredHolds.time)
    if use.sampledHolds > 0 {
      let others = use.acquisitions - min(use.acquisitions, found.measuredHolds.count)
      held += Double(use.sampledHoldTime) / Double(use.sampledHolds) * Double(others)
    }
    return max(held, 0)
  }

  /// Sums by what a stack is called: a compiler that unrolls a loop makes several addresses of one
  /// line, which are one place to whoever reads of them.
  func byPlace(
    _ totals: StackTotals
  ) -> [(stack: [FrameSummary], count: UInt64, time: Int64)] {
    var places: [[FrameSummary]: Int] = [:]
    var sums: [(stack: [FrameSummary], count: UInt64, time: Int64)] = []
    for total in totals.sorted {
      let stack = frames(total.stack)
      let key = stack.map { frame in
        var frame = frame
        if !frame.function.isEmpty { frame.offset = 0 }
        return frame
      }
      if let place = places[key] {
        sums[place].count = sums[place].count.saturatingAdd(total.count)
        sums[place].time = sums[place].time.saturatingAdd(total.time)
      } else {
        places[key] = sums.count
        sums.append((stack, total.count, total.time))
      }
    }
    return sums.sorted { ($1.time, $1.count) < ($0.time, $0.count) }
  }

  func frames(_ stack: StackID) -> [FrameSummary] {
    definitions.frames(of: stack).map {
      FrameSummary(
        function: $0.function, file: $0.file, line: $0.line, module: $0.module, offset: $0.offset)
    }
  }
}

extension Process {
  /// The program's name, from its command line where the kernel's is cut off.
  fileprivate var displayName: String {
    guard let program = arguments.first?.split(separator: "/").last,
      program.hasPrefix(name), name.utf8.count >= 15
    else { return name }
    return String(program)
  }
}
