internal import ArgumentParser
internal import TraceAnalysis
internal import TraceFile
internal import TraceModel

/// The one thing that a report is to be about.
struct SubjectOptions: ParsableArguments {
  @Option(help: ArgumentHelp("All of one lock, or another thing waited for.", valueName: "name"))
  var lock: String?

  @Option(help: ArgumentHelp("All of one thread.", valueName: "name"))
  var thread: String?

  @Option(help: ArgumentHelp("All of one queue or event loop.", valueName: "name"))
  var queue: String?

  @Option(help: ArgumentHelp("All of the tasks of one name.", valueName: "name"))
  var task: String?

  private var names: [String] { [lock, thread, queue, task].compactMap(\.self) }

  /// Whether the report is to be about one thing.
  var isGiven: Bool { !names.isEmpty }

  func validate() throws {
    if names.count > 1 {
      throw ValidationError("give one of --lock, --thread, --queue and --task")
    }
  }

  /// What is named; nil where nothing is.
  func subject(in report: Report) throws -> ReportSubject? {
    let search = ReportSearch(report: report)
    if let lock { return try search.lock(lock) }
    if let thread { return try search.thread(thread) }
    if let queue { return try search.queue(queue) }
    if let task { return try search.task(task) }
    return nil
  }
}

/// How much of a report is shown, and in which order.
struct ViewOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Only what came after this time of the run: 1.5s, 300ms.", valueName: "time"))
  var from: TimeSpan?

  @Option(help: ArgumentHelp("Only what came before it.", valueName: "time"))
  var to: TimeSpan?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Rows of a table, at most. [default: 5, of one thing 10; in JSON all]", valueName: "number"))
  var top: Int?

  @Option(help: ArgumentHelp("\(ReportSorting.help)", valueName: "key"))
  var sort: ReportSorting?

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top must be at least 1") }
    if let from, let to, from.nanoseconds >= to.nanoseconds {
      throw ValidationError("--from must be before --to")
    }
    if let to, to.nanoseconds == 0 { throw ValidationError("--to must be more than 0") }
  }

  /// Rows of a table, at most.
  func rows(isWhole: Bool) -> Int { top ?? (isWhole ? 5 : 10) }

  /// The part of the recording that is wanted; nil for all of it.
  func window(of input: TraceInput) throws -> TraceWindow? {
    guard from != nil || to != nil else { return nil }
    let end = input.definitions.recording.duration ?? input.reader.lastTime.nanoseconds
    if let from, from.nanoseconds >= UInt64(max(end, 0)) {
      throw Failure(
        message: "--from is behind the end of the recording, which is "
          + "\(Duration.nanoseconds(end).brief) long")
    }
    func moment(_ span: TimeSpan) -> Timestamp {
      Timestamp(nanoseconds: Int64(clamping: span.nanoseconds))
    }
    return TraceWindow(from: from.map(moment), to: to.map(moment))
  }
}
