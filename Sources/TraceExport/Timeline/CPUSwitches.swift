internal import TraceModel

/// A CPU goes from one thread to another. Threads are places in a table, of which the first stands for the
/// CPU's idle task, and for threads that are none of the recording's.
struct CPUChange {
  var cpu: Int
  var thread: Int
  /// Why it left.
  var reason: Event.Operation
  var next: Int
  var time: Int64
}

/// Makes the switches of each CPU a row without a gap, as importers want it: the thread that leaves is the
/// one that came.
///
/// Between two switches of the program others may have come and gone, of whom nothing is told: so a
/// thread of another program is drawn only where both its coming and its leaving are known, and as idle
/// elsewhere. Of a thread that ends the last switch may not be told: it leaves where it ended. One of which
/// the first word is that it leaves has been there since it began, and one that wakes another is on a CPU.
struct CPUSwitches {
  /// What has to be known of a thread.
  struct Thread {
    /// Whether it is none of the program's.
    var isForeign = false
    var start: Int64 = 0
    /// When it ended; nil while it runs.
    var end: Int64?
    /// Whether it has been on a CPU, or about to be.
    var isSeen = false
    /// Whether it is on a CPU now, as far as is told.
    var isOn = false
    /// When it did what only a thread on a CPU does, while it was not told to be on one.
    var acted: Int64?
  }

  /// Far more than any machine has.
  private static let mostCPUs = 1 << 12
  private static let idle = 0

  /// Switches to be written, in order.
  private(set) var ready: [CPUChange] = []
  private var threads: [Thread]
  /// Nothing is shown from before.
  private var earliest: Int64 = 0
  /// The last switch of each CPU, and whether it was written: one to a thread of another program is when
  /// it is known what comes after.
  private var last: [(change: CPUChange, isWritten: Bool)?] = []

  init(_ threads: [Thread]) { self.threads = threads }

  /// The number of a CPU, if it can be one.
  static func cpu(_ value: Int64) -> Int? {
    value >= 0 && value < mostCPUs ? Int(value) : nil
  }

  /// Forgets the switches that are ready.
  mutating func removeReady() { ready.removeAll(keepingCapacity: true) }

  /// A thread was woken, so that it has not been on a CPU all the time, by one that is.
  mutating func wake(_ thread: Int, by waker: Int, at time: Int64) {
    threads[thread].isSeen = true
    if !threads[waker].isOn, threads[waker].acted == nil { threads[waker].acted = time }
  }

  /// Adds a switch; ``ready`` has what is known thereby.
  mutating func add(_ change: CPUChange) {
    var change = change
    while last.count <= change.cpu { last.append(nil) }
    // What the thread did before it was told to come, it did on a CPU.
    if change.thread == CPUSwitches.idle, let acted = threads[change.next].acted {
      let since = max(acted, last[change.cpu]?.change.time ?? 0, earliest)
      change.time = min(since, change.time)
    }
    if let (before, isWritten) = last[change.cpu] {
      if before.next == change.thread {
        if !isWritten { ready.append(before) }
      } else {
        let shown = leave(before, isWritten, by: change.time)
        if threads[change.thread].isForeign {
          change.thread = shown.thread
          change.reason = shown.thread == CPUSwitches.idle ? .unknown : .blocked
        } else {
          come(change, from: shown.thread, since: shown.time)
        }
      }
    } else if change.thread != CPUSwitches.idle, !threads[change.thread].isSeen,
      !threads[change.thread].isForeign
    {
      come(change, from: CPUSwitches.idle, since: 0)
    }
    for (thread, isOn) in [(change.thread, false), (change.next, true)] {
      threads[thread].isSeen = true
      threads[thread].isOn = isOn
      threads[thread].acted = nil
    }
    let isKnown = !threads[change.next].isForeign
    if isKnown { ready.append(change) }
    last[change.cpu] = (change, isKnown)
  }

  /// Begins at a moment: ``ready`` has who is on a CPU then, and nothing from before.
  mutating func begin(at time: Int64) {
    earliest = time
    removeReady()
    for cpu in last.indices {
      guard let thread = last[cpu]?.change.next else { continue }
      last[cpu] = nil
      let hasEnded = threads[thread].end.map { $0 <= time } ?? false
      guard thread != CPUSwitches.idle, !threads[thread].isForeign, !hasEnded else { continue }
      let change = CPUChange(
        cpu: cpu, thread: CPUSwitches.idle, reason: .unknown, next: thread, time: time)
      ready.append(change)
      last[cpu] = (change, true)
    }
  }

  /// Ends all CPUs: threads that have ended by that time have left.
  mutating func finish(by time: Int64 = .max) {
    for case let (change, isWritten)? in last { _ = leave(change, isWritten, by: time) }
    last = []
  }

  /// A thread leaves that has not been told to come.
  private mutating func come(_ change: CPUChange, from shown: Int, since time: Int64) {
    guard shown != change.thread else { return }
    let thread = threads[change.thread]
    let since = thread.isSeen ? thread.acted ?? change.time : thread.start
    ready.append(
      CPUChange(
        cpu: change.cpu, thread: shown, reason: shown == CPUSwitches.idle ? .unknown : .blocked,
        next: change.thread, time: max(min(since, change.time), time, earliest)))
  }

  /// A thread has the CPU that is not known to leave by that time. Returns what is shown then, and since
  /// when it may be something else.
  private mutating func leave(
    _ change: CPUChange, _ isWritten: Bool, by time: Int64
  ) -> (thread: Int, time: Int64) {
    var change = change
    if threads[change.next].isForeign { change.next = CPUSwitches.idle }
    if !isWritten { ready.append(change) }
    guard change.next != CPUSwitches.idle else { return (CPUSwitches.idle, change.time) }
    guard let end = threads[change.next].end.map({ max($0, change.time) }), end <= time else {
      return (change.next, change.time)
    }
    ready.append(
      CPUChange(
        cpu: change.cpu, thread: change.next, reason: .ended, next: CPUSwitches.idle, time: end))
    return (CPUSwitches.idle, end)
  }
}

extension CPUSwitches {
  /// The threads that have these places among the tracks of a timeline. Program images that share a track
  /// are one thread to the kernel: it ends with the last.
  init(_ definitions: TraceDefinitions, _ ids: TimelineIDs) {
    var threads = Array(repeating: Thread(start: .max), count: ids.tracks.count)
    var isRunning = Array(repeating: false, count: ids.tracks.count)
    for thread in definitions.threads.values {
      let place = ids.track(thread.id)
      guard place != CPUSwitches.idle else { continue }
      if definitions.isForeign(thread) { threads[place].isForeign = true }
      threads[place].start = min(threads[place].start, max(thread.start.nanoseconds, 0))
      if let end = thread.end {
        threads[place].end = max(threads[place].end ?? 0, end.nanoseconds)
      } else {
        isRunning[place] = true
      }
    }
    for place in threads.indices where isRunning[place] { threads[place].end = nil }
    self.init(threads)
  }
}
