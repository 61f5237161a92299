internal import FoundationEssentials
internal import TraceAnalysis
internal import TraceModel

/// A report as one page that needs nothing beside itself: no network, no other file.
///
/// The page is a frame, a style and scripts, which stand beside this file, around the report's data as
/// JSON. What the data says is drawn by the scripts as text, never as markup.
struct HTMLReport {
  /// Bytes that the data may have: much more makes browsers slow.
  static let mostBytes = 8 << 20
  /// Threads on the timeline.
  static let threads = 64

  let report: Report
  let timeline: RunTimeline
  /// The recording's name, for the commands that the page names.
  let file: String

  /// The page.
  func page() throws -> [UInt8] {
    let program = report.recording.program.first?.split(separator: "/").last.map(String.init)
    let parts: [String: [UInt8]] = [
      "title": Array(HTMLFrame.escaped("\((program ?? "?").prefix(100)): ctrace").utf8),
      "style": PackageResources.page_css,
      "data": try data(),
      "script": PackageResources.words_js + PackageResources.links_js
        + PackageResources.tables_js + PackageResources.timeline_js + PackageResources.flame_js
        + PackageResources.page_js,
    ]
    return HTMLFrame.filled(PackageResources.page_html, with: parts)
  }

  /// The data as JSON that can stand in a script element: it has no `<`, so that nothing in it can end
  /// the element.
  ///
  /// As much of the report as fits: when it does not, tables and stacks become shorter, the least
  /// important rows first.
  func data(most: Int = HTMLReport.mostBytes) throws -> [UInt8] {
    var limits = PageLimits()
    while true {
      let bytes = try encoded(PageData(report, timeline, file: file, limits))
      if bytes.count <= most || limits.areLeast { return bytes }
      limits.tighten()
    }
  }

  private func encoded(_ data: PageData) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Outside of strings JSON has no such character.
    return try encoder.encode(data).reduce(into: []) { bytes, byte in
      if byte == UInt8(ascii: "<") { bytes += Array("\\u003c".utf8) } else { bytes.append(byte) }
    }
  }
}

/// How much of a report a page has.
struct PageLimits {
  /// Rows of a table.
  private(set) var rows = 1000
  /// Stacks of a row.
  private(set) var stacks = 20
  /// Frames of a stack.
  private(set) var frames = 48
  /// Letters of a name.
  private(set) var letters = 400

  /// Whether they are as tight as makes sense.
  var areLeast: Bool { rows <= 15 }

  mutating func tighten() {
    rows /= 2
    stacks = max(2, stacks * 2 / 3)
    frames = max(8, frames * 3 / 4)
    letters = max(60, letters * 2 / 3)
  }
}

/// What a page's scripts read.
struct PageData: Encodable {
  /// Rows that tables leave out.
  struct LeftOut: Encodable {
    var locks: Int
    var threads: Int
    var queues: Int
    var tasks: Int
  }

  /// A report of the schema `ctrace-report/1`, of which rows may be left out.
  let report: Report
  let timeline: PageTimeline
  let leftOut: LeftOut
  /// How many threads there were.
  let threads: Int
  let file: String
  /// Kinds of locks, as reports name them, for which a wait is contention.
  let contendedKinds: [String]

  init(_ whole: Report, _ timeline: RunTimeline, file: String, _ limits: PageLimits) {
    let kept = PageData.threads(of: whole, timeline, limits)
    let report = whole.cut(to: limits, threads: kept)
    self.report = report
    self.timeline = PageTimeline(timeline, threads: kept, letters: limits.letters)
    leftOut = LeftOut(
      locks: whole.locks.count - report.locks.count,
      threads: whole.threads.count - report.threads.count,
      queues: whole.queues.count - report.queues.count,
      tasks: whole.tasks.count - report.tasks.count)
    threads = whole.threads.count
    self.file = file
    contendedKinds = LockKind.allCases.filter(\.isContended).map(\.name)
  }

  /// The threads that the page has: those of the timeline, and those that did most.
  private static func threads(
    of report: Report, _ timeline: RunTimeline, _ limits: PageLimits
  ) -> [Int] {
    let drawn = Set(timeline.threads.map(\.thread))
    let others = report.threads.indices.filter { !drawn.contains($0) }.sorted {
      let (left, right) = (report.threads[$0], report.threads[$1])
      return (right.lockWaitNs, right.runNs, $0) < (left.lockWaitNs, left.runNs, $1)
    }
    return (drawn.sorted() + others.prefix(max(0, limits.rows - drawn.count))).sorted()
  }
}

/// A timeline in few bytes: neighbouring parts that are alike are one run.
struct PageTimeline: Encodable {
  struct Track: Encodable {
    /// The place among the page's threads.
    var thread: Int
    var first: Int
    /// Of each run: how many parts, thousandths of a part in each state, the lock, its holder, and what
    /// else was waited for, in the order that `timeline.js` reads.
    var runs: [Int]
  }

  struct Curve: Encodable {
    var id: UInt32
    var pid: Int32
    var kind: String
    var name: String
    var unit: String
    var capacity: UInt64?
    var means: [Double]
    var maxima: [Int64]
  }

  let startNs: Int64
  let spanNs: Int64
  let partNs: Int64
  let parts: Int
  let threads: [Track]
  let otherThreads: Int
  let waiters: [Curve]
  let depths: [Curve]
  let lockNames: [String: String]
  let threadNames: [String: String]

  init(_ timeline: RunTimeline, threads: [Int], letters: Int) {
    startNs = timeline.scale.start.nanoseconds
    spanNs = timeline.scale.span
    partNs = timeline.scale.length
    parts = timeline.scale.count
    let places = Dictionary(
      threads.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    self.threads = timeline.threads.compactMap { track in
      places[track.thread].map {
        Track(thread: $0, first: track.first, runs: PageTimeline.runs(track.parts, timeline.scale))
      }
    }
    otherThreads = timeline.otherThreads
    func curve(_ track: CounterTrack) -> Curve {
      Curve(
        id: track.id, pid: track.pid, kind: track.kind, name: String(track.name.prefix(letters)),
        unit: track.unit, capacity: track.capacity,
        means: track.means.map { ($0 * 100).rounded() / 100 }, maxima: track.maxima)
    }
    waiters = timeline.waiters.map(curve)
    depths = timeline.depths.map(curve)
    func named(_ names: [UInt32: String]) -> [String: String] {
      Dictionary(
        names.map { ("\($0.key)", String($0.value.prefix(letters))) },
        uniquingKeysWith: { first, _ in first })
    }
    lockNames = named(timeline.lockNames)
    threadNames = named(timeline.threadNames)
  }

  private static func runs(_ parts: [ThreadPart], _ scale: TimeParts) -> [Int] {
    var runs: [Int] = []
    var last: [Int] = []
    var count = 0
    func end() { if count > 0 { runs += [count] + last } }
    for part in parts {
      func thousandths(_ time: Int64) -> Int {
        Int((Double(time) / Double(scale.length) * 1000).rounded())
      }
      let values =
        [
          part.running, part.runnable, part.lockWait, part.queueWait, part.idle, part.unknown,
        ].map(thousandths) + [Int(part.lock), Int(part.holder), Int(part.waitedFor)]
      if values == last {
        count += 1
      } else {
        end()
        (last, count) = (values, 1)
      }
    }
    end()
    return runs
  }
}

extension Report {
  /// As much of it as limits allow.
  fileprivate func cut(to limits: PageLimits, threads kept: [Int]) -> Report {
    var report = self
    report.recording.program = Array(recording.program.prefix(50))
    report.recording.notes = Array(recording.notes.prefix(50))
    report.processes = limits.rows(processes)
    report.threads = kept.map { threads[$0] }
    for index in report.threads.indices {
      limits.cut(&report.threads[index].wakers)
      // The page draws its own.
      report.threads[index].lockWaitTimeline = []
    }
    report.locks = limits.rows(locks) { lock in
      limits.cut(&lock.waiters)
      limits.cut(&lock.holders)
      limits.cut(&lock.heldUpBy)
    }
    report.queues = limits.rows(queues) { queue in
      limits.cut(&queue.producers)
      limits.cut(&queue.consumers)
    }
    report.tasks = limits.rows(tasks) { task in
      limits.cut(&task.waitedFor)
      limits.cut(&task.longSteps.places)
      if let step = task.longestStep { task.longestStep?.stack = limits.stack(step.stack) }
    }
    report.loops = limits.rows(loops)
    report.gil = limits.rows(gil) { gil in
      if let hold = gil.worstHold { gil.worstHold?.stack = limits.stack(hold.stack) }
      limits.cut(&gil.longHolds)
      gil.threads = limits.rows(gil.threads)
      gil.pairs = []
    }
    report.slices = limits.rows(slices)
    report.counters = limits.rows(counters)
    report.findings = limits.rows(findings) { finding in
      var places = finding.places ?? []
      limits.cut(&places)
      finding.places = places.isEmpty ? nil : places
    }
    let sentences = report.findings.map { String($0.text.prefix(2000)) }
    report.changeTexts(limits.name)
    for (index, sentence) in sentences.enumerated() { report.findings[index].text = sentence }
    return report
  }
}

extension PageLimits {
  fileprivate func name(_ name: String) -> String {
    name.utf8.count <= letters ? name : name.prefix(letters) + "…"
  }

  fileprivate func stack(_ stack: [FrameSummary]) -> [FrameSummary] { Array(stack.prefix(frames)) }

  fileprivate func rows<Row>(_ list: [Row], _ cut: (inout Row) -> Void = { _ in }) -> [Row] {
    list.prefix(rows).map { row in
      var row = row
      cut(&row)
      return row
    }
  }

  /// Leaves the first of what a row has, and of a stack the innermost calls.
  fileprivate func cut<Part>(_ list: inout [Part]) { list = Array(list.prefix(stacks)) }

  fileprivate func cut(_ list: inout [some HasStack]) {
    list = list.prefix(stacks).map {
      var place = $0
      place.stack = stack(place.stack)
      return place
    }
  }
}
