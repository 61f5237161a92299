internal import TraceModel

/// A lock, or what else threads wait for or put things into, while its events are written.
struct LockTracks {
  /// What it is to the events that are about it.
  enum Role {
    case lock, interpreter, queue, loop, task, call, label
  }

  var role = Role.lock
  /// The place of its process.
  var process: Int
  /// The arguments that all slices begin with, as fields of a TrackEvent: name, kind and address.
  var arguments: TextTable.Text
  /// Whether the texts that those refer to were written.
  var isIntroduced = false
  /// Its rank among the tracks of its group.
  var rank: UInt64
  /// The numbers of its tracks; 0 for those that have not been needed.
  var ownerTrack: UInt64 = 0
  var waitersTrack: UInt64 = 0
  var valueTrack: UInt64 = 0
  var isInBytes = false
  /// Threads that wait for it.
  var waiting = 0
  var wakeups = Wakeups()
  /// When it was last released: on its track no hold begins before.
  var lastHold: Int64 = 0
  var depth = QueueDepth()
  var items = PendingItems()
  /// Whether it is a queue whose items come out in the order in which they went in.
  var isOrdered = false
  /// What its counter of values last said.
  var lastValue: Int64?
  /// Whether it is shown, and its counters, whichever thread uses it.
  var isShown = true
  /// Of a thread that is waited for: its track, and when it ended.
  var joined: (track: Int, end: Int64)?
  var lanes = SpanLanes()

  /// All locks; the first one stands for locks without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: ChromeIDs, shown: Set<LockID>?,
    _ interned: InternedTexts, _ texts: inout TextTable
  ) -> (locks: [LockTracks], index: NumberIndex) {
    let locks = definitions.locks.values.sorted { $0.id < $1.id }
    var all: [LockTracks] = []
    for (place, lock) in ([nil] + locks.map(Optional.some)).enumerated() {
      var arguments = ByteBuffer()
      arguments.append(argument: .lock, text: interned.number(ofLock: place))
      if let lock {
        arguments.append(argument: .kind, text: InternedTexts.number(of: lock.kind))
        arguments.append(argument: .address, pointer: lock.address)
      }
      all.append(
        LockTracks(
          role: lock.map { Role($0.kind) } ?? .lock,
          process: ids.place(of: lock?.process ?? .unknown),
          arguments: texts.add(arguments.take()), rank: UInt64(place),
          isInBytes: lock?.kind.holdsBytes ?? false,
          depth: QueueDepth(lock), isOrdered: lock?.kind.isOrdered ?? false,
          isShown: shown.map { $0.contains(lock?.id ?? .unknown) } ?? true,
          joined: lock.flatMap { joined($0, definitions, ids) }))
    }
    return (all, NumberIndex(locks.map(\.id.rawValue)))
  }

  private static func joined(
    _ lock: Lock, _ definitions: TraceDefinitions, _ ids: ChromeIDs
  ) -> (track: Int, end: Int64)? {
    guard lock.kind == .thread, let end = definitions.threads[lock.thread]?.end else { return nil }
    return (ids.track(lock.thread), end.nanoseconds)
  }
}

extension LockTracks.Role {
  fileprivate init(_ kind: LockKind) {
    self =
      switch kind {
      case .gil: .interpreter
      case .eventLoop: .loop
      case .task, .greenlet: .task
      case .call: .call
      case .label: .label
      default: kind.isQueue ? .queue : .lock
      }
  }
}

/// How much is in a queue, from what went in and out.
struct QueueDepth {
  private var value: Int64 = 0
  private var isPutInto = false
  private var isTakenFrom = false
  /// Whether it is known from the start on what is in: more goes out than came in only where what came in
  /// was seen too late.
  private var startsKnown = false
  /// What it can hold at most; what is more is yet to go in.
  private var greatest = Int64.max
  /// More was taken at this moment than had been put in.
  private var owed: (count: Int64, time: Int64) = (0, 0)

  init() {}

  init(_ lock: Lock?) {
    guard let lock else { return }
    startsKnown = lock.kind.isKernelQueue
    if lock.kind.isBounded, lock.capacity > 0 { greatest = Int64(clamping: lock.capacity) }
  }

  /// What is in, as far as it can be.
  var shown: Int64 { min(max(value, 0), greatest) }

  /// So much more is in, or less.
  mutating func change(by difference: Int64, at time: Int64) {
    if difference > 0 { isPutInto = true } else { isTakenFrom = true }
    var difference = difference
    if !startsKnown {
      // Of what two threads did at the same moment the taking may be told before the putting.
      if owed.time != time { owed = (0, time) }
      let paid = min(max(difference, 0), owed.count)
      owed.count -= paid
      difference -= paid
    }
    let (sum, overflow) = value.addingReportingOverflow(difference)
    if overflow {
      value = .max
    } else if startsKnown || sum >= 0 {
      value = sum
    } else {
      let (count, isTooMuch) = owed.count.subtractingReportingOverflow(sum)
      owed.count = isTooMuch ? .max : count
      value = 0
    }
  }

  /// Something says what is in: the kernel, whose word counts while not both ends were seen, or the queue
  /// itself. Returns whether it counts.
  mutating func tell(_ value: Int64, byKernel: Bool) -> Bool {
    if byKernel, isPutInto, isTakenFrom { return false }
    self.value = value
    return true
  }
}

/// Tracks for spans of one name, which may overlap: each span is on the first one that is free.
struct SpanLanes {
  /// Beyond these, spans are cut.
  private static let most = 64
  private var ends: [Int64] = []
  private(set) var tracks: [UInt64] = []

  /// The lane of a span that ends now, and where it begins there. `tracks` lacks that of a new lane.
  mutating func place(from start: Int64, to end: Int64) -> (lane: Int, begin: Int64) {
    if let lane = ends.firstIndex(where: { $0 <= start }) {
      ends[lane] = end
      return (lane, start)
    }
    guard ends.count < SpanLanes.most else {
      var lane = 0
      for place in ends.indices where ends[place] < ends[lane] { lane = place }
      let begin = ends[lane]
      ends[lane] = end
      return (lane, begin)
    }
    ends.append(end)
    return (ends.count - 1, start)
  }

  mutating func add(track: UInt64) { tracks.append(track) }
}
