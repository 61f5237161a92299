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
      Without options, one screen: the verdict, and what cost most. Then one thing, or one \
      part of the run, in full. A name may be a part of one that only one thing has.

      Examples:
        ctrace report prog.ctrace
        ctrace report --lock cache_mu prog.ctrace
        ctrace report --from 1.5s --to 2s prog.ctrace
        ctrace report --sort busy --top 50 prog.ctrace
        ctrace report --format markdown prog.ctrace
        ctrace report --format json prog.ctrace | jq '.locks[0]'
      """
  )

  /// The forms of a report.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case markdown
  }

  @Option(help: "text, markdown, or json with the schema ctrace-report/1.")
  var format = Format.text

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write to, instead of standard output.", valueName: "file"))
  var output: String?

  @OptionGroup(title: "One thing")
  var subject: SubjectOptions

  @OptionGroup(title: "Part, order and length")
  var view: ViewOptions

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func run() throws {
    let input = try TraceInput(path: file)
    var report = try makeReport(of: input, window: try view.window(of: input))
    if let key = view.sort { report.sort(by: key) }
    let subject = try subject.subject(in: report)
    let destination = try ResultOutput(path: output, madeOf: file)
    switch format {
    case .text:
      let style = output == nil ? Style(for: .standardOutput) : Style()
      try destination.write(
        TextReport(
          report, style: style, file: file, top: view.rows(isWhole: subject == nil),
          subject: subject, isSorted: view.sort != nil
        ).text.utf8)
    case .markdown:
      try destination.write(
        MarkdownReport(
          report, file: file, top: view.rows(isWhole: subject == nil), subject: subject,
          isSorted: view.sort != nil
        ).text.utf8)
    case .json:
      if let subject { report = report.about(subject) }
      if let top = view.top { report.keep(top: top) }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      try destination.write(try encoder.encode(report))
      try destination.write("\n".utf8)
    }
    try destination.commit()
  }
}

/// Analyses a recording, or a part of it.
func makeReport(of input: TraceInput, window: TraceWindow? = nil) throws -> Report {
  var analyzer = TraceAnalyzer(
    definitions: input.definitions, lostEvents: input.reader.lostEvents,
    isComplete: input.isComplete, lastTime: input.reader.lastTime, window: window)
  try input.forEachEvent("analysing") { analyzer.add($0) }
  return analyzer.report()
}
