internal import TraceModel

/// What part of a recording a timeline is to show, and how finely.
public struct TimelineChoice: Hashable, Sendable {
  /// Nanoseconds after the recording's start at which it begins.
  public var from: Int64
  /// At which it ends; nil for the recording's end.
  public var to: Int64?
  /// Parts of equal length.
  public var parts: Int

  /// The whole run, or what lies between two moments of it.
  public init(from: Int64 = 0, to: Int64? = nil, parts: Int = 800) {
    self.from = from
    self.to = to
    self.parts = parts
  }
}

/// What an analysis collects for a timeline. There is none of it where none is wanted.
struct TimelineCollector {
  /// Threads that are followed: those that live longest, as others are hardly seen.
  private static let mostThreads = 512
  /// Locks whose waiters are counted, and queues whose depths are: the first ones.
  static let mostCurves = 1024

  let scale: TimeParts
  /// The place in `waiters` of each lock that was waited for, by the lock's place; −1 for the others.
  private var places: [Int32]
  private(set) var waiters: [WaiterCurve] = []

  init(_ choice: TimelineChoice, end: Timestamp, locks: Int) {
    let last = choice.to.map { min(Timestamp(nanoseconds: $0), end) } ?? end
    scale = TimeParts(
      from: Timestamp(nanoseconds: choice.from), to: last, count: choice.parts)
    places = Array(repeating: -1, count: locks)
  }

  /// Lets timelines collect parts.
  func follow(_ timelines: inout [ThreadTimeline]) {
    let told = timelines.indices.filter { $0 != 0 && !timelines[$0].isForeign }.sorted {
      (timelines[$1].lifetime, $0) < (timelines[$0].lifetime, $1)
    }
    for index in told.prefix(TimelineCollector.mostThreads) { timelines[index].follow(scale) }
  }

  /// So many threads wait for a lock from a moment on.
  mutating func setWaiters(of lock: Int, to count: Int, at time: Timestamp) {
    if places[lock] < 0 {
      guard waiters.count < TimelineCollector.mostCurves else { return }
      places[lock] = Int32(waiters.count)
      waiters.append(WaiterCurve(scale))
    }
    waiters[Int(places[lock])].change(to: count, at: time)
  }

  /// The curve of a lock; nil where nobody waited for it, or it came too late.
  func waiters(of lock: Int, end: Timestamp) -> CurveParts? {
    guard places[lock] >= 0 else { return nil }
    var curve = waiters[Int(places[lock])]
    curve.change(to: 0, at: end)
    return curve.parts
  }
}

extension TraceAnalyzer {
  /// The number of waiters of a lock has changed.
  mutating func noteWaiters(_ lock: Int, _ count: Int, at time: Timestamp) {
    guard collector != nil, lockKinds[lock].isContended || lockKinds[lock] == .futex else { return }
    collector?.setWaiters(of: lock, to: count, at: time)
  }

  /// A lock is released: its holder is who those waited for that wait.
  func noteHolder(
    _ release: Event, _ lock: Int, _ locks: borrowing MutableSpan<LockAccumulator>,
    _ timelines: inout MutableSpan<ThreadTimeline>
  ) {
    let holder = UInt32(threadIndex.place(of: release.thread.rawValue))
    for waiter in 0..<locks[lock].waiterCount {
      guard let from = locks[lock].chargedFrom(waiter, by: release) else { continue }
      let thread = threadIndex.place(of: locks[lock].waitingThread(waiter).rawValue)
      timelines[thread].blame(holder, from: from, to: release.time)
    }
  }

  // MARK: The timeline

  /// The timeline that was asked for; nil where none was. To be called after ``report()``.
  ///
  /// - Parameters:
  ///   - report: The report, whose order of locks and queues it follows.
  ///   - shown: What of the report to show, with fewer threads, locks, queues and loops; nil for all.
  ///   - threads: Show at most so many threads.
  ///   - counters: Show at most so many locks, and so many queues.
  public func timeline(
    of report: Report, showing shown: Report? = nil, threads: Int, counters: Int
  ) -> RunTimeline? {
    guard let collector else { return nil }
    let wanted = shown.map { Set($0.threads) }
    let order = report.threads.indices.filter {
      wanted?.contains(report.threads[$0]) ?? true
    }.sorted {
      let (left, right) = (report.threads[$0], report.threads[$1])
      return (right.lockWaitNs, right.busyNs, $0) < (left.lockWaitNs, left.busyNs, $1)
    }
    let places = ownThreads.map { threadIndex.place(of: $0.id.rawValue) }
    let tracks = order.lazy.compactMap { index -> ThreadTrack? in
      guard places.indices.contains(index),
        let parts = timelines[places[index]].parts, !parts.parts.isEmpty
      else { return nil }
      return ThreadTrack(
        thread: index, first: parts.first,
        parts: parts.parts.indices.map { part(parts, $0) })
    }.prefix(threads)
    var timeline = RunTimeline(
      scale: collector.scale, threads: Array(tracks), otherThreads: 0,
      waiters: waiterTracks(shown ?? report, collector, most: counters),
      depths: depthTracks(shown ?? report, hasCounters: shown == nil, most: counters),
      lockNames: [:], threadNames: [:])
    timeline.otherThreads = order.count - timeline.threads.count
    for part in timeline.threads.lazy.flatMap(\.parts) {
      for lock in [part.lock, part.waitedFor] where lock != 0 && timeline.lockNames[lock] == nil {
        timeline.lockNames[lock] = names[LockID(rawValue: lock)]
      }
      if part.holder != 0, timeline.threadNames[part.holder] == nil {
        timeline.threadNames[part.holder] = name(
          of: definitions.threads[ThreadID(rawValue: part.holder)])
      }
    }
    return timeline
  }

  private func part(_ parts: StateParts, _ index: Int) -> ThreadPart {
    let found = parts.parts[index]
    var part = ThreadPart()
    part.life = parts.life(in: parts.first + index)
    part.running = found.times[.running]
    part.runnable = found.times[.runnable]
    part.lockWait = found.times[.lockWait]
    part.queueWait = found.times[.queueWait]
    part.idle = found.times[.sleeping] &+ found.times[.disk]
    part.lock = lockIndex.numbers[Int(found.lock.number)]
    part.waitedFor = lockIndex.numbers[Int(found.other.number)]
    if part.lock != 0 { part.holder = threadIndex.numbers[Int(found.holder.number)] }
    return part
  }

  private func waiterTracks(
    _ report: Report, _ collector: TimelineCollector, most: Int
  ) -> [CounterTrack] {
    var tracks: [CounterTrack] = []
    for lock in report.locks where tracks.count < most {
      let place = lockIndex.place(of: lock.id)
      guard let curve = collector.waiters(of: place, end: end) else { continue }
      let track = CounterTrack(
        id: lock.id, pid: lock.pid, kind: lock.kind, name: lock.name, unit: "threads",
        capacity: nil, means: curve.means, maxima: curve.maxima)
      if !track.isFlat { tracks.append(track) }
    }
    return tracks
  }

  /// Queues as the report has them, then event loops, then the program's own counters.
  private func depthTracks(
    _ report: Report, hasCounters: Bool, most: Int
  ) -> [CounterTrack] {
    var tracks: [CounterTrack] = []
    func add(_ id: UInt32, unit: String, capacity: UInt64?) {
      guard tracks.count < most else { return }
      let place = lockIndex.place(of: id)
      guard queuePlaces[place] >= 0, let lock = definitions.locks[LockID(rawValue: id)],
        let curve = queues[Int(queuePlaces[place])].depthCurve(end: end)
      else { return }
      let track = CounterTrack(
        id: id, pid: definitions.processes[lock.process]?.pid ?? 0, kind: lock.kind.name,
        name: names[lock.id], unit: unit, capacity: capacity, means: curve.means,
        maxima: curve.maxima)
      if !track.isFlat { tracks.append(track) }
    }
    for queue in report.queues { add(queue.id, unit: queue.unit, capacity: queue.capacity) }
    for loop in report.loops { add(loop.id, unit: "items", capacity: nil) }
    guard hasCounters else { return tracks }
    for (place, number) in lockIndex.numbers.enumerated() where lockKinds[place] == .label {
      add(number, unit: "", capacity: nil)
    }
    return tracks
  }
}

extension ThreadSummary {
  /// Nanoseconds in which it did, or wanted, anything.
  fileprivate var busyNs: Int64 { runNs &+ runnableNs &+ queueWaitNs }
}
