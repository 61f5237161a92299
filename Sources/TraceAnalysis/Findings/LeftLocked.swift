internal import TraceModel

/// Locks that threads left locked when they ended: whoever asks for one later waits for ever.
///
/// What a thread had when it was last seen is told by its last nesting. That counts where the thread ended by
/// itself while its process lived on; what the end of a process ended, has left nothing to anybody. It does not
/// count where another thread released the lock, which it may have been given, or got it as a robust mutex is got
/// from a thread that has ended.
struct LeftLocked {
  /// One lock and who left it.
  struct Left {
    var lock: LockID
    var thread: ThreadID
    /// When the thread ended.
    var time: Timestamp
  }

  /// In the order in which the threads ended.
  private(set) var left: [Left] = []

  init(_ definitions: TraceDefinitions) {
    let handedOver = Set(definitions.nestings.lazy.filter { $0.held.isEmpty }.map(\.wanted))
    for nesting in definitions.nestings where nesting.wanted == .unknown {
      guard let thread = definitions.threads[nesting.thread], let end = thread.end,
        let process = definitions.processes[thread.process], process.end.map({ end < $0 }) ?? true
      else { continue }
      for held in nesting.held {
        let kind = definitions.locks[held.lock]?.kind
        guard kind == .mutex || kind == .rwlock, !handedOver.contains(held.lock) else { continue }
        left.append(Left(lock: held.lock, thread: nesting.thread, time: end))
      }
    }
    left.sort { ($0.time, $0.lock) < ($1.time, $1.lock) }
  }
}

extension TraceAnalyzer {
  /// That a thread ended and left a lock locked.
  func leftFinding() -> Finding? {
    let left = LeftLocked(definitions).left
    guard let first = left.first else { return nil }
    let others = Set(left.map(\.lock)).count - 1
    return Finding(
      kind: "left-locked", severity: "warning",
      text: "\(distinctNames(of: [first.thread])[0]) ended and left \(names[first.lock]) locked"
        + (others > 0 ? " (and \(others) more locks were left so)" : "")
        + ": who asks for it waits for ever; unlock it on every way out",
      evidence: [
        "lock": Int64(first.lock.rawValue),
        "tid": Int64(definitions.threads[first.thread]?.tid ?? 0),
        "endNs": first.time.nanoseconds, "count": Int64(others + 1),
      ])
  }
}
