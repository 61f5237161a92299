internal import TraceModel

/// Waits for the exclusive side of a reader/writer lock.
struct WriterWaits {
  /// A writer that so many readers have overtaken, who all asked later, is one that was passed over.
  private static let manyReaders: UInt64 = 10

  /// All of them.
  private(set) var count: UInt64 = 0
  /// Those of writers that were passed over.
  private(set) var starved: UInt64 = 0
  /// Nanoseconds of these.
  private(set) var starvedTime: Int64 = 0
  /// The longest of them.
  private(set) var longest: Int64 = 0
  /// Readers that overtook them.
  private(set) var overtaken: UInt64 = 0

  /// A wait has ended, one way or the other.
  mutating func note(_ event: Event, _ waiter: LockAccumulator.Waiter) {
    count += 1
    guard waiter.overtaken >= WriterWaits.manyReaders else { return }
    starved += 1
    starvedTime &+= event.duration
    longest = max(longest, event.duration)
    overtaken &+= waiter.overtaken
  }
}

extension TraceAnalyzer {
  /// That readers of a reader/writer lock starved its writers: while a writer waited, 10 readers or more that
  /// asked later had the lock, and writers waited so for a twentieth of the run or more. glibc's locks let
  /// readers in whenever another reads, unless they were made with another kind: see
  /// pthread_rwlockattr_setkind_np(3).
  func writerFinding(_ locks: [LockSummary]) -> Finding? {
    let found = locks.compactMap { lock -> Finding? in
      guard lock.kind == LockKind.rwlock.name, let writers = contended(lock)?.writers,
        writers.starved > 0, writers.starvedTime >= (end - start) / 20
      else { return nil }
      return Finding(
        kind: "writer-starvation", severity: "warning",
        text: "readers of \(lock.name) starved its writers: "
          + "\(writers.starved == 1 ? "one" : "\(writers.starved)") of \(writers.count) waits to write "
          + "took \(seconds(writers.starvedTime)), the longest \(seconds(writers.longest)), while "
          + "\(writers.overtaken) readers that came later had it: let writers go first, or read without "
          + "a lock",
        evidence: [
          "lock": Int64(lock.id), "costNs": writers.starvedTime, "waitNs": writers.starvedTime,
          "waits": Int64(clamping: writers.count), "starvedWaits": Int64(clamping: writers.starved),
          "longestNs": writers.longest, "overtakingReaders": Int64(clamping: writers.overtaken),
        ])
    }
    return Finding.worst(of: found, things: "locks")
  }
}
