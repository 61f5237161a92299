internal import TraceModel

/// The join of what the kernel says of threads with what the program says of locks.
extension TraceAnalyzer {
  // MARK: The program

  /// A wait begins.
  mutating func begin(
    _ event: Event, _ lock: Int, _ locks: inout MutableSpan<LockAccumulator>,
    _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    let thread = threadIndex.place(of: event.thread.rawValue)
    if locks[lock].contended < 0 {
      locks[lock].contended = contended.count
      contended.append(ContendedLock())
    }
    start(thread, at: event.time, &timelines)
    timelines[thread].begin(
      ThreadTimeline.Wait(
        lock: UInt32(truncatingIfNeeded: lock), kind: lockKinds[lock], start: event.time,
        contended: locks[lock].contended))
    noteWaiters(lock, locks[lock].waiterCount, at: event.time)
  }

  /// A wait ends.
  mutating func end(
    _ event: Event, _ lock: Int, _ waiter: LockAccumulator.Waiter?,
    _ locks: inout MutableSpan<LockAccumulator>, _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    let thread = threadIndex.place(of: event.thread.rawValue)
    if !timelines[thread].hasSwitches {
      followWake(thread, lock, locks[lock].contended, &timelines, at: event.time)
    }
    timelines[thread].endWait(for: UInt32(truncatingIfNeeded: lock), at: event.time)
    noteWaiters(lock, locks[lock].waiterCount, at: event.time)
    if event.outcome == .unfinished, !isCutting {
      unfinished.note(event, kind: lockKinds[lock], isReleased: waiter?.hasSeenRelease ?? false)
    }
    guard lockKinds[lock].isContended else {
      if lockKinds[lock] == .condition { endConditionWait(event, lock, thread, locks) }
      return
    }
    if let waiter {
      let place = locks[lock].contended
      if place >= 0, event.outcome == .acquired {
        contended[place].handovers.note(event, waiter, othersWait: locks[lock].isWaitedFor)
      }
      if place >= 0, waiter.isWriter { contended[place].writers.note(event, waiter) }
      split(event, lock, waiter, thread, &locks, &timelines)
      let owner = threadIndex.place(of: event.owner.rawValue)
      if owner != 0, waiter.unchargedFrom <= event.start {
        timelines[thread].blame(UInt32(owner), from: event.start, to: event.time)
      }
    }
    if let freed = candidates.note(lock, waited: locks[lock].waits.total) {
      for index in timelines.indices { timelines[index].path.savings[freed] = 0 }
      for index in contended.indices { contended[index].wake?.path.savings[freed] = 0 }
    }
    if let candidate = candidates.index(of: lock) {
      timelines[thread].path.savings[candidate] &+= event.duration
    }
  }

  /// Adds up why a wait for a lock took as long as it did.
  private mutating func split(
    _ event: Event, _ lock: Int, _ waiter: LockAccumulator.Waiter, _ thread: Int,
    _ locks: inout MutableSpan<LockAccumulator>, _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    let place = locks[lock].contended
    guard place >= 0, timelines[thread].isTold || event.time <= waiter.unchargedFrom else { return }
    var waiter = waiter
    var split = waiter.split
    var from = waiter.unchargedFrom
    // No release was seen: the lock is shared with a process that is not recorded as this one's, or its
    // holder ended. Whoever had it when the wait began had it until the waiter was woken.
    let owner = threadIndex.place(of: event.owner.rawValue)
    if owner != 0, !waiter.hasSeenRelease,
      let woken = wokenTime(
        event, timelines[thread].times(from: event.start, to: event.time),
        lastWoken: timelines[thread].hasSwitches ? timelines[thread].lastWoken : nil),
      let times = timelines[owner].times(from: from, to: woken)
    {
      split.add(holder: times, of: woken - from)
      waiter.note(noteBlockers(of: owner, from: from, to: woken, place, timelines))
      contended[place].holders.add(UInt32(owner), woken - from)
      from = woken
    }
    guard
      let own = timelines[thread].times(from: from, to: event.time)
        ?? (event.time <= from ? StateTimes() : nil)
    else { return }
    split.add(waiter: own, of: max(0, event.time - from))
    if waiter.blocker.lock != 0 {
      contended[place].blockers.add(wait: event.duration, for: waiter.blocker.lock)
    }
    contended[place].split.add(split)
    contended[place].splitWaits += 1
  }

  /// When a waiter was woken; of one that is only sampled, as near as its time without a CPU tells.
  private func wokenTime(
    _ event: Event, _ times: StateTimes?, lastWoken: Timestamp?
  ) -> Timestamp? {
    guard let times else { return nil }
    if event.outcome == .unfinished { return event.time }
    guard let lastWoken else { return event.time - times[.runnable] }
    return lastWoken >= event.start ? min(lastWoken, event.time) : event.time
  }

  /// A lock is released.
  mutating func release(
    _ event: Event, _ lock: Int, _ locks: inout MutableSpan<LockAccumulator>,
    _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    // A wake at a futex of which it is not known what it is: most are locks.
    guard lockKinds[lock].isContended || lockKinds[lock] == .futex else {
      return noteWake(event, lock, &locks, &timelines)
    }
    let holder = threadIndex.place(of: event.thread.rawValue)
    let place = locks[lock].contended
    if place >= 0, definitions.recording.scheduling != .off {
      for waiter in 0..<locks[lock].waiterCount {
        guard let from = locks[lock].chargedFrom(waiter, by: event) else { continue }
        contended[place].holders.add(UInt32(holder), event.time - from)
        let times = timelines[holder].times(from: from, to: event.time) ?? StateTimes()
        locks[lock].add(holder: times, of: event.time - from, to: waiter)
        if times.blocked > 0 {
          locks[lock].add(
            blocker: noteBlockers(of: holder, from: from, to: event.time, place, timelines),
            to: waiter)
        }
      }
    }
    if collector != nil { noteHolder(event, lock, locks, &timelines) }
    if lockKinds[lock] == .gil {
      gils.release(event, waited: locks[lock].longestWaited(by: event))
    }
    locks[lock].release(event)
    if place >= 0 { noteWake(event, lock, &locks, &timelines) }
  }

  /// Notes what a holder waited for itself while another waited for it; returns what longest.
  private mutating func noteBlockers(
    of holder: Int, from start: Timestamp, to end: Timestamp, _ place: Int,
    _ timelines: borrowing MutableSpan<ThreadTimeline>
  ) -> (lock: UInt32, time: Int64) {
    var longest: (lock: UInt32, time: Int64) = (0, 0)
    timelines[holder].forEachLock(from: start, to: end) { lock, time in
      contended[place].blockers.add(lock, time)
      if time > longest.time { longest = (lock, time) }
    }
    return longest
  }

  /// Notes that a thread may have woken one that waits.
  mutating func noteWake(
    _ event: Event, _ lock: Int, _ locks: inout MutableSpan<LockAccumulator>,
    _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    let place = locks[lock].contended
    guard !hasWakeups, place >= 0, locks[lock].isWaitedFor else { return }
    let thread = threadIndex.place(of: event.thread.rawValue)
    start(thread, at: event.time, &timelines)
    timelines[thread].settle(to: event.time)
    contended[place].wake = ContendedLock.Wake(
      thread: thread, time: event.time, path: timelines[thread].path)
  }

  /// Lets a thread that has been woken take over the path of who released what it waits for.
  private mutating func followWake(
    _ thread: Int, _ lock: Int, _ place: Int, _ timelines: inout MutableSpan<ThreadTimeline>,
    at time: Timestamp
  ) {
    guard place >= 0 else { return }
    if let wake = wakeup(lock, place, &timelines, upTo: time),
      wake.time >= timelines[thread].path.until
    {
      timelines[thread].path.follow(wake.path, candidate: candidates.index(of: lock))
    } else {
      stayBlocked(thread, to: time, &timelines)
    }
  }

  /// What woke a thread that waits for a lock, or for the end of another thread.
  private func wakeup(
    _ lock: Int, _ place: Int, _ timelines: inout MutableSpan<ThreadTimeline>,
    upTo time: Timestamp
  ) -> ContendedLock.Wake? {
    guard let other = joined[lock] else { return contended[place].wake }
    guard other != 0 else { return nil }
    timelines[other].settle(to: time)
    return ContendedLock.Wake(
      thread: other, time: timelines[other].path.until, path: timelines[other].path)
  }

  /// The path leads through a wait that nothing is known to have ended.
  private mutating func stayBlocked(
    _ thread: Int, to time: Timestamp, _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    timelines[thread].advancePath(to: time, isBlocked: true)
  }

  /// Gives a thread that is heard of for the first time the path of its creator.
  func start(
    _ thread: Int, at time: Timestamp, _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    guard !timelines[thread].hasPath else { return }
    timelines[thread].hasPath = true
    let creator = threadIndex.place(of: creators.creator(of: threadIndex.numbers[thread]).rawValue)
    guard creator != 0, creator != thread else { return }
    // The path of a thread that was not heard of leads to its start.
    let born = timelines[thread].path.until
    // A thread is woken before it says that it has begun: what its creator does until then is not known.
    timelines[creator].settle(to: min(born, time))
    var path = timelines[creator].path(to: born, isBlocked: timelines[creator].isBlocked)
    path.until = max(path.until, born)
    timelines[thread].path = path
  }

  // MARK: The kernel

  /// A CPU goes from one thread to another.
  mutating func change(_ event: Event, _ timelines: inout MutableSpan<ThreadTimeline>) {
    let before = threadIndex.place(of: event.thread.rawValue)
    let next = threadIndex.place(of: event.owner.rawValue)
    if before != 0 {
      start(before, at: event.time, &timelines)
      timelines[before].switchOut(event.operation, at: event.time)
    }
    guard next != 0 else { return }
    start(next, at: event.time, &timelines)
    come(next, onto: event.value, at: event.time, &timelines)
  }

  /// A thread comes onto a CPU.
  private mutating func come(
    _ thread: Int, onto cpu: Int64?, at time: Timestamp,
    _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    if timelines[thread].isBlocked {
      // Nothing told of the wakeup: the release of what it waited for does, or nobody does.
      wakeBlocked(thread, at: time, &timelines)
    }
    timelines[thread].switchIn(cpu: cpu, at: time)
  }

  /// A thread comes onto a CPU, and nothing has said that it could.
  private mutating func wakeBlocked(
    _ thread: Int, at time: Timestamp, _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    let slept = timelines[thread].path.until
    if let wait = timelines[thread].wait, !hasWakeups,
      let wake = wakeup(Int(wait.lock), wait.contended, &timelines, upTo: time),
      wake.time >= slept,
      wake.time <= time
    {
      if timelines[thread].wake(at: wake.time) {
        timelines[thread].count(waker: ThreadID(rawValue: threadIndex.numbers[wake.thread]))
      }
      timelines[thread].path.follow(wake.path, candidate: candidates.index(of: Int(wait.lock)))
    } else {
      stayBlocked(thread, to: time, &timelines)
    }
  }

  /// A thread is woken.
  mutating func wake(_ event: Event, _ timelines: inout MutableSpan<ThreadTimeline>) {
    let thread = threadIndex.place(of: event.thread.rawValue)
    guard thread != 0 else { return }
    start(thread, at: event.time, &timelines)
    let wait = timelines[thread].wait
    guard timelines[thread].wake(at: event.time) else { return }
    timelines[thread].count(waker: event.owner)
    let waker = threadIndex.place(of: event.owner.rawValue)
    if waker != 0, waker != thread, !timelines[waker].isForeign {
      timelines[waker].act(at: event.time)
      if !timelines[waker].isRunning {
        // It came onto its CPU, and that record was lost: a thread that wakes another runs.
        come(waker, onto: nil, at: event.time, &timelines)
      }
      timelines[waker].settle(to: event.time)
      timelines[thread].path.follow(
        timelines[waker].path,
        candidate: wait.flatMap { candidates.index(of: Int($0.lock)) })
    } else {
      stayBlocked(thread, to: event.time, &timelines)
    }
  }
}
