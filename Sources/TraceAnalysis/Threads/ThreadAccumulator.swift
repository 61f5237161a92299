internal import TraceModel

/// What is known of one thread so far.
struct ThreadAccumulator {
  /// Parts that the recording is divided into for the timeline.
  static let timelineParts = 40

  /// Waits that have something in common.
  struct Waits {
    var count: UInt64 = 0
    var time: Int64 = 0
    var longest: Int64 = 0

    @inline(__always)
    mutating func add(_ duration: Int64) {
      count &+= 1
      time = time.saturatingAdd(duration)
      longest = max(longest, duration)
    }

    mutating func add(_ other: Waits) {
      count &+= other.count
      time = time.saturatingAdd(other.time)
      longest = max(longest, other.longest)
    }
  }

  /// Waits of this thread for one lock.
  struct Block {
    /// Owners that are told apart; the waits for all others are as if nobody knew whose they were.
    private static let mostOwners = 64

    let lock: LockID
    /// Whether it is contention.
    let isContended: Bool
    private(set) var waits = Waits()
    /// The same by who had the lock when they began.
    private(set) var owners: [(owner: ThreadID, waits: Waits)] = []
    private var places = Places<ThreadID>()

    init(lock: LockID, isContended: Bool) {
      self.lock = lock
      self.isContended = isContended
    }

    @inline(__always)
    mutating func add(_ event: Event) {
      waits.add(event.duration)
      let owner = owners.count < Block.mostOwners ? event.owner : .unknown
      let place = places.place(of: owner)
      if place == owners.count { owners.append((owner, Waits())) }
      owners[place].waits.add(event.duration)
    }

    /// The one that most of the time was waited for.
    var mainOwner: ThreadID {
      owners.max { ($0.waits.time, $1.owner) < ($1.waits.time, $0.owner) }?.owner ?? .unknown
    }
  }

  private(set) var lockWait: Int64 = 0
  private(set) var queueWait: Int64 = 0
  private(set) var blocks: [Block] = []
  private var places = Places<LockID>()
  private(set) var timeline: [Int64] = []
  /// Its longest wait for a lock; nil where there was none.
  private(set) var longest: Event?

  /// A wait of this thread, for a lock of this kind.
  ///
  /// - Parameters:
  ///   - origin: Where the timeline begins.
  ///   - partLength: Nanoseconds of each of its parts.
  mutating func add(_ event: Event, kind: LockKind, origin: Timestamp, partLength: Int64) {
    if kind.isContended {
      lockWait = lockWait.saturatingAdd(event.duration)
      addToTimeline(event, origin, partLength)
      if event.duration > longest?.duration ?? -1 { longest = event }
    } else if !kind.isIdle {
      queueWait = queueWait.saturatingAdd(event.duration)
    }
    let place = places.place(of: event.lock)
    if place == blocks.count {
      blocks.append(Block(lock: event.lock, isContended: kind.isContended))
    }
    blocks[place].add(event)
  }

  private mutating func addToTimeline(
    _ event: Event, _ origin: Timestamp, _ partLength: Int64
  ) {
    if timeline.isEmpty {
      timeline = Array(repeating: 0, count: ThreadAccumulator.timelineParts)
    }
    let end = max(event.time - origin, 0)
    var time = min(max(event.start - origin, 0), end)
    while time < end {
      let part = Int(time / partLength)
      guard part < timeline.count else { return }
      // The last part of an absurd recording would end beyond all numbers.
      let (next, overflow) = Int64(part + 1).multipliedReportingOverflow(by: partLength)
      let last = overflow ? end : min(end, next)
      timeline[part] &+= last - time
      time = last
    }
  }
}
