internal import TraceAnalysis
internal import TraceModel

// What threads wait for.
extension TextReport {
  /// What a thread holds while others have to wait: a wait for it is contention.
  private var contendedLocks: [LockSummary] {
    report.locks.filter { TextReport.contendedKinds.contains($0.kind) }
  }

  private static let contendedKinds = Set(
    LockKind.allCases.filter(\.isContended).map(\.name))

  /// Locks that were waited for. The others are counted; of those that Python makes for itself, that
  /// says nothing.
  var locks: ReportSection? {
    let locks = contendedLocks
    let told = isSorted ? locks : locks.filter { $0.contended > 0 }
    let others =
      isSorted
      ? 0 : locks.filter { $0.contended == 0 && $0.kind != LockKind.pythonLock.name }.count
    guard !told.isEmpty else {
      guard others > 0 else { return nil }
      let verb = others == 1 ? "nobody had to wait for it" : "nobody had to wait for any of them"
      return ReportSection("LOCKS", [.sentence("\(counted(others, "lock")): \(verb)")])
    }
    var table = TextTable([
      .init(title: "LOCKS", isFlexible: true, shortening: .file),
      .init(title: "busy", alignment: .right),
      .init(title: isWide ? "wait total" : "waited", alignment: .right),
      .init(title: "p50", alignment: .right, leaves: 2),
      .init(title: "p99", alignment: .right, leaves: 4),
      .init(title: "acquired", alignment: .right, leaves: 1),
      .init(title: "contended", alignment: .right, leaves: 3),
      .init(
        title: isWide ? "held longest by" : "held by", isFlexible: true, shortening: .firstWords),
    ])
    for lock in told.prefix(top) {
      let holder = lock.holders.max { $0.blamedNs < $1.blamedNs }
      table.add([
        name(lock.name, lock.pid), lock.utilisation?.percent ?? "",
        brief(lock.waitNs.total), brief(lock.waitNs.p50), brief(lock.waitNs.p99),
        compact(lock.acquisitions), contention(lock), holder.map { briefPlace($0.stack) } ?? "",
      ])
    }
    var rest = [more(told.count - top, "lock")].compactMap(\.self)
    if others > 0 { rest.append("\(counted(others, "lock")) that nobody waited for") }
    return ReportSection(
      "LOCKS",
      [.table(table.compact, rest: rest.isEmpty ? nil : rest.joined(separator: "; "))])
  }

  /// What threads wait for until another does something: told where nothing else is, and it is much.
  var waits: ReportSection? {
    let known = TextReport.contendedKinds.union([LockKind.thread, .poll, .call].map(\.name))
    let waits = report.locks.filter { !known.contains($0.kind) && $0.contended > 0 }
    let lives = report.threads.saturatingSum(\.lifetimeNs)
    guard !contendedLocks.contains(where: { $0.contended > 0 }), toldQueues.isEmpty,
      waits.saturatingSum(\.waitNs.total) > lives / 20
    else { return nil }
    var table = TextTable([
      .init(title: "WAITS", isFlexible: true), .init(title: "for a", leaves: 4),
      .init(title: "waited", alignment: .right),
      .init(title: "p50", alignment: .right, leaves: 1),
      .init(title: "p99", alignment: .right, leaves: 2),
      .init(title: "times", alignment: .right, leaves: 3),
      .init(title: "mostly in", isFlexible: true, shortening: .firstWords),
    ])
    for wait in waits.prefix(min(top, 3)) {
      table.add([
        name(wait.name, wait.pid), wait.kind, brief(wait.waitNs.total), brief(wait.waitNs.p50),
        brief(wait.waitNs.p99), grouped(wait.contended),
        wait.waiters.first.map { briefPlace($0.stack) } ?? "",
      ])
    }
    let rest = waits.count - min(top, 3)
    return ReportSection(
      "WAITS", [.table(table, rest: rest > 0 ? "and \(counted(rest, "other")) (--lock)" : nil)])
  }

  /// Who waited for whom: where the one waited for waited too, or did something else than run.
  var chains: ReportSection? {
    let told = report.chains.filter { chain in
      chain.count > 0 && chain.links.first?.tid != chain.waiterTid
        && (chain.links.count > 1 || chain.links.first.map { $0.doing != "running" } ?? false)
    }
    guard !told.isEmpty else { return nil }
    return ReportSection("CHAIN", told.map { .sentence(self.chain($0)) })
  }

  /// `worker-1 → cache_mu (worker-3) → log_mu (writer): 410 times, longest 18 ms`
  func chain(_ chain: ChainSummary) -> String {
    var parts = [threadName(chain.waiter, chain.waiterTid, chain.waiterPid)]
    for (place, link) in chain.links.enumerated() {
      var holder = threadName(link.holder, link.tid, link.pid)
      if place == chain.links.count - 1, link.doing != "running" { holder += ", \(link.doing)" }
      parts.append("\(link.name) (\(holder))")
    }
    return parts.joined(separator: " \(arrow) ")
      + ": \(times(chain.count)), longest \(brief(chain.longestNs))"
  }

  /// What had to happen for the run to take as long as it did: told where waiting is a good part of it.
  var path: ReportSection? {
    guard report.recording.scheduling != "off" else { return nil }
    let whole = report.criticalPath.saturatingSum(\.ns)
    let lost = report.criticalPath.filter {
      $0.doing == "waiting for a lock" || $0.doing == "runnable"
    }
    guard lost.saturatingSum(\.ns) > whole / 10 else { return nil }
    let parts = report.criticalPath.filter { $0.ns >= whole / 50 }.prefix(3).map { part in
      "\(percent(part.ns, of: whole)) \(threadName(part.name, part.tid, part.pid)) \(part.doing)"
        + (part.lock.isEmpty ? "" : " (\(part.lock))")
    }
    return ReportSection("CRITICAL", [.facts(Array(parts))])
  }

  /// Whether there is room for longer headings.
  private var isWide: Bool { style.columns >= 100 }

  /// What part of the acquisitions had to wait.
  func contention(_ lock: LockSummary) -> String {
    guard lock.acquisitions > 0, lock.contended <= lock.acquisitions else {
      return grouped(lock.contended)
    }
    return (Double(lock.contended) / Double(lock.acquisitions)).percent
  }

  /// `812,004`, `41.2 M`
  private func compact(_ number: UInt64) -> String {
    number < 10_000_000 ? grouped(number) : tenths(Double(number) / 1e6) + " M"
  }
}
