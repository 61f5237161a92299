internal import TraceModel

/// What is known so far of an interpreter's lock, beyond what is known of every lock: who had it and who
/// waited for whom.
struct GILAccumulator {
  /// A thread lets go of the lock when it is asked to, 5 ms after another began to wait. One that others
  /// have waited for ten times as long is in C code that does not let go.
  static let longHold: Int64 = 50_000_000

  /// Waits of one thread that began while another had the lock.
  struct Pair {
    var owner: ThreadID
    var count: UInt64 = 0
    var time: Int64 = 0
  }

  /// One thread's part.
  struct Share {
    var thread: ThreadID
    var waits = Distribution()
    var held: Int64 = 0
    var longest: Int64 = 0
    private(set) var pairs: [Pair] = []
    private var places = Places<ThreadID>()

    init(thread: ThreadID) { self.thread = thread }

    mutating func wait(_ event: Event) {
      waits.add(event.duration)
      let place = places.place(of: event.owner)
      if place == pairs.count { pairs.append(Pair(owner: event.owner)) }
      pairs[place].count += 1
      pairs[place].time = pairs[place].time.saturatingAdd(event.duration)
    }
  }

  /// One hold, and for how long of it another thread waited.
  struct Hold {
    var thread = ThreadID.unknown
    var start = Timestamp.zero
    var duration: Int64 = -1
    var waited: Int64 = 0
    var stack = StackID.unknown
  }

  private(set) var shares: [Share] = []
  private var places = Places<ThreadID>()
  /// The one that another waited for longest.
  private(set) var worst = Hold()
  private(set) var longHolds = StackTotals()

  /// A thread has waited.
  mutating func wait(_ event: Event) { shares[place(of: event.thread)].wait(event) }

  /// A thread lets go, for which another has waited so long during its hold.
  mutating func release(_ event: Event, waited: Int64) {
    guard event.isDurationKnown else { return }
    let place = place(of: event.thread)
    shares[place].held = shares[place].held.saturatingAdd(event.duration)
    shares[place].longest = max(shares[place].longest, event.duration)
    if (waited, event.duration) > (worst.waited, worst.duration) {
      worst = Hold(
        thread: event.thread, start: event.start, duration: event.duration, waited: waited,
        stack: event.stack)
    }
    if waited >= GILAccumulator.longHold { longHolds.add(event.stack, time: waited) }
  }

  /// The part of a thread, made where there is none.
  mutating func place(of thread: ThreadID) -> Int {
    let place = places.place(of: thread)
    if place == shares.count { shares.append(Share(thread: thread)) }
    return place
  }
}

/// The interpreters' locks of a recording.
struct GILAnalysis {
  private var places = Places<LockID>()
  private var gils: [GILAccumulator] = []

  mutating func wait(_ event: Event) { gils[place(of: event.lock)].wait(event) }

  mutating func release(_ event: Event, waited: Int64) {
    gils[place(of: event.lock)].release(event, waited: waited)
  }

  /// What is known of one.
  func found(_ lock: LockID) -> GILAccumulator {
    places.known(lock).map { gils[$0] } ?? GILAccumulator()
  }

  private mutating func place(of lock: LockID) -> Int {
    let place = places.place(of: lock)
    if place == gils.count { gils.append(GILAccumulator()) }
    return place
  }
}
