internal import TraceAnalysis
internal import TraceModel

/// A report as a terminal shows it: the verdict first, then where the time went, then the figures
/// behind it.
struct TextReport {
  let report: Report
  let style: Style
  private let file: String
  let top: Int

  init(_ report: Report, style: Style, file: String, top: Int = 5) {
    self.report = report
    self.style = style
    self.file = file
    self.top = top
  }

  /// The whole text, ending with a line break.
  var text: String {
    var sections = [headline, verdict]
    if !report.threads.isEmpty { sections.append(time) }
    if let gil { sections.append(gil) }
    if let locks { sections.append(locks) }
    if let places { sections.append(places) }
    if let chains { sections.append(chains) }
    if let path { sections.append(path) }
    if let waits { sections.append(waits) }
    if let tasks { sections.append(tasks) }
    if let blockingSteps { sections.append(blockingSteps) }
    if let loops { sections.append(loops) }
    if !report.threads.isEmpty { sections.append(threads) }
    if let queues { sections.append(queues) }
    if let queueUsers { sections.append(queueUsers) }
    if let work { sections.append(work) }
    if let counters { sections.append(counters) }
    sections.append(next)
    return sections.joined(separator: "\n")
  }

  // MARK: Head

  var headline: String {
    let recording = report.recording
    var parts = [
      "\(programName) \(ending) after \(brief(recording.durationNs))",
      "\(count(report.threads.count, "thread")) on \(count(Int(recording.cpus), "CPU"))",
      "\(grouped(recording.events)) events, \(grouped(recording.lostEvents)) lost",
      "est. overhead \(overhead)",
    ]
    if recording.unrecordedThreads > 0 {
      parts.append("\(grouped(recording.unrecordedThreads)) threads not recorded")
    }
    if !recording.complete { parts.append("INCOMPLETE: the recorder did not finish") }
    var lines = wrapped("ctrace:", parts, separator: style.hasUnicode ? " · " : ", ")
    if recording.lostEvents > 0 || !recording.complete { lines = lines.map(style.warning) }
    for note in recording.notes {
      lines += wrapped("note:", note.split(separator: " "), separator: " ")
    }
    let reason = recording.schedulingReason
    let source =
      recording.scheduling + (reason.isEmpty ? "" : "; the kernel's tracepoints: \(reason)")
    lines += wrapped("scheduling:", source.split(separator: " "), separator: " ").map(style.dim)
    return lines.joined(separator: "\n") + "\n"
  }

  private var programName: String {
    report.recording.program.first?.split(separator: "/").last.map(String.init) ?? "?"
  }

  private var ending: String {
    if let signal = report.recording.signal { return "was killed by signal \(signal)" }
    if let status = report.recording.exitCode { return "exited \(status)" }
    return "ran on"
  }

  /// Of the time that threads had a CPU or could have had one.
  private var overhead: String {
    let time = report.threads.saturatingSum { max($0.runNs, $0.lifetimeNs / 20) }
    guard time > 0 else { return "0 %" }
    let part = Double(report.recording.overheadNs) / Double(time)
    return part < 0.01 ? "<1 %" : "\(Int((min(part, 9.99) * 100).rounded())) %"
  }

  var verdict: String {
    let finding = report.findings.first
    let label = finding?.severity == "warning" ? style.warning("VERDICT") : style.bold("VERDICT")
    let words = (finding?.text ?? "").split(separator: " ")
    var lines = wrapped("VERDICT  ", words, separator: " ")
      .map { $0.replacing("VERDICT", with: label, maxReplacements: 1) }
    for other in report.findings.dropFirst() where other.severity == "warning" {
      lines += wrapped("  and    ", other.text.split(separator: " "), separator: " ")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var time: String {
    let total = report.threads.saturatingSum(\.lifetimeNs)
    func part(_ time: (ThreadSummary) -> Int64) -> String {
      percent(report.threads.saturatingSum(time), of: total)
    }
    var parts = ["running \(part(\.runNs))", "waiting for locks \(part(\.lockWaitNs))"]
    if report.recording.scheduling != "off" {
      parts.append("runnable, no CPU \(part(\.runnableNs))")
    }
    parts.append("idle, queue and I/O \(part { $0.queueWaitNs.saturatingAdd($0.idleNs) })")
    return wrapped("TIME     ", parts, separator: "   ")
      .map { $0.replacing("TIME", with: style.bold("TIME"), maxReplacements: 1) }
      .joined(separator: "\n") + "\n"
  }

  // MARK: Locks

  /// What a thread holds while others have to wait: a wait for it is contention.
  private var contendedLocks: [LockSummary] {
    // Python makes many locks for itself, which are of interest only where they are waited for.
    report.locks.filter {
      TextReport.contendedKinds.contains($0.kind)
        && ($0.kind != LockKind.pythonLock.name || $0.contended > 0)
    }
  }

  /// Kinds of locks; that of interpreters is told by itself.
  private static let contendedKinds = Set(
    LockKind.allCases.filter { $0.isContended && $0 != .gil }.map(\.name))

  private var locks: String? {
    let locks = contendedLocks
    guard !locks.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "LOCKS", isFlexible: true), .init(title: "busy", alignment: .right),
      .init(title: "waited", alignment: .right), .init(title: "p50", alignment: .right),
      .init(title: "p99", alignment: .right), .init(title: "acquired", alignment: .right),
      .init(title: "contended", alignment: .right),
      .init(title: "held by", isFlexible: true),
    ])
    for lock in locks.prefix(top) {
      let holder = lock.holders.max { $0.blamedNs < $1.blamedNs }
      table.add([
        name(lock.name, lock.pid),
        lock.utilisation.map(percent) ?? "",
        brief(lock.waitNs.total), brief(lock.waitNs.p50), brief(lock.waitNs.p99),
        grouped(lock.acquisitions), contention(lock), holder.map { briefPlace($0.stack) } ?? "",
      ])
    }
    return section(table, more: locks.count - top, "lock")
  }

  /// Kinds of what is told as contention, with the threads, or with the queues.
  private static let toldElsewhere = contendedKinds.union(
    [LockKind.gil, .thread].map(\.name))

  /// What threads wait for until another does something: no contention. Joins are told by the
  /// threads.
  private var waits: String? {
    let waits = report.locks.filter {
      !TextReport.toldElsewhere.contains($0.kind) && $0.contended > 0
    }
    guard !waits.isEmpty else { return nil }
    var table = TextTable([
      .init(title: "WAITS", isFlexible: true), .init(title: "for a"),
      .init(title: "waited", alignment: .right), .init(title: "p50", alignment: .right),
      .init(title: "p99", alignment: .right), .init(title: "times", alignment: .right),
      .init(title: "mostly in", isFlexible: true),
    ])
    for wait in waits.prefix(top) {
      table.add([
        name(wait.name, wait.pid), wait.kind, brief(wait.waitNs.total), brief(wait.waitNs.p50),
        brief(wait.waitNs.p99), grouped(wait.contended),
        wait.waiters.first.map { briefPlace($0.stack) } ?? "",
      ])
    }
    return section(table, more: waits.count - top, "thing waited for", plural: "things waited for")
  }

  private func contention(_ lock: LockSummary) -> String {
    guard lock.acquisitions > 0, lock.contended <= lock.acquisitions else {
      return grouped(lock.contended)
    }
    let part = Double(lock.contended) / Double(lock.acquisitions) * 100
    if lock.contended == 0 { return "0 %" }
    return part < 1 ? "<1 %" : "\(Int(part.rounded())) %"
  }

  /// Who waited and who held, for the locks that cost most.
  private var places: String? {
    let worst = contendedLocks.filter { $0.contended > 0 && $0.waitNs.total > 0 }.prefix(3)
    guard !worst.isEmpty else { return nil }
    var lines: [String] = []
    for lock in worst {
      lines.append(style.bold("\(lock.name)"))
      for waiter in lock.waiters.prefix(3) {
        lines.append(
          fit("  waited  \(brief(waiter.waitNs)) in \(times(waiter.count))  \(chain(waiter.stack))")
        )
      }
      for holder in lock.holders.prefix(3) {
        lines.append(
          fit(
            "  held up \(brief(holder.blamedNs)) in \(times(holder.count))  \(chain(holder.stack))")
        )
      }
      lines += why(lock)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Why the waits took as long as they did, and what they cost the run.
  private func why(_ lock: LockSummary) -> [String] {
    var lines: [String] = []
    if let split = lock.waitSplitNs {
      let parts = [
        (split.holderRunning, "holder running"), (split.holderPreempted, "holder preempted"),
        (split.holderInLockWait, "holder waiting for a lock"),
        (split.holderInQueueWait, "holder waiting for a condition or queue"),
        (split.holderSleeping, "holder sleeping or in I/O"),
        (split.runQueue, "no CPU after the wakeup"), (split.other, "nobody known to hold it"),
      ]
      let whole = max(1, parts.saturatingSum(\.0))
      let told = parts.filter { $0.0 >= whole / 100 && $0.0 > 0 }.sorted { $0.0 > $1.0 }
        .map { "\($0.1) \(percent($0.0, of: whole))" }
      lines += wrapped("  because", told, separator: ", ")
    }
    if let free = lock.ifFreeNs, free >= report.recording.durationNs / 100 {
      lines.append(
        fit(
          "  if it were free, the run would be about \(percent(free, of: report.recording.durationNs))"
            + " shorter (an estimate)"))
    }
    return lines
  }

  func percent(_ part: Int64, of whole: Int64) -> String {
    percent(Double(part) / Double(max(whole, 1)))
  }

  /// A part is at most the whole, whatever a damaged recording says.
  private func percent(_ part: Double) -> String {
    "\(Int((min(max(part, 0), 1) * 100).rounded())) %"
  }

  /// Who waited for whom, where the one waited for waited too.
  private var chains: String? {
    let chains = report.chains.filter { $0.links.count > 1 }
    guard !chains.isEmpty else { return nil }
    var lines: [String] = []
    for chain in chains {
      for (depth, link) in chain.links.enumerated() {
        let indent = String(repeating: "  ", count: min(depth, 8))
        let start = depth == 0 ? "CHAIN    " : "         \(indent)"
        let line =
          "\(start)\(link.name), held by \(threadName(link.holder, link.tid, link.pid)): "
          + "\(link.doing), \(brief(link.ns))"
        lines.append(
          fit(line).replacing("CHAIN", with: style.bold("CHAIN"), maxReplacements: 1))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What had to happen for the run to take as long as it did.
  private var path: String? {
    guard report.recording.scheduling != "off", !report.criticalPath.isEmpty else { return nil }
    let whole = report.criticalPath.saturatingSum(\.ns)
    let parts = report.criticalPath.filter { $0.ns >= whole / 100 && $0.ns > 0 }.prefix(5).map {
      "\(percent($0.ns, of: whole)) \(threadName($0.name, $0.tid, $0.pid)) \($0.doing)"
        + ($0.lock.isEmpty ? "" : " (\($0.lock))")
    }
    return wrapped("CRITICAL ", Array(parts), separator: style.hasUnicode ? " · " : ", ")
      .joined(separator: "\n")
      .replacing("CRITICAL", with: style.bold("CRITICAL"), maxReplacements: 1) + "\n"
  }

  func chain(_ stack: [FrameSummary]) -> String {
    guard !stack.isEmpty else { return "(place unknown)" }
    // How Python itself begins a thread, or calls a function back, is of no interest.
    let own = stack.lastIndex {
      $0.module == Symbol.pythonModule && !PythonLibrary.contains(file: $0.file)
    }
    guard let own else { return stack.prefix(4).map { place([$0]) }.joined(separator: " < ") }
    let told = stack[...own].enumerated().filter {
      $0.offset == 0 || !PythonLibrary.contains(file: $0.element.file)
    }
    return told.prefix(4).map { place([$0.element]) }.joined(separator: " < ")
  }

  /// For cells of tables: of Python code the line, which is enough to find it.
  private func briefPlace(_ stack: [FrameSummary]) -> String {
    guard let frame = stack.first, frame.module == Symbol.pythonModule else { return place(stack) }
    return "\(frame.file.split(separator: "/").last ?? ""):\(frame.line)"
  }

  private func place(_ stack: [FrameSummary]) -> String {
    guard let frame = stack.first else { return "" }
    let function =
      frame.function.isEmpty
      ? "\(frame.module.isEmpty ? "?" : frame.module)+0x\(String(frame.offset, radix: 16))"
      : frame.function
    guard !frame.file.isEmpty else { return function }
    return "\(function) \(frame.file.split(separator: "/").last ?? ""):\(frame.line)"
  }

  // MARK: Threads

  private var threads: String {
    var table = TextTable([
      .init(title: "THREADS", isFlexible: true), .init(title: timelineTitle),
      .init(title: "run", alignment: .right), .init(title: "lock", alignment: .right),
      .init(title: "waited most for", isFlexible: true),
    ])
    let sorted = report.threads.sorted {
      ($1.lockWaitNs, $1.lifetimeNs, $0.tid) < ($0.lockWaitNs, $0.lifetimeNs, $1.tid)
    }
    for thread in sorted.prefix(top) {
      var blocked = ""
      if let block = thread.waitedMostFor {
        blocked = block.name
        if let owner = block.owner { blocked += "\(style.hasUnicode ? " ← " : " <- ")\(owner)" }
      }
      table.add([
        name(thread.daemon == true ? "\(thread.name) (daemon)" : thread.name, thread.pid),
        strip(thread), percent(thread.runNs, of: thread.lifetimeNs),
        percent(thread.lockWaitNs, of: thread.lifetimeNs),
        blocked,
      ])
    }
    return section(table, more: report.threads.count - top, "thread")
  }

  private static let stripWidth = 20

  private var timelineTitle: String {
    let end = brief(report.recording.durationNs)
    let gap = TextReport.stripWidth - 1 - end.count
    return "0" + String(repeating: " ", count: max(1, gap)) + end
  }

  /// The thread's life in equal parts of the run: mostly waiting for locks, partly, or not.
  private func strip(_ thread: ThreadSummary) -> String {
    let width = TextReport.stripWidth
    // So short that no part of it ends beyond all numbers.
    let length = min(report.recording.durationNs, .max / 2) / Int64(width) + 1
    let marks = style.hasUnicode ? (" ", "█", "▒", "░") : (" ", "#", "+", ".")
    return (0..<width).map { part in
      let start = Int64(part) * length
      guard thread.startNs < start + length, thread.endNs > start else { return marks.0 }
      let parts = thread.lockWaitTimeline
      let merged = parts.count / width
      let waited =
        merged > 0 ? parts[(part * merged)..<((part + 1) * merged)].reduce(0, &+) : 0
      let share = Double(waited) / Double(length)
      return share > 0.5 ? marks.3 : share > 0.1 ? marks.2 : marks.1
    }.joined()
  }

  private var next: String {
    let json = file.hasSuffix(".ctrace") ? "\(file.dropLast(7)).json" : "\(file).json"
    let export = "ctrace export \(file) -o \(json)"
    let hint = "  (opens in ui.perfetto.dev)"
    let hasRoom = 9 + export.count + hint.count <= style.columns
    return wrapped(
      "NEXT     ", ["ctrace report --top 50 \(file)", hasRoom ? export + hint : export],
      separator: "\n         "
    ).joined(separator: "\n").replacing("NEXT", with: style.bold("NEXT"), maxReplacements: 1)
      + "\n"
  }

  // MARK: Words

  func section(
    _ table: TextTable, more: Int, _ noun: String, plural: String? = nil
  ) -> String {
    var lines = table.lines(width: style.columns)
    if !lines.isEmpty { lines[0] = style.bold(lines[0]) }
    if more > 0 {
      let nouns = more == 1 ? noun : plural ?? noun + "s"
      lines.append(style.dim("and \(grouped(UInt64(more))) more \(nouns) (--top)"))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// With the number where several threads have the name.
  private func threadName(_ name: String, _ tid: Int32, _ pid: Int32) -> String {
    guard !name.isEmpty else { return "?" }
    let namesakes = report.threads.filter { $0.name == name && $0.pid == pid }
    return self.name(namesakes.count > 1 ? "\(name)/\(tid)" : name, pid)
  }

  /// With the process where there are several.
  func name(_ name: String, _ pid: Int32) -> String {
    report.processes.count > 1 ? "\(name) [\(pid)]" : name
  }

  func brief(_ nanoseconds: Int64) -> String { Duration.nanoseconds(nanoseconds).brief }

  func times(_ count: UInt64) -> String {
    count == 1 ? "1 time" : "\(grouped(count)) times"
  }

  private func count(_ count: Int, _ noun: String) -> String {
    "\(grouped(UInt64(max(count, 0)))) \(noun)\(count == 1 ? "" : "s")"
  }

  /// `1,234,567`
  func grouped(_ number: UInt64) -> String {
    var text = ""
    for (place, digit) in String(number).reversed().enumerated() {
      if place > 0 && place % 3 == 0 { text = "," + text }
      text = "\(digit)" + text
    }
    return text
  }

  func fit(_ line: String) -> String {
    line.count <= style.columns ? line : line.prefix(style.columns - 2) + ".."
  }

  /// Parts behind a label, on as many lines as they need, the later ones indented like the first.
  func wrapped(
    _ label: String, _ parts: [some StringProtocol], separator: String
  ) -> [String] {
    var lines: [String] = []
    var line = label.hasSuffix(" ") ? label : label + " "
    let indent = String(repeating: " ", count: line.count)
    var isEmpty = true
    for part in parts {
      if !isEmpty && line.count + separator.count + part.count > style.columns {
        lines.append(line)
        line = indent
        isEmpty = true
      }
      line += (isEmpty ? "" : separator) + part
      isEmpty = false
    }
    return lines + [line]
  }
}

extension ThreadSummary {
  /// From its start to its end.
  fileprivate var lifetimeNs: Int64 {
    Timestamp(nanoseconds: endNs) - Timestamp(nanoseconds: startNs)
  }
}
