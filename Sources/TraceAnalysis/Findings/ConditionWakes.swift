internal import TraceModel

/// What became of threads that waited for one condition.
struct ConditionWakes {
  /// Broadcasts that came while threads waited.
  private(set) var broadcasts: UInt64 = 0
  /// Threads that these woke.
  private(set) var woken: UInt64 = 0
  /// Of these, those that went back to wait without letting go of the mutex first: there was nothing for
  /// them to do.
  private(set) var inVain: UInt64 = 0
  /// From the broadcasts to when those waited again, nanoseconds.
  private(set) var timeInVain: Int64 = 0
  /// Waits that timed out after they had missed a wake.
  private(set) var missed: UInt64 = 0
  /// Nanoseconds of these.
  private(set) var missedTime: Int64 = 0
  /// Where the longest of them was.
  private(set) var longestMissed: (time: Int64, thread: ThreadID, stack: StackID) =
    (-1, .unknown, .unknown)
  private var lastBroadcast = Timestamp(nanoseconds: .min)

  mutating func broadcast(at time: Timestamp) {
    broadcasts += 1
    lastBroadcast = time
  }

  /// A wait has ended; returns the broadcast that did it, if one did.
  mutating func end(_ event: Event) -> Timestamp? {
    if event.outcome == .missed {
      missed += 1
      missedTime = missedTime.addingReportingOverflow(event.duration).partialValue
      if event.duration > longestMissed.time {
        longestMissed = (event.duration, event.thread, event.stack)
      }
    }
    guard event.outcome == .acquired, event.start < lastBroadcast, lastBroadcast <= event.time
    else { return nil }
    woken += 1
    return lastBroadcast
  }

  mutating func wakeInVain(for time: Int64) {
    inVain += 1
    timeInVain = timeInVain.addingReportingOverflow(max(time, 0)).partialValue
  }
}

/// A thread that was woken by a broadcast and may find that it was not meant.
struct LastConditionWake {
  /// The condition's place; −1 where nothing is to be found out.
  var condition: Int32 = -1
  var mutex = LockID.unknown
  var broadcast = Timestamp.zero
  /// When it had the mutex again.
  var woken = Timestamp.zero
  /// When it let go of the mutex that it was woken with.
  var released: Timestamp?
}

extension TraceAnalyzer {
  /// Two things that follow each other in the runtime are no more than this apart, unless the thread loses
  /// its CPU between them.
  private static let next: Int64 = 20_000

  mutating func broadcast(
    _ event: Event, _ lock: Int, _ locks: borrowing MutableSpan<LockAccumulator>
  ) {
    guard locks[lock].isWaitedFor, locks[lock].contended >= 0 else { return }
    contended[locks[lock].contended].wakes.broadcast(at: event.time)
  }

  mutating func endConditionWait(
    _ event: Event, _ lock: Int, _ thread: Int, _ locks: borrowing MutableSpan<LockAccumulator>
  ) {
    conditionWakes[thread].condition = -1
    let place = locks[lock].contended
    guard place >= 0, let broadcast = contended[place].wakes.end(event) else { return }
    conditionWakes[thread] = LastConditionWake(
      condition: Int32(clamping: lock), mutex: event.partner, broadcast: broadcast,
      woken: event.time)
  }

  /// A thread releases a lock. libc marks the mutex that a wait for a condition has taken back as one that is
  /// waited for, so that its next release is always told.
  @inline(__always)
  mutating func noteRelease(_ event: Event) {
    let thread = threadIndex.place(of: event.thread.rawValue)
    let wake = conditionWakes[thread]
    guard wake.condition >= 0, wake.mutex == event.lock else { return }
    // A wait for a condition lets go of it, and it was not let go of since the thread was woken.
    if wake.released == nil, event.operation == .wait, event.isDurationKnown,
      event.start >= wake.woken, event.start - wake.woken <= TraceAnalyzer.next
    {
      conditionWakes[thread].released = event.time
    } else {
      conditionWakes[thread].condition = -1
    }
  }

  mutating func beginConditionWait(
    _ event: Event, _ lock: Int, _ locks: borrowing MutableSpan<LockAccumulator>
  ) {
    let thread = threadIndex.place(of: event.thread.rawValue)
    let wake = conditionWakes[thread]
    guard wake.condition == Int32(clamping: lock), let released = wake.released else { return }
    conditionWakes[thread].condition = -1
    // It has not let go of the mutex but for this wait.
    if event.time >= released, event.time - released <= TraceAnalyzer.next {
      contended[locks[lock].contended].wakes.wakeInVain(for: event.time - wake.broadcast)
    }
  }

  // MARK: Findings

  /// That a condition has a thundering herd: each broadcast woke three threads or more, and at least half of
  /// all that were woken, and 100, found nothing to do and waited again. It is a warning where that happened
  /// a thousand times a second, each time two switches that nobody needed.
  func herdFinding() -> Finding? {
    let found = conditions { $0.inVain >= 100 }.compactMap { condition, wakes -> Finding? in
      guard wakes.inVain >= wakes.woken / 2, wakes.woken / 3 >= wakes.broadcasts else { return nil }
      let perSecond = Double(wakes.inVain) / max(Double(end - start) / 1e9, 1e-9)
      return Finding(
        kind: "thundering-herd", severity: perSecond >= 1000 ? "warning" : "info",
        text: "\(names[condition]) has a thundering herd: \(wakes.broadcasts) broadcasts woke "
          + "\(wakes.woken) threads, of which \(wakes.inVain) found nothing to do and waited again: "
          + "signal once for each thing that there is to do",
        evidence: [
          "lock": Int64(condition.rawValue), "costNs": wakes.timeInVain,
          "broadcasts": Int64(clamping: wakes.broadcasts), "woken": Int64(clamping: wakes.woken),
          "wokenInVain": Int64(clamping: wakes.inVain),
        ])
    }
    return Finding.worst(of: found, things: "conditions")
  }

  /// That wakeups were lost: a condition was signalled while nobody waited for it yet, but a thread had
  /// the mutex to look whether it should, began to wait, and did so until its time was over. Who signals
  /// with the mutex locked can't come in between. It is a warning where that cost 1 % of the run or more: a
  /// program may well count on short timeouts.
  func lostWakeupFinding() -> Finding? {
    let found = conditions { $0.missed > 0 }.map { condition, wakes -> Finding in
      let longest = wakes.longestMissed
      return Finding(
        kind: "lost-wakeup",
        severity: wakes.missedTime >= (end - start) / 100 ? "warning" : "info",
        text: "\(wakes.missed == 1 ? "a wakeup" : "\(wakes.missed) wakeups") of "
          + "\(names[condition]) came just before the thread began to wait, which then lost "
          + "\(seconds(wakes.missedTime)) until its time was over: signal with the mutex locked",
        evidence: [
          "lock": Int64(condition.rawValue), "costNs": wakes.missedTime,
          "waitNs": wakes.missedTime, "waits": Int64(clamping: wakes.missed),
          "longestNs": longest.time,
        ],
        places: [place(of: longest.thread, "missed a wakeup", longest.stack)])
    }
    return Finding.worst(of: found, things: "conditions")
  }

  private func conditions(
    _ isWanted: (ConditionWakes) -> Bool
  ) -> [(condition: LockID, wakes: ConditionWakes)] {
    lockIndex.numbers.compactMap { number in
      let place = accumulator(ofLock: number).contended
      guard place >= 0, isWanted(contended[place].wakes) else { return nil }
      return (LockID(rawValue: number), contended[place].wakes)
    }
  }

  /// What a thread has to do with a finding.
  func place(of thread: ThreadID, _ what: String, _ stack: StackID) -> FindingPlace {
    let known = definitions.threads[thread]
    return FindingPlace(
      pid: known.flatMap { definitions.processes[$0.process]?.pid } ?? 0, tid: known?.tid ?? 0,
      thread: name(of: known), what: what, stack: frames(stack))
  }
}
