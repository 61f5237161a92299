internal import TraceAnalysis
internal import TraceModel

// All that is known of one thread.
extension TextReport {
  func sections(of thread: ThreadSummary) -> [ReportSection] {
    let all = [
      head(thread), life(thread), longest(thread), waitedFor(thread), keptWaiting(thread),
      scheduling(thread), wakers(thread), path(thread), chains(with: thread),
    ]
    return all.compactMap(\.self)
  }

  private func head(_ thread: ThreadSummary) -> ReportSection {
    let life = thread.lifetimeNs
    func part(_ word: String, _ time: Int64) -> String {
      "\(word) \(brief(time)) (\(percent(time, of: life)))"
    }
    return ReportSection(
      "THREAD",
      [
        .facts([
          label(thread), "number \(thread.tid) in process \(thread.pid)",
          "from \(moment(thread.startNs)) to \(moment(thread.endNs))",
        ]),
        .facts([
          part("running", thread.runNs), part("waiting for locks", thread.lockWaitNs),
          part("no CPU", thread.runnableNs), part("waiting for queues", thread.queueWaitNs),
          part("idle", thread.idleNs),
        ]),
      ])
  }

  private func life(_ thread: ThreadSummary) -> ReportSection {
    let width = stripWidth(besides: SectionText.indent)
    return ReportSection(
      "LIFE",
      [.lines([timelineTitle(width), strip(thread, width)]), .sentence(legend([thread.states]))])
  }

  private func longest(_ thread: ThreadSummary) -> ReportSection? {
    guard let wait = thread.longestWait, wait.waitNs > 0 else { return nil }
    let owner = wait.owner.map { " \(backArrow) \($0)" } ?? ""
    return ReportSection(
      "LONGEST",
      [
        .stacks([
          (
            "waited \(brief(wait.waitNs)) at \(moment(wait.startNs)) for \(wait.name)\(owner)",
            frames(wait.stack)
          )
        ])
      ])
  }

  private func waitedFor(_ thread: ThreadSummary) -> ReportSection? {
    guard !thread.waits.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "WAITED FOR", isFlexible: true), .init(title: "a", leaves: 1),
      .init(title: "waited", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 2),
      .init(title: "longest", alignment: .right, leaves: 3),
      .init(title: "mostly held by", isFlexible: true),
    ])
    for wait in thread.waits.prefix(top) {
      table.add([
        wait.name, wait.kind, brief(wait.waitNs), grouped(wait.count), brief(wait.maxNs),
        wait.owner ?? "",
      ])
    }
    return ReportSection(
      "WAITED FOR", [.table(table.compact, rest: more(thread.waits.count - top, "lock"))])
  }

  /// Whom it kept waiting.
  private func keptWaiting(_ thread: ThreadSummary) -> ReportSection? {
    let pairs = report.locks.flatMap { lock in
      lock.pairs.filter { $0.ownerTid == thread.tid && $0.ownerPid == thread.pid }
        .map { (lock: lock, pair: $0) }
    }.sorted { ($1.pair.waitNs, $0.lock.id) < ($0.pair.waitNs, $1.lock.id) }
    guard !pairs.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "KEPT WAITING", isFlexible: true), .init(title: "for", isFlexible: true),
      .init(title: "waited", alignment: .right),
      .init(title: "times", alignment: .right, leaves: 1),
      .init(title: "longest", alignment: .right, leaves: 2),
    ])
    for (lock, pair) in pairs.prefix(top) {
      table.add([
        threadName(pair.waiter, pair.waiterTid, pair.waiterPid), name(lock.name, lock.pid),
        brief(pair.waitNs), grouped(pair.count), brief(pair.maxNs),
      ])
    }
    return ReportSection(
      "KEPT WAITING", [.table(table, rest: more(pairs.count - top, "pair"))])
  }

  private func scheduling(_ thread: ThreadSummary) -> ReportSection? {
    guard let switches = thread.switches else { return nil }
    var blocks = [
      ReportSection.Block.facts([
        "left its CPU \(times(switches.voluntary)) to wait",
        "\(times(switches.preempted)) when it could have run on",
        "came back on another CPU \(times(thread.migrations ?? 0))",
      ])
    ]
    if let latency = thread.runQueueNs, latency.max > 0 {
      blocks.append(summary("ready, without a CPU:", latency))
    }
    return ReportSection("CPU", blocks)
  }

  private func wakers(_ thread: ThreadSummary) -> ReportSection? {
    guard !thread.wakers.isEmpty else { return nil }
    return ReportSection(
      "WOKEN BY",
      [
        .facts(
          thread.wakers.prefix(top).map {
            "\(threadName($0.name, $0.tid, $0.pid)) \(times($0.count))"
          })
      ])
  }

  /// What of the critical path it was.
  private func path(_ thread: ThreadSummary) -> ReportSection? {
    let whole = report.criticalPath.saturatingSum(\.ns)
    let own = report.criticalPath.filter {
      $0.tid == thread.tid && $0.pid == thread.pid && $0.ns > 0
    }
    guard !own.isEmpty else { return nil }
    return ReportSection(
      "CRITICAL",
      [
        .facts(
          own.map {
            "\(percent($0.ns, of: whole)) of the critical path: \($0.doing)"
              + ($0.lock.isEmpty ? "" : " (\($0.lock))")
          })
      ])
  }

  private func chains(with thread: ThreadSummary) -> ReportSection? {
    let told = report.chains.filter { chain in
      chain.count > 0
        && (chain.waiterTid == thread.tid || chain.links.contains { $0.tid == thread.tid })
    }
    return told.isEmpty ? nil : ReportSection("CHAIN", told.map { .sentence(chain($0)) })
  }
}
