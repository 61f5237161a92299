internal import TraceAnalysis
internal import TraceModel

/// A report as people read it: the verdict first, then where the time went, then the figures behind it.
///
/// The first screen is short enough to be one, and shows what cost something; the rest is counted, or
/// left to reports on one thing (see ``ReportSubject``). Every number is one of ``Report``.
struct TextReport {
  /// With names that can be printed.
  let report: Report
  let style: Style
  let file: String
  let top: Int
  /// What it is on; nil for all.
  let subject: ReportSubject?
  /// Whether the user has said in which order rows come: then none is left out for being dull.
  let isSorted: Bool
  /// Behind these stands the process.
  private let namesOfSeveral: Set<String>

  /// - Parameters:
  ///   - file: The recording, as commands are to name it.
  ///   - top: Rows of a table, at most.
  ///   - subject: What it is on; nil for all.
  ///   - isSorted: Whether locks and threads stand in the order that they are to be shown in.
  init(
    _ report: Report, style: Style, file: String, top: Int = 5, subject: ReportSubject? = nil,
    isSorted: Bool = false
  ) {
    self.report = report.printable
    self.style = style
    self.file = file
    self.top = top
    self.isSorted = isSorted
    namesOfSeveral = TextReport.namesOfSeveral(self.report)
    self.subject = subject?.printable(in: self.report)
  }

  /// The whole text, ending with a line break.
  var text: String {
    ([headline] + sections.map(text)).joined(separator: "\n")
  }

  /// The lines of a section.
  func text(_ section: ReportSection) -> String {
    SectionText(style: style).lines(section).joined(separator: "\n") + "\n"
  }

  /// What follows the headline.
  var sections: [ReportSection] {
    switch subject {
    case .lock(let lock): sections(of: lock) + [next]
    case .thread(let thread): sections(of: thread) + [next]
    case .queue(let queue): sections(of: queue) + [next]
    case .loop(let loop): sections(of: loop) + [next]
    case .task(let task): sections(of: task) + [next]
    case nil: firstScreen
    }
  }

  private var firstScreen: [ReportSection] {
    let all = [
      verdictSection, `where`, time, locks, waits, threads, chains, path, queues, tasks, loops,
      work, counters, next,
    ]
    return all.compactMap(\.self)
  }

  // MARK: Head

  /// The first lines: what was recorded, and what is missing.
  var headline: String {
    let recording = report.recording
    let writer = SectionText(style: style)
    var lines = writer.wrapped(
      "ctrace:", headFacts, separator: style.hasUnicode ? " · " : ", ")
    if recording.lostEvents > 0 || !recording.complete { lines = lines.map(style.warning) }
    for note in notes {
      lines += writer.wrapped(note.label, note.text.split(separator: " "), separator: " ")
        .map(style.dim)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What is said of the recording in the first line.
  var headFacts: [String] {
    let recording = report.recording
    var parts = [
      "\(programName) \(ending) after \(brief(wholeDuration))",
      "\(counted(report.threads.count, "thread")) on \(counted(Int(recording.cpus), "CPU"))",
      "\(grouped(recording.events)) events, \(grouped(recording.lostEvents)) lost",
    ]
    if let from = recording.fromNs, let to = recording.toNs {
      parts[0] = "\(programName): only \(moment(from)) to \(moment(to)) of the recording"
    } else {
      parts.append("est. overhead \(overhead)")
    }
    if recording.unrecordedThreads > 0 {
      parts.append("\(grouped(recording.unrecordedThreads)) threads not recorded")
    }
    if !recording.complete { parts.append("INCOMPLETE: the recorder did not finish") }
    return parts
  }

  /// What is missing, and why.
  var notes: [(label: String, text: String)] {
    let recording = report.recording
    let reason = recording.schedulingReason
    let source =
      recording.scheduling + (reason.isEmpty ? "" : "; the kernel's tracepoints: \(reason)")
    return recording.notes.map { ("note:", $0) } + [("scheduling:", source)]
  }

  private var wholeDuration: Int64 { report.recording.durationNs }

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

  var verdictSection: ReportSection {
    let first = report.findings.first
    var blocks = [ReportSection.Block.sentence(first?.text ?? "")]
    // That CPUs were short is to be known to whoever reads figures of times.
    for other in report.findings.dropFirst()
    where other.severity == "warning" || other.kind == "oversubscribed" {
      blocks.append(.sentence("and \(other.text)"))
    }
    return ReportSection("VERDICT", blocks, isWarning: first?.severity == "warning")
  }

  /// Who has to do with what is wrong, and where, as far as the tables don't say.
  private var `where`: ReportSection? {
    let told = report.findings.filter { $0.severity == "warning" }.compactMap(\.places)
    guard let places = told.first(where: { !$0.isEmpty }) else { return nil }
    let stacks = places.prefix(top).map { place in
      (
        "\(threadName(place.thread, place.tid, place.pid)): \(place.what)",
        Array(frames(place.stack).prefix(3))
      )
    }
    return ReportSection("WHERE", [.stacks(stacks)])
  }

  private var time: ReportSection? {
    guard !report.threads.isEmpty else { return nil }
    let total = report.threads.saturatingSum(\.lifetimeNs)
    func part(_ word: String, _ time: (ThreadSummary) -> Int64) -> String {
      "\(word) \(percent(report.threads.saturatingSum(time), of: total))"
    }
    var parts = [part("running", \.runNs), part("waiting for locks", \.lockWaitNs)]
    if report.recording.scheduling != "off" { parts.append(part("no CPU", \.runnableNs)) }
    parts.append(part("idle, queue, I/O") { $0.queueWaitNs.saturatingAdd($0.idleNs) })
    return ReportSection("TIME", [.parts(parts)])
  }

  // MARK: Words

  func percent(_ part: Int64, of whole: Int64) -> String {
    (Double(part) / Double(max(whole, 1))).percent
  }

  /// With the number where several threads have the name, and with the process where several have one.
  func threadName(_ name: String, _ tid: Int32, _ pid: Int32) -> String {
    guard !name.isEmpty else { return tid == 0 ? "?" : "\(tid)" }
    let namesakes = report.threads.filter { $0.name == name && $0.pid == pid }
    return self.name(namesakes.count > 1 ? "\(name)/\(tid)" : name, pid)
  }

  /// With the process where things of several have the name.
  func name(_ name: String, _ pid: Int32) -> String {
    namesOfSeveral.contains(name) ? "\(name) [\(pid)]" : name
  }

  /// What things of more than one process are called.
  private static func namesOfSeveral(_ report: Report) -> Set<String> {
    var processes: [String: Int32] = [:]
    var found: Set<String> = []
    let all =
      report.threads.map { ($0.name, $0.pid) } + report.locks.map { ($0.name, $0.pid) }
      + report.queues.map { ($0.name, $0.pid) } + report.tasks.map { ($0.name, $0.pid) }
      + report.loops.map { ($0.name, $0.pid) }
    for (name, pid) in all where processes.updateValue(pid, forKey: name) ?? pid != pid {
      found.insert(name)
    }
    return found
  }

  func brief(_ nanoseconds: Int64) -> String { Duration.nanoseconds(nanoseconds).brief }

  /// A moment of the run, exact enough to be found again.
  func moment(_ nanoseconds: Int64) -> String {
    let microseconds = nanoseconds / 1000
    let digits = String(microseconds % 1_000_000)
    let fraction = (String(repeating: "0", count: 6 - digits.count) + digits).prefix(4)
    let shown = fraction.reversed().drop { $0 == "0" }.reversed()
    return "\(microseconds / 1_000_000)" + (shown.isEmpty ? "" : "." + String(shown)) + " s"
  }

  func times(_ count: UInt64) -> String {
    count == 1 ? "1 time" : "\(grouped(count)) times"
  }

  var arrow: String { style.hasUnicode ? "→" : "->" }
  var backArrow: String { style.hasUnicode ? "←" : "<-" }

  /// `and 3 more locks (--top)`; nil where there are none.
  func more(_ count: Int, _ noun: String) -> String? {
    count > 0 ? "and \(counted(count, "more \(noun)")) (--top)" : nil
  }

  // MARK: Places

  /// The function that called, with its line where that is known.
  func place(_ stack: [FrameSummary]) -> String {
    guard let frame = stack.first else { return "" }
    return place(frame)
  }

  func place(_ frame: FrameSummary) -> String {
    let function =
      frame.function.isEmpty
      ? "\(frame.module.isEmpty ? "?" : frame.module)+0x\(String(frame.offset, radix: 16))"
      : frame.function
    guard !frame.file.isEmpty else { return function }
    return "\(function) \(frame.file.split(separator: "/").last ?? ""):\(frame.line)"
  }

  /// For cells of tables: of Python code the line, which is enough to find it.
  func briefPlace(_ stack: [FrameSummary]) -> String {
    guard let frame = stack.first, frame.module == Symbol.pythonModule else { return place(stack) }
    return "\(frame.file.split(separator: "/").last ?? ""):\(frame.line)"
  }

  /// The calls of a stack, innermost first, without how Python itself begins a thread, or calls a
  /// function back.
  func frames(_ stack: [FrameSummary]) -> [String] {
    guard !stack.isEmpty else { return ["(place unknown)"] }
    let own = stack.lastIndex {
      $0.module == Symbol.pythonModule && !PythonLibrary.contains(file: $0.file)
    }
    guard let own else { return stack.map(place) }
    return stack[...own].enumerated().filter {
      $0.offset == 0 || !PythonLibrary.contains(file: $0.element.file)
    }.map { place($0.element) }
  }
}

extension ThreadSummary {
  /// From its start to its end.
  var lifetimeNs: Int64 {
    Timestamp(nanoseconds: endNs) - Timestamp(nanoseconds: startNs)
  }
}
