internal import TraceModel

/// The chain of causes that leads to where a thread is: what had to happen, thread by thread, so that
/// it could get there when it did. At any moment the parts sum to the time since the run began.
///
/// A thread that runs goes on along its own path. One that is woken takes over the path of its waker:
/// what it did itself before it slept did not matter, because it had to wait anyway. That is the
/// critical path as Yang and Miller have it ("Critical path analysis for the execution of parallel and
/// distributed programs", 1988), told forwards, so that nothing has to be kept but its sums.
///
/// Beside it stands, for the locks that cost most, by how much earlier the thread would be there if
/// the lock were free: waits for it fall away, and a wait for another is over when both the waiter and
/// its waker, each earlier by its own saving, are there.
struct PathState {
  /// Time that one thread spent on the path doing one thing.
  struct Part {
    var thread: UInt32
    var activity: ThreadActivity
    /// What it waited for.
    var lock: UInt32
    var time: Int64
  }

  static let savingCount = 4
  private static let none = Part(thread: 0, activity: .running, lock: 0, time: 0)

  private var parts = InlineArray<8, Part>(repeating: PathState.none)
  /// Time of parts that there was no room for.
  private(set) var other: Int64 = 0
  /// Nanoseconds by which it would be earlier if a lock were free, by candidate.
  var savings = InlineArray<4, Int64>(repeating: 0)
  /// The moment up to which it leads.
  var until = Timestamp.zero

  /// Goes on along the thread's own path.
  @inline(__always)
  mutating func advance(
    to time: Timestamp, thread: UInt32, _ activity: ThreadActivity, lock: UInt32
  ) {
    let span = time - until
    guard span > 0 else { return }
    until = time
    var least = 0
    for index in parts.indices {
      if parts[index].thread == thread, parts[index].activity == activity,
        parts[index].lock == lock, parts[index].time > 0
      {
        parts[index].time &+= span
        return
      }
      if parts[index].time < parts[least].time { least = index }
    }
    other &+= parts[least].time
    parts[least] = Part(thread: thread, activity: activity, lock: lock, time: span)
  }

  /// Takes over the path of a waker that leads to the moment of the wakeup.
  ///
  /// - Parameter candidate: The lock waited for, if it is one of those with savings: what is saved by
  ///   not waiting for it is added when the wait ends.
  @inline(__always)
  mutating func follow(_ waker: PathState, candidate: Int?) {
    let slept = max(0, waker.until - until)
    let own = savings
    self = waker
    for index in savings.indices {
      savings[index] =
        index == candidate ? own[index] : min(waker.savings[index], own[index] &+ slept)
    }
  }

  /// The parts, the longest first.
  var sorted: [Part] {
    var list: [Part] = []
    for index in parts.indices where parts[index].time > 0 { list.append(parts[index]) }
    return list.sorted { ($1.time, $0.thread) < ($0.time, $1.thread) }
  }
}
