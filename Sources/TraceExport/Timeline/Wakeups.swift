internal import TraceModel

/// Releases, signals and posts of one lock that have not found the waiter they woke.
struct Wakeups {
  /// One of them.
  struct Wakeup {
    /// The number of its arrow.
    var flow: UInt64
    var time: Int64
    var thread: ThreadID
    /// Whether it wakes all waiters.
    var wakesAll: Bool
  }

  /// More than threads that wait for one condition at once, mostly; the oldest goes.
  private static let capacity = 32
  private var wakeups: [Wakeup] = []

  /// Adds the release of a lock. The one before it let somebody in who has released it since.
  mutating func replace(with release: Wakeup) {
    wakeups.removeAll(keepingCapacity: true)
    wakeups.append(release)
  }

  /// Adds a signal or a post: each wakes one waiter, in the order in which they came.
  mutating func append(_ wakeup: Wakeup) {
    if wakeups.count >= Wakeups.capacity { wakeups.removeFirst() }
    wakeups.append(wakeup)
  }

  /// What woke a waiter that has waited since `start`; nil where nothing is known to have.
  mutating func take(for thread: ThreadID, since start: Int64, isShared: Bool) -> Wakeup? {
    let place = wakeups.firstIndex { $0.time >= start && $0.thread != thread }
    guard let place else { return nil }
    let wakeup = wakeups[place]
    if !wakeup.wakesAll, !isShared { wakeups.remove(at: place) }
    return wakeup
  }

  /// Forgets all: nobody waits any more.
  mutating func removeAll() { wakeups.removeAll(keepingCapacity: true) }
}
