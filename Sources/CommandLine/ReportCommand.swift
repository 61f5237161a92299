internal import ArgumentParser
internal import FoundationEssentials
internal import SystemPackage
internal import TraceAnalysis
internal import TraceFile
internal import TraceModel

/// `ctrace report`.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Show what a recording says.",
    usage: "ctrace report [<option> ...] <recording>",
    discussion: """
      Without options, one screen: the verdict, and what cost most; with them, one thing, or \
      one part of the run, in full. Of a name as much is enough as no other has.

      Examples:
        ctrace report prog.ctrace
        ctrace report --lock cache_mu prog.ctrace
        ctrace report --from 1.5s --to 2s prog.ctrace
        ctrace report --sort busy --top 50 prog.ctrace
        ctrace report --timeline --top 30 prog.ctrace
        ctrace report --timeline --lock cache_mu prog.ctrace
        ctrace report --format html -o prog.html prog.ctrace
        ctrace report --format json prog.ctrace | jq '.locks[0]'
      """
  )

  /// The forms of a report.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case html
    case markdown
  }

  @Option(
    help: """
      text; markdown, as for a comment on a change; html: one page, with a timeline to \
      zoom, that needs no network; json with the schema ctrace-report/1.
      """)
  var format = Format.text

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write to, instead of standard output.", valueName: "file"))
  var output: String?

  @OptionGroup(title: "One thing")
  var subject: SubjectOptions

  @OptionGroup(title: "Part, order and length")
  var view: ViewOptions

  @Flag(
    help: """
      Draw the run: threads down, time across; of one thing, the threads that had to do \
      with it.
      """)
  var timeline = false

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func validate() throws {
    if format == .html, output == nil || output == "-", Terminal.isTerminal(.standardOutput) {
      throw ValidationError("a page is for a browser, not for a terminal; name a file with -o")
    }
    if timeline, format != .text {
      throw ValidationError("--timeline is a text; leave --format away")
    }
    if format == .html, let option = subject.given.first {
      throw ValidationError(
        "a page has all of every lock, thread, queue and task, behind its row; leave \(option) away, "
          + "or choose another --format")
    }
    if timeline || format == .html, view.sort != nil {
      throw ValidationError(
        timeline
          ? "--timeline begins with the threads that waited longest; leave --sort away"
          : "the tables of a page are sorted by a click on a heading; leave --sort away")
    }
  }

  func run() throws {
    let input = try TraceInput(path: file)
    let window = try view.window.window(of: input)
    let choice = timeline || format == .html ? TimelineChoice(window) : nil
    let rows = view.top ?? 10
    let most = format == .html ? max(rows, HTMLReport.threads) : rows
    var (report, subject, timeline) = try makeReport(
      of: input, window: window, timeline: choice, top: most, subject: subject.subject)
    if let key = view.sort { report.sort(by: key) }
    let top = view.rows(isWhole: subject == nil)
    let destination = try ResultOutput(path: output, madeOf: file)
    switch format {
    case .text:
      let style = output == nil ? Style(for: .standardOutput) : Style()
      let text = TextReport(
        report, style: style, file: file, top: top, subject: subject, isSorted: view.sort != nil)
      try destination.write((timeline.map(text.timeline) ?? text.text).utf8)
    case .html:
      if let timeline {
        try destination.write(HTMLReport(report: report, timeline: timeline, file: file).page())
      }
    case .markdown:
      let text = MarkdownReport(
        report, file: file, top: top, subject: subject, isSorted: view.sort != nil)
      try destination.write(text.text.utf8)
    case .json:
      if let subject {
        report = report.about(subject)
        report.recording.only = subject.words
      }
      if let top = view.top {
        report.keep(top: top)
        report.recording.only = report.recording.only ?? "the first \(top) of each kind"
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      try destination.write(try encoder.encode(report))
      try destination.write("\n".utf8)
    }
    try destination.commit()
  }
}

extension TimelineChoice {
  /// Of the part that a report is on.
  fileprivate init(_ window: TraceWindow?) {
    self.init(from: window?.from?.nanoseconds ?? 0, to: window?.to?.nanoseconds)
  }
}

/// Analyses a recording.
func makeReport(of input: TraceInput) throws -> Report {
  try makeReport(of: input, window: nil, timeline: nil, top: 0) { _ in nil }.report
}

/// Analyses a recording, or a part of it, finds the one thing in it that is asked for, and makes a timeline
/// of its `top` busiest threads, or of those that have to do with that, where one is wanted.
private func makeReport(
  of input: TraceInput, window: TraceWindow?, timeline: TimelineChoice?, top: Int,
  subject: (Report) throws -> ReportSubject?
) throws -> (report: Report, subject: ReportSubject?, timeline: RunTimeline?) {
  var analyzer = TraceAnalyzer(
    definitions: input.definitions, lostEvents: input.reader.lostEvents,
    isComplete: input.isComplete, lastTime: input.reader.lastTime, window: window,
    timeline: timeline)
  try input.forEachEvent("analysing") { analyzer.add($0) }
  let report = analyzer.report()
  let subject = try subject(report)
  return (
    report, subject,
    analyzer.timeline(
      of: report, showing: subject.map(report.about), threads: top, counters: max(top / 2, 1))
  )
}
