internal import TraceAnalysis
internal import TraceModel

// What each thread did.
extension TextReport {
  /// Threads that did something, those that waited longest for locks first.
  var threads: ReportSection? {
    guard !report.threads.isEmpty else { return nil }
    let told = isSorted ? report.threads : worthARow
    let others = report.threads.count - told.count
    guard !told.isEmpty else {
      return ReportSection(
        "THREADS", [.sentence("\(counted(others, "thread")), idle nearly all the time")])
    }
    // The picture gives way to names.
    let labels = told.prefix(top).map { tableLabel($0).columns }.max() ?? 0
    let blocks = told.prefix(top).map { blocked($0).columns }.max() ?? 0
    let words = min(max(labels, 7) + max(blocks, 15), 40) + 15
    let width = stripWidth(besides: words)
    var table = TextTable([
      .init(title: "THREADS", isFlexible: true), .init(title: timelineTitle(width), leaves: 2),
      .init(title: "run", alignment: .right, leaves: 1), .init(title: "lock", alignment: .right),
      .init(title: "waited most for", isFlexible: true),
    ])
    for thread in told.prefix(top) {
      let life = thread.lifetimeNs
      table.add([
        tableLabel(thread), strip(thread, width), percent(thread.runNs, of: life),
        percent(thread.lockWaitNs, of: life), blocked(thread),
      ])
    }
    var rest = [more(told.count - top, "thread")].compactMap(\.self)
    if others > 0 { rest.append("\(counted(others, "thread")) idle nearly all the time") }
    let isDrawn = table.narrowed(to: style.columns).columns.count > 3
    if isDrawn { rest.append(legend(told.prefix(top).map(\.states))) }
    return ReportSection(
      "THREADS", [.table(table, rest: rest.isEmpty ? nil : rest.joined(separator: "; "))])
  }

  /// Those that waited for locks or ran, the longest waits first.
  private var worthARow: [ThreadSummary] {
    report.threads.filter(isBusy).sorted {
      ($1.lockWaitNs, $1.runNs, $1.lifetimeNs, $0.tid)
        < ($0.lockWaitNs, $0.runNs, $0.lifetimeNs, $1.tid)
    }
  }

  /// Whether it ran, could have run, or waited for locks for a part of its life that is worth a row.
  private func isBusy(_ thread: ThreadSummary) -> Bool {
    max(thread.runNs.saturatingAdd(thread.runnableNs), thread.lockWaitNs) > thread.lifetimeNs / 100
  }

  /// What it is called, and how it can be named to `--thread`.
  func label(_ thread: ThreadSummary) -> String {
    let name = threadName(thread.name, thread.tid, thread.pid)
    return thread.daemon == true ? "\(name) (daemon)" : name
  }

  /// A thread that has no name of its own has its program's, which says nothing beside others: its number
  /// is what it is called in a table.
  private func tableLabel(_ thread: ThreadSummary) -> String {
    let isNamed = report.processes.allSatisfy {
      $0.pid != thread.pid || !$0.name.hasPrefix(thread.name)
    }
    let namesakes = report.threads.lazy.filter { $0.name == thread.name && $0.pid == thread.pid }
    guard !isNamed, namesakes.prefix(2).count > 1, thread.tid != thread.pid else {
      return thread.tid == thread.pid ? name(thread.name, thread.pid) : label(thread)
    }
    return name("\(thread.tid)", thread.pid)
  }

  /// `cache_mu ← worker-3`
  private func blocked(_ thread: ThreadSummary) -> String {
    guard let block = thread.waitedMostFor else { return "" }
    let lock = withoutFile(block.name)
    guard let owner = block.owner else { return lock }
    return "\(lock) \(backArrow) \(owner)"
  }

  // MARK: Strips

  /// As many letters as a thread's life is told in, or half of them where there is no room beside so many
  /// columns.
  func stripWidth(besides columns: Int) -> Int { columns + 40 <= style.columns ? 40 : 20 }

  /// The times at the ends of strips.
  func timelineTitle(_ width: Int) -> String {
    let start = report.recording.fromNs.map(moment) ?? "0"
    let end = report.recording.toNs.map(moment) ?? brief(report.recording.durationNs)
    return start + String(repeating: " ", count: max(1, width - start.columns - end.columns)) + end
  }

  /// The marks of a strip, by the letters of ``ThreadSummary/states``.
  private var marks: [(letter: Character, mark: Character, word: String)] {
    style.hasUnicode
      ? [
        ("r", "█", "running"), ("w", "▓", "no CPU"), ("l", "░", "waiting for a lock"),
        ("q", "·", "idle or queue"), ("i", "·", "idle or queue"), ("u", "─", "not known"),
      ]
      : [
        ("r", "#", "running"), ("w", "+", "no CPU"), ("l", "x", "waiting for a lock"),
        ("q", ".", "idle or queue"), ("i", ".", "idle or queue"), ("u", "-", "not known"),
      ]
  }

  /// The thread's life in equal parts of the run: what it did most in each.
  func strip(_ thread: ThreadSummary, _ width: Int) -> String {
    let states = Array(thread.states)
    let merged = max(1, states.count / width)
    return String(
      stride(from: 0, to: states.count, by: merged).map { start in
        // Of two parts the one with the more remarkable state, a lock before all.
        let part = states[start..<min(start + merged, states.count)]
        return marks.first { $0.letter == "l" && part.contains("l") }?.mark
          ?? marks.first { $0.letter == part.first }?.mark ?? " "
      })
  }

  /// What the marks that occur stand for.
  func legend(_ strips: [String]) -> String {
    var told: [String] = []
    for (letter, mark, word) in marks where strips.contains(where: { $0.contains(letter) }) {
      let text = "\(mark) \(word)"
      if !told.contains(text) { told.append(text) }
    }
    return told.joined(separator: ", ")
  }
}
