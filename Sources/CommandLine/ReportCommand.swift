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
      Examples:
        ctrace report prog.ctrace
        ctrace report --timeline --top 30 prog.ctrace
        ctrace report --format html -o prog.html prog.ctrace
        ctrace report --format json prog.ctrace | jq '.locks[0]'
      """
  )

  /// The forms of a report.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case html
  }

  @Option(
    help: """
      text; html: one page, with a timeline to zoom, that needs no network; json with the \
      schema ctrace-report/1.
      """)
  var format = Format.text

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write to, instead of standard output.", valueName: "file"))
  var output: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Show so many locks and threads.", valueName: "number"))
  var top = 10

  @Flag(help: "Draw the whole run: threads down, time across.")
  var timeline = false

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func validate() throws {
    if top < 1 { throw ValidationError("--top must be at least 1") }
    if format == .html, output == nil || output == "-", Terminal.isTerminal(.standardOutput) {
      throw ValidationError("a page is for a browser, not for a terminal; name a file with -o")
    }
    if timeline, format != .text {
      throw ValidationError("--timeline is a text; leave --format away")
    }
  }

  func run() throws {
    let input = try TraceInput(path: file)
    let choice = timeline || format == .html ? TimelineChoice() : nil
    let most = format == .html ? max(top, HTMLReport.threads) : top
    let (report, timeline) = try makeReport(of: input, timeline: choice, top: most)
    let destination = try ResultOutput(path: output, madeOf: file)
    switch format {
    case .text:
      let style = output == nil ? Style(for: .standardOutput) : Style()
      let text = TextReport(report, style: style, file: file, top: top)
      try destination.write((timeline.map(text.timeline) ?? text.text).utf8)
    case .html:
      if let timeline {
        try destination.write(HTMLReport(report: report, timeline: timeline, file: file).page())
      }
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      try destination.write(try encoder.encode(report))
      try destination.write("\n".utf8)
    }
    try destination.commit()
  }
}

/// Analyses a recording.
func makeReport(of input: TraceInput) throws -> Report {
  try makeReport(of: input, timeline: nil, top: 0).report
}

/// Analyses a recording, and makes a timeline of its `top` busiest threads where one is wanted.
func makeReport(
  of input: TraceInput, timeline: TimelineChoice?, top: Int
) throws -> (report: Report, timeline: RunTimeline?) {
  var analyzer = TraceAnalyzer(
    definitions: input.definitions, lostEvents: input.reader.lostEvents,
    isComplete: input.isComplete, lastTime: input.reader.lastTime, timeline: timeline)
  try input.forEachEvent("analysing") { analyzer.add($0) }
  let report = analyzer.report()
  return (report, analyzer.timeline(of: report, threads: top, counters: max(top / 2, 1)))
}
