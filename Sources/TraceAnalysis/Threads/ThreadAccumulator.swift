internal import TraceModel

/// What is known of one thread so far.
struct ThreadAccumulator {
  /// Parts that the recording is divided into for the timeline.
  static let timelineParts = 40

  /// Waits of this thread for one lock.
  struct Block {
    var lock: LockID
    var time: Int64 = 0
    /// The owner that most of the time was spent on, by weighted majority vote (Boyer and Moore).
    var owner = ThreadID.unknown
    var ownerWeight: Int64 = 0

    mutating func add(_ event: Event) {
      time = time.saturatingAdd(event.duration)
      if owner == event.owner {
        ownerWeight = ownerWeight.saturatingAdd(event.duration)
      } else if ownerWeight >= event.duration {
        ownerWeight &-= event.duration
      } else {
        ownerWeight = event.duration &- ownerWeight
        owner = event.owner
      }
    }
  }

  private(set) var lockWait: Int64 = 0
  private(set) var queueWait: Int64 = 0
  private(set) var blocks: [Block] = []
  private var places = Places<LockID>()
  private(set) var timeline: [Int64] = []

  /// A wait of this thread, for a lock of this kind.
  mutating func add(_ event: Event, kind: LockKind, partLength: Int64) {
    if kind.isContended {
      lockWait = lockWait.saturatingAdd(event.duration)
      addBlock(event)
      addToTimeline(event, partLength)
    } else if !kind.isIdle {
      queueWait = queueWait.saturatingAdd(event.duration)
    }
  }

  @inline(__always)
  private mutating func addBlock(_ event: Event) {
    let place = places.place(of: event.lock)
    if place == blocks.count { blocks.append(Block(lock: event.lock)) }
    blocks[place].add(event)
  }

  private mutating func addToTimeline(_ event: Event, _ partLength: Int64) {
    if timeline.isEmpty {
      timeline = Array(repeating: 0, count: ThreadAccumulator.timelineParts)
    }
    let end = max(event.time.nanoseconds, 0)
    var time = min(max(event.start.nanoseconds, 0), end)
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
