internal import TraceModel

/// What is known of one queue so far, or of a label's work and counters.
struct QueueAccumulator {
  private(set) var depth: DepthAccumulator
  private(set) var residence = Distribution()
  /// Pieces of work that came out of it.
  private(set) var work = Distribution()
  private(set) var putWaits = Distribution()
  private(set) var takeWaits = Distribution()
  /// Operations by stack; their times are items.
  private(set) var producers = StackTotals()
  private(set) var consumers = StackTotals()
  /// Items by the thread that put them in.
  private(set) var itemsByProducer = TimesByNumber()
  private(set) var enqueued: UInt64 = 0
  private(set) var dequeued: UInt64 = 0
  /// Whether it is seen, at any time, that something is taken out.
  var isTakenFrom = false
  private(set) var instants: UInt64 = 0
  private var waiting = ItemRuns()
  /// Items that were in when it was first looked at and are not out yet.
  private var unseen: Int64 = 0
  private let kind: LockKind
  private var holdsBytes: Bool { kind.holdsBytes }

  /// Whether both ends of it have been seen.
  private var isFollowed = false

  init(_ lock: Lock?, origin: Timestamp, partLength: Int64, curve: CurveParts? = nil) {
    kind = lock?.kind ?? .unknown
    depth = DepthAccumulator(
      capacity: Int64(clamping: lock?.capacity ?? 0),
      isBounded: kind.isBounded,
      startsKnown: kind.isKernelQueue, origin: origin, partLength: partLength)
    depth.curve = curve
  }

  /// Forgets what was, up to a moment, but not what is in it.
  mutating func restart(at time: Timestamp) {
    isFollowed = isFollowed || (enqueued > 0 && dequeued > 0)
    depth.restart(at: time)
    (residence, work) = (Distribution(), Distribution())
    (putWaits, takeWaits) = (Distribution(), Distribution())
    (producers, consumers) = (StackTotals(), StackTotals())
    (enqueued, dequeued, instants) = (0, 0, 0)
  }

  /// Items are put in.
  mutating func enqueue(_ event: Event) {
    let count = max(event.value, 0)
    enqueued = enqueued.saturatingAdd(UInt64(count))
    producers.add(event.stack, time: count)
    itemsByProducer.add(event.thread.rawValue, count)
    guard kind != .eventLoop else { return }
    depth.change(by: count, at: event.time)
    waiting.append(count: count, at: event.time)
  }

  /// Items are taken out. How long they were in is told by the event or, where they come out in the
  /// order in which they went in, by when they did.
  mutating func dequeue(_ event: Event) {
    let count = max(event.value, 0)
    dequeued = dequeued.saturatingAdd(UInt64(count))
    isTakenFrom = true
    // A loop tells itself what is ready to run; most of that was never seen to come in.
    if kind != .eventLoop { depth.change(by: -count, at: event.time) }
    consumers.add(event.stack, time: count)
    if event.isDurationKnown {
      residence.add(event.duration)
      _ = waiting.take(count)
      return
    }
    // What was there before the recording comes out first, and nobody knows how long it was in.
    var left = count - min(unseen, count)
    unseen -= count - left
    while left > 0, let run = waiting.take(left) {
      let spent = max(0, event.time - run.time)
      if holdsBytes {
        residence.add(spent)
      } else {
        let (total, overflow) = spent.multipliedReportingOverflow(by: run.count)
        residence.add(
          count: UInt64(run.count), total: overflow ? .max : total, greatest: spent)
      }
      left -= run.count
    }
  }

  /// Something says what its depth is.
  mutating func set(_ event: Event) {
    if event.operation == .told {
      guard !isFollowed, enqueued == 0 || dequeued == 0 else { return }
      if depth.isEmpty { unseen = max(event.value, 0) }
    }
    depth.change(to: event.value, at: event.time)
  }

  /// The summary of its depth up to `end`. Of a socket that nobody who is recorded receives from, the
  /// depth is not known: the kernel tells only who receives. Nor is it of messages.
  func depthSummary(end: Timestamp) -> DepthSummary {
    guard isDepthKnown else {
      return DepthAccumulator(capacity: 0, partLength: 1).summary(end: end)
    }
    return depth.summary(end: end)
  }

  /// Its depth for a timeline, where one is wanted and it is known.
  func depthCurve(end: Timestamp) -> CurveParts? {
    isDepthKnown && !depth.isEmpty ? depth.curve(end: end) : nil
  }

  private var isDepthKnown: Bool {
    (kind != .socket && kind != .messages) || isTakenFrom
  }

  /// A thread has waited for room, or for something to come.
  mutating func wait(_ event: Event) {
    if event.operation == .put { putWaits.add(event.duration) }
    if event.operation == .take { takeWaits.add(event.duration) }
  }

  /// A piece of work was done.
  mutating func work(_ event: Event) { work.add(event.duration) }

  mutating func instant() { instants += 1 }
}

/// Items that wait in a queue, in the order in which they came: those that came at once are one run.
struct ItemRuns {
  /// Beyond these, what came first is forgotten: its time in the queue stays unknown.
  private static let most = 1 << 20

  private var runs: [(time: Timestamp, count: Int64)] = []
  private var first = 0

  mutating func append(count: Int64, at time: Timestamp) {
    guard count > 0 else { return }
    if runs.count - first >= ItemRuns.most { first += 1 }
    if first > 64, first * 2 > runs.count {
      runs.removeFirst(first)
      first = 0
    }
    runs.append((time, count))
  }

  /// Takes at most so many out, of those that came at one time; nil when none is left.
  mutating func take(_ count: Int64) -> (time: Timestamp, count: Int64)? {
    guard first < runs.count else { return nil }
    let taken = min(count, runs[first].count)
    let time = runs[first].time
    runs[first].count -= taken
    if runs[first].count == 0 { first += 1 }
    return (time, taken)
  }
}
