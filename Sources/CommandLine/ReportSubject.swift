internal import TraceAnalysis
internal import TraceModel

/// The one thing that a report is about.
enum ReportSubject {
  case lock(LockSummary)
  case thread(ThreadSummary)
  case queue(QueueSummary)
  case loop(LoopSummary)
  case task(TaskSummary)

  /// What it is and what it is called.
  var words: String {
    switch self {
    case .lock(let lock): "lock \(lock.name)"
    case .thread(let thread): "thread \(thread.name)"
    case .queue(let queue): "queue \(queue.name)"
    case .loop(let loop): "queue \(loop.name)"
    case .task(let task): "task \(task.name)"
    }
  }

  /// The same of another form of the report.
  func printable(in report: Report) -> ReportSubject {
    switch self {
    case .lock(let lock): .lock(report.locks.first { $0.id == lock.id } ?? lock)
    case .thread(let thread):
      .thread(
        report.threads.first {
          $0.pid == thread.pid && $0.tid == thread.tid && $0.startNs == thread.startNs
        } ?? thread)
    case .queue(let queue): .queue(report.queues.first { $0.id == queue.id } ?? queue)
    case .loop(let loop): .loop(report.loops.first { $0.id == loop.id } ?? loop)
    case .task(let task):
      .task(report.tasks.first { $0.pid == task.pid && $0.name == task.name.printable } ?? task)
    }
  }
}

/// Looks for what a user has named.
///
/// What is called exactly so is meant, or else the only thing that has the words in its name. What shares
/// its name with others is told from them by what a report shows with it: `name [pid]`, the number of a
/// thread, as `name/tid` or alone, or the `id` of a lock or queue, as `#id`.
struct ReportSearch {
  let report: Report

  /// The lock, or other thing waited for, of a name.
  func lock(_ name: String) throws -> ReportSubject {
    .lock(
      try find(name, "lock", report.locks) {
        Names($0.name, pid: $0.pid, number: "#\($0.id)", identity: $0.identity)
      })
  }

  /// The thread of a name.
  func thread(_ name: String) throws -> ReportSubject {
    .thread(
      try find(name, "thread", report.threads) {
        Names(
          $0.name, pid: $0.pid, number: "\($0.name)/\($0.tid)",
          others: ["\($0.tid)", "\($0.name)/\($0.tid) [\($0.pid)]"])
      })
  }

  /// The queue, or event loop, of a name.
  func queue(_ name: String) throws -> ReportSubject {
    let queues = report.queues.map(ReportSubject.queue) + report.loops.map(ReportSubject.loop)
    return try find(name, "queue", queues) { subject in
      switch subject {
      case .queue(let queue):
        Names(
          queue.name, pid: queue.pid, number: "#\(queue.id)", identity: queue.identity)
      case .loop(let loop): Names(loop.name, pid: loop.pid, number: "#\(loop.id)")
      default: Names("", pid: 0, number: "")
      }
    }
  }

  /// The tasks of a name.
  func task(_ name: String) throws -> ReportSubject {
    .task(
      try find(name, "task", report.tasks) { Names($0.name, pid: $0.pid, number: nil) })
  }

  // MARK: Search

  /// What one thing is called.
  private struct Names {
    var name: String
    var withPID: String
    var number: String?
    var others: [String]

    /// What comparisons call it.
    var identity: String?

    init(
      _ name: String, pid: Int32, number: String?, others: [String] = [], identity: String? = nil
    ) {
      self.name = name
      withPID = "\(name) [\(pid)]"
      self.number = number
      self.others = others
      self.identity = identity
    }

    func isCalled(_ text: String) -> Bool {
      [name, withPID, name.printable, withPID.printable].contains(text) || number == text
        || others.contains(text) || identity == text || identity?.printable == text
    }
  }

  private static let mostListed = 5

  private func find<Thing>(
    _ text: String, _ noun: String, _ things: [Thing], _ names: (Thing) -> Names
  ) throws -> Thing {
    let all = things.map { (thing: $0, names: names($0)) }
    let exact = all.filter { $0.names.isCalled(text) }
    if exact.count == 1 { return exact[0].thing }
    let found = exact.isEmpty ? all.filter { $0.names.name.contains(text) && !text.isEmpty } : exact
    if found.count == 1 { return found[0].thing }
    if found.isEmpty {
      guard !all.isEmpty else {
        throw Failure(
          message: "no \(noun) is called \(text.printable): the recording has no \(noun)s")
      }
      throw Failure(
        message: "no \(noun) is called \(text.printable); \(nearest(text, all.map(\.names.name)))")
    }
    throw Failure(
      message: "--\(noun) \(text.printable) may be any of \(found.count): "
        + listed(found.map { shortest(telling: $0.names, among: all.map(\.names)) }))
  }

  /// A text that only one thing goes by, as far as there is one.
  private func shortest(telling names: Names, among all: [Names]) -> String {
    if all.count(where: { $0.name == names.name }) == 1 { return names.name }
    if all.count(where: { $0.withPID == names.withPID }) == 1 { return names.withPID }
    guard let number = names.number else { return names.withPID }
    return number.hasPrefix("#") ? "\(number) (\(names.name))" : number
  }

  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(ReportSearch.mostListed).map { shortened($0.printable, to: 40) }
    let more = names.count - shown.count
    return shown.joined(separator: ", ") + (more > 0 ? ", and \(more) more" : "")
  }

  private func nearest(_ text: String, _ names: [String]) -> String {
    // Those that cost most come first, and there may be very many.
    let candidates = Set(names.prefix(2000).filter { !$0.isEmpty })
    let ranked = candidates.map {
      (distance: editDistance(text.lowercased(), $0.lowercased()), name: $0)
    }
    .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    return "the nearest: " + listed(ranked.prefix(ReportSearch.mostListed).map(\.name))
  }
}

/// Letters to insert, delete or replace to make one text of the other (Levenshtein 1965), of the first 100
/// letters of each.
private func editDistance(_ left: String, _ right: String) -> Int {
  let (left, right) = (
    Array(left.unicodeScalars.prefix(100)), Array(right.unicodeScalars.prefix(100))
  )
  var row = Array(0...right.count)
  for (i, one) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in right.enumerated() {
      let replaced = diagonal + (one == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[right.count]
}

extension Report {
  /// The same schema with only what has to do with one thing.
  func about(_ subject: ReportSubject) -> Report {
    var report = self
    report.slices = []
    report.counters = []
    switch subject {
    case .lock(let lock):
      report.threads = users(of: lock)
      report.keep(locks: [lock.id])
      report.criticalPath = criticalPath.filter { $0.lock == lock.name }
      report.loops = []
    case .thread(let thread):
      let ids = thread.waits.map(\.lock)
      let held = locks.filter { lock in lock.pairs.contains { $0.ownerTid == thread.tid } }.map(
        \.id)
      report.keep(locks: Set(ids + held))
      report.threads = [thread]
      report.chains = chains.filter { chain in
        chain.waiterTid == thread.tid || chain.links.contains { $0.tid == thread.tid }
      }
      report.criticalPath = criticalPath.filter { $0.tid == thread.tid }
      report.tasks = tasks.filter { $0.longestStep?.tid == thread.tid }
      report.loops = []
      report.findings = findings.filter { finding in
        finding.evidence["tid"] == Int64(thread.tid)
          || (finding.places ?? []).contains { $0.tid == thread.tid && $0.pid == thread.pid }
      }
    case .queue(let queue):
      report.keep(locks: [queue.id])
      report.threads = locks.first { $0.id == queue.id }.map(users) ?? []
      report.criticalPath = criticalPath.filter { $0.lock == queue.name }
      report.loops = []
    case .loop(let loop):
      report.keep(locks: [loop.id])
      report.criticalPath = []
      report.loops = [loop]
      report.tasks = tasks.filter { $0.pid == loop.pid }
      report.threads = runners(of: report.tasks)
    case .task(let task):
      report.keep(locks: Set(task.waitedFor.map(\.lock)))
      report.threads = runners(of: [task])
      report.criticalPath = []
      report.tasks = [task]
      report.loops = loops.filter { $0.pid == task.pid }
      report.findings = findings.filter {
        $0.kind == "blocking-step" && $0.evidence["task"] == task.longestStep?.task
      }
    }
    return report
  }

  /// Threads that waited for a lock, or had it meanwhile.
  private func users(of lock: LockSummary) -> [ThreadSummary] {
    threads.filter { thread in
      lock.threads.contains { $0.tid == thread.tid && $0.pid == thread.pid }
    }
  }

  /// Threads that ran the longest steps of tasks.
  private func runners(of tasks: [TaskSummary]) -> [ThreadSummary] {
    threads.filter { thread in
      tasks.contains { $0.longestStep?.tid == thread.tid && $0.pid == thread.pid }
    }
  }

  private mutating func keep(locks ids: Set<UInt32>) {
    locks.removeAll { !ids.contains($0.id) }
    queues.removeAll { !ids.contains($0.id) }
    gil.removeAll { !ids.contains($0.id) }
    chains.removeAll { chain in !chain.links.contains { ids.contains($0.lock) } }
    tasks.removeAll { task in !task.waitedFor.contains { ids.contains($0.lock) } }
    findings.removeAll { finding in
      !ids.contains { [finding.evidence["lock"], finding.evidence["queue"]].contains(Int64($0)) }
    }
  }
}
