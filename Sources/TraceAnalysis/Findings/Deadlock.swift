internal import TraceModel

/// Waits that had not ended when the recording or their process did: one of each thread.
struct UnfinishedWaits {
  struct Wait {
    var lock: LockID
    var kind: LockKind
    /// Who had the lock when the wait began; unknown where it was released since.
    var owner: ThreadID
    var start: Timestamp
    var end: Timestamp
    var stack: StackID
  }

  private(set) var all: [ThreadID: Wait] = [:]

  /// A wait has not ended. Only what another thread has, or another's end, can be waited for in a circle as
  /// far as is known.
  mutating func note(_ event: Event, kind: LockKind, isReleased: Bool) {
    guard (kind.isContended && !kind.isOfTasks) || kind == .thread else { return }
    all[event.thread] = Wait(
      lock: event.lock, kind: kind, owner: isReleased ? .unknown : event.owner,
      start: event.start, end: event.time, stack: event.stack)
  }
}

extension UnfinishedWaits {
  /// Who waits for whom. What threads are known to have had at the end is believed before who had it when a
  /// wait began.
  func graph(_ definitions: TraceDefinitions) -> WaitGraph {
    var holders: [LockID: [ThreadID]] = [:]
    for nesting in definitions.nestings where nesting.wanted == .unknown {
      for held in nesting.held { holders[held.lock, default: []].append(nesting.thread) }
    }
    var waitsFor: [ThreadID: [ThreadID]] = [:]
    for (thread, wait) in all {
      var others =
        wait.kind == .thread
        ? [definitions.locks[wait.lock]?.thread ?? .unknown] : holders[wait.lock] ?? [wait.owner]
      // A lock of Python's may be released by any thread, so that one may well wait for its own.
      if wait.kind == .pythonLock { others.removeAll { $0 == thread } }
      waitsFor[thread] = others
    }
    return WaitGraph(waitsFor)
  }
}

extension TraceAnalyzer {
  /// Links of a cycle that are told in words.
  private static let mostTold = 4

  /// That threads wait for each other in a circle, and nothing will ever end it: what they waited for when the
  /// recording ended, or they were killed.
  func deadlockFinding() -> Finding? {
    let graph = unfinished.graph(definitions)
    let found = graph.cycles.map { cycle -> Finding in
      let waits = cycle.compactMap { unfinished.all[$0] }
      let who = distinctNames(of: cycle)
      let links = cycle.indices.map { place in
        link(waits[place], heldBy: cycle.count == 1 ? nil : who[(place + 1) % cycle.count])
      }
      let told = links.prefix(TraceAnalyzer.mostTold).joined(separator: ", which waits for ")
      let more = links.count - TraceAnalyzer.mostTold
      let behind = graph.waitingBehind.count
      let closed = waits.map(\.start).max() ?? .zero
      return Finding(
        kind: "deadlock", severity: "warning",
        text: "deadlock: \(who[0]) waits for \(told)"
          + (more > 0 ? ", and so on over \(more) more" : "")
          + (behind > 0
            ? "; \(behind) more thread\(behind == 1 ? " waits" : "s wait") behind them" : "")
          + (cycle.count == 1
            ? ": do not lock it twice"
            : waits.contains { $0.kind == .thread }
              ? ": do not wait for a thread with what it wants"
              : ": acquire these locks in one order everywhere"),
        evidence: [
          "threads": Int64(cycle.count), "waitingBehind": Int64(behind),
          "startNs": closed.nanoseconds,
          "costNs": waits.reduce(0) { $0 &+ max(0, $1.end - $1.start) },
        ],
        places: zip(cycle, zip(waits, links)).map {
          place(of: $0, "waits for \($1.1)", $1.0.stack)
        })
    }
    return Finding.worst(of: found, things: "deadlocks")
  }

  private func link(_ wait: UnfinishedWaits.Wait, heldBy holder: String?) -> String {
    guard let holder else { return "\(names[wait.lock]), which it holds itself" }
    return wait.kind == .thread
      ? "the end of \(holder)" : "\(names[wait.lock]), held by \(holder)"
  }

  /// Names of threads, with their numbers where several have one name.
  func distinctNames(of threads: [ThreadID]) -> [String] {
    let all = threads.map { definitions.threads[$0] }
    let plain = all.map(name)
    return zip(all, plain).map { thread, name in
      guard plain.count(where: { $0 == name }) > 1, let thread else { return name }
      return "\(name) (\(thread.tid))"
    }
  }
}
