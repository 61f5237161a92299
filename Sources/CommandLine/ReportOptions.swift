internal import ArgumentParser
internal import TraceAnalysis

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

  /// The options that are given.
  var given: [String] {
    [("--lock", lock), ("--thread", thread), ("--queue", queue), ("--task", task)]
      .filter { $0.1 != nil }.map(\.0)
  }

  func validate() throws {
    if given.count > 1 {
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
  @OptionGroup var window: WindowOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Rows of a table, at most. [default: 5; of one thing, and of a timeline, 10; in JSON all]",
      valueName: "number"))
  var top: Int?

  @Option(help: ArgumentHelp("\(ReportSorting.help)", valueName: "key"))
  var sort: ReportSorting?

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top must be at least 1") }
  }

  /// Rows of a table, at most.
  func rows(isWhole: Bool) -> Int { top ?? (isWhole ? 5 : 10) }
}
