internal import TraceAnalysis
internal import TraceModel

// All that is known of one lock, or of another thing that threads wait for.
extension TextReport {
  func sections(of lock: LockSummary) -> [ReportSection] {
    let all = [
      head(lock), because(lock), users(lock), pairs(lock), waiters(lock),
      places(
        isContended(lock) ? "HELD UP" : "RELEASED",
        lock.holders.map { ($0.count, $0.blamedNs, $0.stack) }, of: lock.waitNs.total),
      gil(lock), sizes(lock), chains(through: lock),
    ]
    return all.compactMap(\.self)
  }

  /// Who waited, and where: for what is told as a queue.
  func waitSections(_ lock: LockSummary) -> [ReportSection?] { [users(lock), waiters(lock)] }

  private func waiters(_ lock: LockSummary) -> ReportSection? {
    places(
      "WAITED", lock.waiters.map { ($0.count, $0.waitNs, $0.stack) }, of: lock.waitNs.total)
  }

  /// Whether a wait for it is contention.
  func isContended(_ lock: LockSummary) -> Bool {
    LockKind.allCases.contains { $0.isContended && $0.name == lock.kind }
  }

  private func head(_ lock: LockSummary) -> ReportSection {
    var facts = [name(lock.name, lock.pid), lock.kind]
    if let busy = lock.utilisation { facts.append("busy \(busy.percent) of the run") }
    facts.append("acquired \(times(lock.acquisitions))")
    let part = lock.acquisitions >= lock.contended ? " (\(contention(lock)))" : ""
    facts.append("\(grouped(lock.contended)) had to wait\(lock.acquisitions > 0 ? part : "")")
    var blocks = [
      ReportSection.Block.facts(facts), summary("waited", lock.waitNs),
    ]
    if lock.holdNs.max > 0 {
      blocks.append(summary("held while others waited", lock.holdNs))
    }
    if let free = lock.ifFreeNs, free > 0 {
      blocks.append(
        .sentence(
          "if it were free, the run would be about \(brief(free)) shorter, "
            + "\(percent(free, of: report.recording.durationNs)) (an estimate)"))
    }
    return ReportSection("LOCK", blocks)
  }

  /// `waited 6.4 s in all · p50 12 us · p99 4.1 ms · max 18.0 ms`
  func summary(_ verb: String, _ times: TimeSummary) -> ReportSection.Block {
    .facts([
      "\(verb) \(brief(times.total)) in all", "p50 \(brief(times.p50))", "p99 \(brief(times.p99))",
      "max \(brief(times.max))",
    ])
  }

  /// Why the waits took as long as they did: what its holders did meanwhile.
  private func because(_ lock: LockSummary) -> ReportSection? {
    guard let split = lock.waitSplitNs else { return nil }
    let parts = [
      (split.holderRunning, "holder running"), (split.holderPreempted, "holder without a CPU"),
      (split.holderInLockWait, "holder waiting for a lock"),
      (split.holderInQueueWait, "holder waiting for a condition or queue"),
      (split.holderSleeping, "holder sleeping or in I/O"),
      (split.runQueue, "no CPU after the wakeup"), (split.other, "nobody known to hold it"),
    ]
    let whole = parts.saturatingSum(\.0)
    let told = parts.filter { $0.0 > 0 && $0.0 >= whole / 100 }.sorted { $0.0 > $1.0 }
    guard !told.isEmpty else { return nil }
    var blocks = [
      ReportSection.Block.facts(told.map { "\($0.1) \(percent($0.0, of: whole))" })
    ]
    let blockers = lock.heldUpBy.filter { $0.blamedNs > 0 }.prefix(top)
    if !blockers.isEmpty {
      blocks.append(
        .facts(["its holders waited for"] + blockers.map { "\($0.name) \(brief($0.blamedNs))" }))
    }
    return ReportSection("BECAUSE", blocks)
  }

  /// By thread.
  private func users(_ lock: LockSummary) -> ReportSection? {
    guard !lock.threads.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "THREADS", isFlexible: true), .init(title: "waited", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 2),
      .init(title: "longest", alignment: .right, leaves: 3),
      .init(title: "kept others waiting", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 1),
    ])
    for thread in lock.threads.prefix(top) {
      table.add([
        threadName(thread.name, thread.tid, thread.pid),
        thread.waits > 0 ? brief(thread.waitNs) : "", thread.waits > 0 ? grouped(thread.waits) : "",
        thread.waits > 0 ? brief(thread.maxNs) : "",
        thread.keptWaiting > 0 ? brief(thread.keptWaitingNs) : "",
        thread.keptWaiting > 0 ? grouped(thread.keptWaiting) : "",
      ])
    }
    return ReportSection(
      "THREADS", [.table(table.compact, rest: more(lock.threads.count - top, "thread"))])
  }

  /// Who waited for whom.
  private func pairs(_ lock: LockSummary) -> ReportSection? {
    let pairs = lock.pairs.filter { !$0.owner.isEmpty }
    guard !pairs.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "WHO FOR WHOM", isFlexible: true), .init(title: "waited", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 1),
      .init(title: "longest", alignment: .right, leaves: 2),
    ])
    for pair in pairs.prefix(top) {
      table.add([
        "\(threadName(pair.waiter, pair.waiterTid, pair.waiterPid)) \(backArrow) "
          + threadName(pair.owner, pair.ownerTid, pair.ownerPid),
        brief(pair.waitNs), grouped(pair.count), brief(pair.maxNs),
      ])
    }
    return ReportSection(
      "WHO FOR WHOM", [.table(table, rest: more(pairs.count - top, "pair"))])
  }

  /// Whole stacks, with what was counted at each.
  func places(
    _ title: String, _ places: [(count: UInt64, time: Int64, stack: [FrameSummary])],
    of whole: Int64
  ) -> ReportSection? {
    guard !places.isEmpty else { return nil }
    var blocks = [
      ReportSection.Block.stacks(
        places.prefix(top).map {
          (
            "\(brief($0.time)) (\(percent($0.time, of: whole))) in \(times($0.count))",
            frames($0.stack)
          )
        })
    ]
    if let rest = more(places.count - top, "place") { blocks.append(.sentence(rest)) }
    return ReportSection(title, blocks)
  }

  // MARK: Lengths

  private static let barWidth = 20

  /// How long waits were, and holds that others waited for.
  private func sizes(_ lock: LockSummary) -> ReportSection? {
    let ends = Set((lock.waitSizes + lock.holdSizes).map(\.belowNs)).sorted()
    guard ends.count > 1 else { return nil }
    let waits = Dictionary(lock.waitSizes.map { ($0.belowNs, $0.count) }) { $0 &+ $1 }
    let holds = Dictionary(lock.holdSizes.map { ($0.belowNs, $0.count) }) { $0 &+ $1 }
    var table = TextTable([
      .init(title: "SHORTER THAN", alignment: .right), .init(title: "waits", alignment: .right),
      .init(title: "", leaves: 2), .init(title: "holds", alignment: .right),
      .init(title: "", leaves: 1),
    ])
    for end in ends {
      table.add([
        brief(end), waits[end].map(grouped) ?? "", bar(waits[end], of: waits.values.max()),
        holds[end].map(grouped) ?? "", bar(holds[end], of: holds.values.max()),
      ])
    }
    return ReportSection("SHORTER THAN", [.table(table.compact, rest: nil)])
  }

  private func bar(_ count: UInt64?, of most: UInt64?) -> String {
    guard let count, count > 0, let most else { return "" }
    let length = Int((Double(count) / Double(most) * Double(TextReport.barWidth)).rounded())
    return String(repeating: style.hasUnicode ? "█" : "#", count: max(1, length))
  }

  private func chains(through lock: LockSummary) -> ReportSection? {
    let told = report.chains.filter { chain in
      chain.count > 0 && chain.links.contains { $0.lock == lock.id }
    }
    return told.isEmpty ? nil : ReportSection("CHAIN", told.map { .sentence(chain($0)) })
  }

  // MARK: The GIL

  /// What is known of an interpreter's lock beyond what is of others: each hold of it is measured.
  private func gil(_ lock: LockSummary) -> ReportSection? {
    guard let gil = report.gil.first(where: { $0.id == lock.id }) else { return nil }
    var table = TextTable([
      .init(title: "GIL", isFlexible: true), .init(title: "had it", alignment: .right),
      .init(title: "waited", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 1),
      .init(title: "p99", alignment: .right, leaves: 2), .init(title: ""),
      .init(title: "mostly for", isFlexible: true, leaves: 3),
    ])
    for thread in gil.threads.prefix(top) {
      let hasWaits = thread.waits > 0
      table.add([
        thread.name, percent(thread.heldNs, of: gil.wallNs),
        hasWaits ? brief(thread.waitNs.total) : "", hasWaits ? grouped(thread.waits) : "",
        hasWaits ? brief(thread.waitNs.p99) : "", thread.starved ? "starved" : "",
        thread.waitedMostFor.map { "\($0.name), \(times($0.count))" } ?? "",
      ])
    }
    var blocks = [
      ReportSection.Block.table(table.compact, rest: more(gil.threads.count - top, "thread")),
      .sentence(
        "had it: of the \(brief(gil.wallNs)) that its process lived; asked to let go "
          + times(gil.dropRequests)),
    ]
    if let worst = gil.worstHold {
      blocks.append(
        .stacks([
          (
            "longest waited for: \(brief(worst.waitedForNs)) of \(brief(worst.ns)) at "
              + "\(moment(worst.startNs)) in \(worst.thread)", frames(worst.stack)
          )
        ]))
    }
    if !gil.longHolds.isEmpty {
      blocks.append(
        .stacks(
          gil.longHolds.prefix(top).map {
            ("kept for \(brief($0.ns)) in \(times($0.count))", frames($0.stack))
          }))
    }
    return ReportSection("GIL", blocks)
  }
}
