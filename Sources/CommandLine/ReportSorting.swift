internal import ArgumentParser
internal import TraceAnalysis
internal import TraceModel

/// What the tables of locks and threads are sorted by, the greatest first; names in their order.
enum ReportSorting: String, ExpressibleByArgument, CaseIterable {
  case wait
  case hold
  case busy
  case count
  case contended
  case max
  case name
  case run
  case runnable
  case idle
  case switches
  case start

  /// What it sorts, and by what, for the help.
  static let help =
    "What locks and threads are sorted by: wait, max (the longest wait), name; locks by hold, busy, count "
    + "(acquisitions), contended; threads by run, runnable, idle, switches, start."
}

extension Report {
  /// Sorts locks and threads; what a key says nothing of stays as it is.
  mutating func sort(by key: ReportSorting) {
    switch key {
    case .wait:
      sortLocks { $0.waitNs.total }
      sortThreads { $0.lockWaitNs }
    case .max:
      sortLocks { $0.waitNs.max }
      sortThreads { $0.longestWait?.waitNs ?? 0 }
    case .name:
      locks.sort { ($0.name, $0.id) < ($1.name, $1.id) }
      threads.sort { ($0.name, $0.pid, $0.tid) < ($1.name, $1.pid, $1.tid) }
    case .hold: sortLocks { $0.holdNs.total }
    case .busy: sortLocks { $0.utilisation ?? 0 }
    case .count: sortLocks { $0.acquisitions }
    case .contended: sortLocks { $0.contended }
    case .run: sortThreads { $0.runNs }
    case .runnable: sortThreads { $0.runnableNs }
    case .idle: sortThreads { $0.idleNs.saturatingAdd($0.queueWaitNs) }
    case .switches:
      sortThreads { ($0.switches?.voluntary ?? 0).saturatingAdd($0.switches?.preempted ?? 0) }
    case .start: threads.sort { ($0.startNs, $0.tid) < ($1.startNs, $1.tid) }
    }
  }

  /// Leaves the first locks, threads, queues, tasks and loops.
  mutating func keep(top: Int) {
    locks = Array(locks.prefix(top))
    threads = Array(threads.prefix(top))
    queues = Array(queues.prefix(top))
    tasks = Array(tasks.prefix(top))
    loops = Array(loops.prefix(top))
  }

  private mutating func sortLocks<Key: Comparable>(_ key: (LockSummary) -> Key) {
    locks = locks.enumerated().map { (key: key($1), place: $0, lock: $1) }
      .sorted { $0.key == $1.key ? $0.place < $1.place : $0.key > $1.key }.map(\.lock)
  }

  private mutating func sortThreads<Key: Comparable>(_ key: (ThreadSummary) -> Key) {
    threads = threads.enumerated().map { (key: key($1), place: $0, thread: $1) }
      .sorted { $0.key == $1.key ? $0.place < $1.place : $0.key > $1.key }.map(\.thread)
  }
}
