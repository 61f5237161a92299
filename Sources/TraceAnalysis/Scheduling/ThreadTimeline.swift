internal import TraceModel

/// What a thread does, moment by moment: the kernel's word on whether it runs, joined with the
/// program's on what it waits for.
struct ThreadTimeline {
  /// What the kernel says of it.
  enum State {
    /// Nothing yet, or not with this source.
    case unknown
    case running
    /// Without a CPU since it was preempted, or woken.
    case runnable
    /// Off the CPU, in a wait that no signal ends if so marked.
    case blocked(isUninterruptible: Bool)
    case ended
  }

  /// Something it waits for.
  struct Wait {
    var lock: UInt32
    var kind: LockKind
    var start: Timestamp
    /// Where what is known of the lock is.
    var contended: Int
  }

  /// How long it took from being woken to being on a CPU.
  private(set) var runQueue = Distribution()
  private(set) var switches: (voluntary: UInt64, preempted: UInt64) = (0, 0)
  private(set) var migrations: UInt64 = 0
  /// Who woke it, how often; unknown is interrupts.
  private(set) var wakers: [(thread: ThreadID, count: UInt64)] = []
  /// The sum of what it did.
  private(set) var times = StateTimes()
  private(set) var state = State.unknown
  private(set) var hasSwitches = false
  private(set) var hasSamples = false
  var path = PathState()
  /// Whether the path leads back to the thread that created this one, or there is none.
  var hasPath = false

  /// Its place among the threads.
  let number: UInt32
  /// Whether it is none of the program's, so that only a part of its switches is known.
  let isForeign: Bool
  private var start: Timestamp
  private let end: Timestamp
  /// Up to where its life is told.
  private(set) var now: Timestamp
  private var waits: [Wait] = []
  private var history: ThreadHistory
  private var wakerPlaces = Places<ThreadID>()
  private var wokenAt: Timestamp?
  /// When it was last woken from a sleep.
  private(set) var lastWoken = Timestamp(nanoseconds: .min)
  private var cpu: Int64 = -1
  /// Since the last sample.
  private var sinceSample = StateTimes()
  private var lastSample: Timestamp
  private(set) var strip: StateStrip
  private let makeStrip: StripMaker
  /// What it did in equal parts of the run, where that is wanted.
  private(set) var parts: StateParts?

  /// Where strips begin, and nanoseconds of each of their parts.
  struct StripMaker {
    var origin: Timestamp
    var partLength: Int64

    func strip(from start: Timestamp) -> StateStrip {
      StateStrip(start: start, origin: origin, partLength: partLength)
    }
  }

  /// A thread that lives from one moment to another.
  init(
    number: UInt32, isForeign: Bool, start: Timestamp, end: Timestamp, strips: StripMaker
  ) {
    self.number = number
    self.isForeign = isForeign
    self.start = start
    self.end = max(start, end)
    now = start
    lastSample = start
    makeStrip = strips
    strip = strips.strip(from: start)
    history = ThreadHistory(start: start)
    path.until = start
  }

  /// Forgets what was, up to a moment, but not what the thread does then.
  mutating func restart(at time: Timestamp) {
    settle(to: time)
    (runQueue, switches, migrations) = (Distribution(), (0, 0), 0)
    (wakers, wakerPlaces) = ([], Places())
    (times, sinceSample) = (StateTimes(), StateTimes())
    if start < time {
      // A thread that was not heard of yet is told from here on, too.
      hasPath = true
      start = time
    }
    now = max(now, start)
    lastSample = max(lastSample, start)
    history = ThreadHistory(start: start)
    strip = makeStrip.strip(from: start)
    path = PathState()
    path.until = start
  }

  /// What the first word of the kernel, which comes only after the end, says of all before.
  mutating func tellLate(isRunning: Bool) {
    guard !hasSwitches, !hasSamples else { return }
    beSwitched(isRunning ? .running : .blocked(isUninterruptible: false), at: end)
  }

  // Asked for at each event: inlined, because a call of a getter copies all of the timeline for it.

  /// What it waits for.
  @inline(__always)
  var wait: Wait? { waits.last }

  /// Whether it is known when it ran, and how exactly at all.
  @inline(__always)
  var isTold: Bool { hasSwitches || hasSamples }

  /// Whether it is on a CPU, as far as is known.
  @inline(__always)
  var isRunning: Bool { if case .running = state { true } else { false } }

  /// Whether it is off the CPU, as far as is known, and not for the lack of one.
  @inline(__always)
  var isBlocked: Bool {
    switch state {
    case .blocked: true
    case .unknown: !waits.isEmpty
    case .running, .runnable, .ended: false
    }
  }

  // MARK: Time

  /// What the thread does at the moment.
  @inline(__always)
  private var activity: ThreadActivity {
    switch state {
    case .running: return .running
    case .runnable: return .runnable
    case .ended: return .sleeping
    case .unknown:
      guard let wait = waits.last else { return .untold }
      return activity(of: wait) ?? .sleeping
    case .blocked(let isUninterruptible):
      guard let wait = waits.last else { return isUninterruptible ? .disk : .sleeping }
      return activity(of: wait) ?? .sleeping
    }
  }

  @inline(__always)
  private func activity(of wait: Wait) -> ThreadActivity? {
    if wait.kind.isContended { return .lockWait }
    return wait.kind.isIdle ? nil : .queueWait
  }

  /// Tells its life up to a moment.
  mutating func settle(to time: Timestamp) {
    let time = min(time, end)
    guard time > now else { return }
    let span = time - now
    let activity = activity
    if hasSamples || !hasSwitches {
      // Samples say later how much of it was spent on a CPU.
      sinceSample[activity] &+= span
      if !hasSamples { times[activity] &+= span }
    } else {
      history.append(times, activity, span, at: time, waitingFor: waits.last?.lock ?? 0)
      times[activity] &+= span
    }
    if !hasSamples { strip.add(activity, from: now, to: time) }
    if !isBlocked {
      path.advance(to: time, thread: number, activity, lock: 0)
    }
    parts?.add(activity, lock: waits.last?.lock ?? 0, from: now, to: time)
    now = time
  }

  /// What it did between two moments, the second of which is not before the last one told.
  @inline(__always)
  func times(from start: Timestamp, to end: Timestamp) -> StateTimes? {
    guard isTold, end > start else { return nil }
    return sum(at: end) - sum(at: start)
  }

  @inline(__always)
  private func sum(at time: Timestamp) -> StateTimes {
    let time = min(time, self.end)
    if hasSamples { return history.extrapolatedSum(at: time) ?? StateTimes() }
    guard time > now else { return history.sum(at: time) ?? StateTimes() }
    var sum = times
    sum[activity] &+= time - now
    return sum
  }

  /// Calls `body` with each lock that it waited for between two moments, and for how long.
  @inline(__always)
  func forEachLock(from start: Timestamp, to end: Timestamp, _ body: (UInt32, Int64) -> Void) {
    history.forEachLock(from: start, to: end, body)
    if let wait = waits.last, isBlocked, end > max(start, now) {
      body(wait.lock, end - max(start, now))
    }
  }

  /// Lets it collect what it does in each part of a span of time.
  mutating func follow(_ scale: TimeParts) { parts = StateParts(scale, from: start, to: end) }

  /// Another held what it waited for.
  @inline(__always)
  mutating func blame(_ holder: UInt32, from: Timestamp, to: Timestamp) {
    parts?.blame(holder, from: from, to: to)
  }

  /// How long it lives.
  var lifetime: Int64 { end - start }

  /// The path up to a moment that it has come to without being woken by another.
  ///
  /// - Parameter isBlocked: Whether it leads through what the thread waits for.
  func path(to time: Timestamp, isBlocked: Bool) -> PathState {
    var path = path
    let (activity, lock) = pathStep(isBlocked: isBlocked)
    path.advance(to: min(time, end), thread: number, activity, lock: lock)
    return path
  }

  /// Lets the path lead to such a moment.
  mutating func advancePath(to time: Timestamp, isBlocked: Bool) {
    let (activity, lock) = pathStep(isBlocked: isBlocked)
    path.advance(to: min(time, end), thread: number, activity, lock: lock)
  }

  @inline(__always)
  private func pathStep(isBlocked: Bool) -> (activity: ThreadActivity, lock: UInt32) {
    guard isBlocked else { return (activity, 0) }
    guard let wait else { return (.sleeping, 0) }
    if wait.kind == .poll { return (.sleeping, wait.lock) }
    return (wait.kind.isContended ? .lockWait : .queueWait, wait.lock)
  }

  // MARK: What the program says

  mutating func begin(_ wait: Wait) {
    settle(to: wait.start)
    waits.append(wait)
  }

  mutating func endWait(for lock: UInt32, at time: Timestamp) {
    settle(to: time)
    if let place = waits.lastIndex(where: { $0.lock == lock }) { waits.remove(at: place) }
  }

  // MARK: What the kernel says

  /// The thread has come onto a CPU.
  mutating func switchIn(cpu: Int64?, at time: Timestamp) {
    beSwitched(.blocked(isUninterruptible: false), at: time)
    if case .runnable = state, let wokenAt { runQueue.add(max(0, time - wokenAt)) }
    if case .blocked = state { lastWoken = time }
    wokenAt = nil
    state = .running
    guard let cpu else { return }
    if self.cpu >= 0, self.cpu != cpu { migrations += 1 }
    self.cpu = cpu
  }

  /// The thread has left its CPU.
  mutating func switchOut(_ reason: Event.Operation, at time: Timestamp) {
    beSwitched(.running, at: time)
    switch reason {
    case .preempted:
      switches.preempted += 1
      state = .runnable
      wokenAt = time
    case .ended: state = .ended
    default:
      switches.voluntary += 1
      state = .blocked(isUninterruptible: reason == .uninterruptible)
    }
  }

  /// The thread can run again. False when it could anyway.
  mutating func wake(at time: Timestamp) -> Bool {
    switch state {
    case .running, .runnable, .ended: return false
    case .unknown: beSwitched(.blocked(isUninterruptible: false), at: time)
    case .blocked: settle(to: time)
    }
    state = .runnable
    wokenAt = time
    lastWoken = time
    return true
  }

  /// The thread does what only a thread on a CPU does: where that is the first word of it, it has been
  /// there since its start.
  mutating func act(at time: Timestamp) {
    if case .unknown = state { beSwitched(.running, at: time) }
  }

  /// Counts who woke it.
  mutating func count(waker: ThreadID) {
    let place = wakerPlaces.place(of: waker)
    if place == wakers.count { wakers.append((waker, 0)) }
    wakers[place].count += 1
  }

  /// What the first word of the kernel says about the time before.
  private mutating func beSwitched(_ before: State, at time: Timestamp) {
    if !hasSwitches {
      hasSwitches = true
      state = before
      // It has not been told as anything yet.
      times = StateTimes()
      strip = makeStrip.strip(from: start)
      parts?.reset()
      now = start
    }
    settle(to: time)
  }

  /// A sample tells how much of the time since the last one it ran.
  mutating func sample(ran: Int64, waited: Int64, at time: Timestamp) {
    if !hasSamples {
      hasSamples = true
      times = StateTimes()
      strip = makeStrip.strip(from: start)
    }
    settle(to: time)
    var rest = sinceSample.total
    let before = times
    let run = min(max(ran, 0), rest)
    rest -= run
    let runnable = min(max(waited, 0), rest)
    rest -= runnable
    times[.running] &+= run
    times[.runnable] &+= runnable
    // Waits that were told account for the rest; beyond them it slept.
    for activity in [ThreadActivity.lockWait, .queueWait, .sleeping] {
      let part = min(sinceSample[activity], rest)
      times[activity] &+= part
      rest -= part
    }
    times[.sleeping] &+= rest
    sinceSample = StateTimes()
    if now > lastSample { strip.add(times - before, from: lastSample, to: now) }
    parts?.fill(running: run, runnable: runnable, from: lastSample, to: now)
    lastSample = now
    history.append(times, at: min(time, end), waitingFor: waits.last?.lock ?? 0)
  }

  /// Tells the rest of its life.
  mutating func finish() {
    settle(to: end)
    if hasSamples { sample(ran: 0, waited: 0, at: end) }
    advancePath(to: end, isBlocked: isBlocked)
  }
}
