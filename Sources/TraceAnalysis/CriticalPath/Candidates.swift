internal import TraceModel

/// The locks whose cost to the whole run is followed: those that were waited for longest so far.
struct Candidates {
  private var locks = InlineArray<4, (lock: Int, waited: Int64)>(repeating: (-1, 0))

  /// Which of them a lock is.
  @inline(__always)
  func index(of lock: Int) -> Int? {
    for index in locks.indices where locks[index].lock == lock { return index }
    return nil
  }

  /// The lock in a place; nil while it is free.
  func lock(at index: Int) -> Int? { locks[index].lock >= 0 ? locks[index].lock : nil }

  /// A lock has been waited for so long in all. Returns the place that it takes from another, whose
  /// savings are to be forgotten; nil where it takes none.
  @inline(__always)
  mutating func note(_ lock: Int, waited: Int64) -> Int? {
    if let index = index(of: lock) {
      locks[index].waited = waited
      return nil
    }
    var least = 0
    for index in locks.indices where locks[index].waited < locks[least].waited { least = index }
    // Twice as much, so that two locks that are much alike don't push each other out by turns.
    guard waited / 2 > locks[least].waited || locks[least].lock < 0 else { return nil }
    let isTaken = locks[least].lock >= 0
    locks[least] = (lock, waited)
    return isTaken ? least : nil
  }
}
