public import TraceModel

/// The part of a recording that a report is on: what came after one moment, up to another.
///
/// A part tells what the whole would tell of that time, so that times of parts that lie side by side sum
/// to those of both together: what goes on across a border, as waits, holds and steps do, is cut there and
/// is in each of them with its share. What has no length belongs to the part that it is in, and what was
/// measured at its end, as the time of an item in a queue, to the part that it ends in.
public struct TraceWindow: Hashable, Sendable {
  /// Its beginning; nil for that of the recording.
  public var from: Timestamp?
  /// Its end; nil for that of the recording.
  public var to: Timestamp?

  /// Makes it of its ends.
  public init(from: Timestamp? = nil, to: Timestamp? = nil) {
    self.from = from
    self.to = to
  }
}

/// Cuts the events of a recording so that they are those of a part of it.
struct EventClipper {
  private let from: Timestamp
  private let to: Timestamp
  private let threads: [ThreadID: Thread]
  /// Waits that go on.
  private var waiting: [Event] = []
  /// When each thread was last sampled.
  private var sampled: [ThreadID: Timestamp] = [:]
  /// What goes on at the end, as far as it does before it.
  private var late: [Event] = []
  /// Locks that went to another after the end.
  private var passedOn: Set<LockID> = []
  /// Queues out of which something was taken after the end.
  private(set) var takenAfter: Set<LockID> = []
  /// Threads on which the kernel says something after the end, and whether they ran until then.
  private(set) var wordsAfter: [ThreadID: Bool] = [:]
  /// Whether the part has begun.
  private(set) var isBegun: Bool

  init(from: Timestamp, to: Timestamp, threads: [ThreadID: Thread]) {
    self.from = from
    self.to = to
    self.threads = threads
    isBegun = from == .zero
  }

  /// Whether an event is of the time before the part. From the first that is not, the part has begun.
  mutating func isBefore(_ event: Event) -> Bool {
    if isBegun { return false }
    isBegun = event.time > from
    return !isBegun
  }

  /// An event before the part or in it, without what is before; nil where it comes after the end.
  mutating func cut(_ event: Event) -> Event? {
    if event.time > to {
      keep(event)
      return nil
    }
    var event = event
    switch event.kind {
    case .waitBegin: waiting.append(event)
    case .wait: endWait(event)
    case .sample:
      event = part(of: event, from: isBegun ? from : nil, to: event.time)
      sampled[event.thread] = event.time
    default: break
    }
    if isBegun { cutStart(&event) }
    return event
  }

  /// What is to be told at the end: what goes on there, cut.
  func unfinished() -> [Event] {
    let waits = waiting.map { begin in
      var wait = begin
      wait.kind = .wait
      wait.outcome = .unfinished
      wait.time = to
      wait.duration = to - begin.time
      wait.isDurationKnown = true
      cutStart(&wait)
      return wait
    }
    let order: [Event.Kind: Int] = [.release: 0, .taskRelease: 0, .wait: 1, .taskWait: 2]
    let all = (late + waits).enumerated().map { (order[$1.kind] ?? 3, $0, $1) }
    return all.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  private mutating func endWait(_ event: Event) {
    let place = waiting.firstIndex { $0.thread == event.thread && $0.lock == event.lock }
    if let place { waiting.remove(at: place) }
  }

  private func cutStart(_ event: inout Event) {
    guard [.wait, .release, .slice, .taskWait, .taskRelease].contains(event.kind) else { return }
    event.duration = min(event.duration, max(0, event.time - from))
  }

  /// Keeps what an event after the end says of the time before it.
  private mutating func keep(_ event: Event) {
    var event = event
    switch event.kind {
    case .release, .taskRelease:
      // Who releases it has had it since the last one did, if nobody has come to have it meanwhile.
      let isFirst = passedOn.insert(event.lock).inserted
      guard event.isDurationKnown ? event.start < to : isFirst else { return }
    case .wait:
      if event.outcome == .acquired { passedOn.insert(event.lock) }
      return
    case .dequeue:
      takenAfter.insert(event.lock)
      return
    case .taskWait, .slice:
      guard event.isDurationKnown, event.start < to else { return }
      if event.kind == .taskWait { event.outcome = .unfinished }
    case .sample:
      if lastSample(of: event.thread) < to { late.append(part(of: event, from: from, to: to)) }
      sampled[event.thread] = event.time
      return
    case .switch:
      if event.thread != .unknown, wordsAfter[event.thread] == nil {
        wordsAfter[event.thread] = true
      }
      if event.owner != .unknown, wordsAfter[event.owner] == nil { wordsAfter[event.owner] = false }
      return
    case .wakeup:
      if wordsAfter[event.thread] == nil { wordsAfter[event.thread] = false }
      return
    default: return
    }
    if event.isDurationKnown { event.duration = to - event.start }
    event.time = to
    cutStart(&event)
    late.append(event)
  }

  /// Up to when samples have told of a thread.
  private func lastSample(of thread: ThreadID) -> Timestamp {
    sampled[thread] ?? threads[thread]?.start ?? .zero
  }

  /// What a sample says of a part of the time since the one before it, taken to be like all of it.
  private func part(of sample: Event, from start: Timestamp?, to end: Timestamp) -> Event {
    let before = lastSample(of: sample.thread)
    let whole = Int128(max(0, sample.time - before))
    func upTo(_ moment: Timestamp, _ value: Int64) -> Int64 {
      guard whole > 0, moment < sample.time else { return value }
      return Int64(clamping: Int128(value) * Int128(max(0, moment - before)) / whole)
    }
    var event = sample
    event.time = end
    event.duration = upTo(end, sample.duration)
    event.value = upTo(end, sample.value)
    if let start, start > before {
      event.duration -= upTo(start, sample.duration)
      event.value -= upTo(start, sample.value)
    }
    return event
  }
}

extension TraceAnalyzer {
  /// Adds events of which only those within the part count.
  mutating func addPart(_ events: Span<Event>, _ clipper: inout EventClipper) {
    var before: [Event] = []
    var within: [Event] = []
    let wasBegun = clipper.isBegun
    for index in events.indices {
      let isBefore = clipper.isBefore(events[index])
      guard let event = clipper.cut(events[index]) else { continue }
      if isBefore { before.append(event) } else { within.append(event) }
    }
    if !before.isEmpty { feed(before.span) }
    if !wasBegun, clipper.isBegun { restart() }
    if !within.isEmpty { feed(within.span) }
  }

  /// Tells what goes on at the end of the part.
  mutating func finishPart(_ clipper: EventClipper) {
    if !clipper.isBegun { restart() }
    let count = eventCount
    isCutting = true
    feed(clipper.unfinished().span)
    isCutting = false
    // They are events of the time after.
    eventCount = count
    for lock in clipper.takenAfter {
      let queue = queuePlaces[lockIndex.place(of: lock.rawValue)]
      if queue >= 0 { queues[Int(queue)].isTakenFrom = true }
    }
    for (thread, isRunning) in clipper.wordsAfter {
      timelines[threadIndex.place(of: thread.rawValue)].tellLate(isRunning: isRunning)
    }
  }
}
