internal import ArgumentParser
internal import TraceExport
internal import TraceFile
internal import TraceModel

/// `ctrace export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a recording as a timeline for other programs.",
    usage: "ctrace export [<option> ...] <recording>",
    discussion: """
      The Chrome form opens in https://ui.perfetto.dev ("Open trace file") and chrome://tracing.

      Examples:
        ctrace export prog.ctrace -o prog.json
        ctrace export --format chrome prog.ctrace >prog.json
      """
  )

  /// The forms that a timeline can be written in.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case chrome
  }

  @Option(help: "chrome: the Trace Event Format, JSON.")
  var format = Format.chrome

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write to, instead of standard output.", valueName: "file"))
  var output: String?

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func run() throws {
    let input = try TraceInput(path: file)
    let destination = try ResultOutput(path: output, madeOf: file)
    var writer = ChromeTraceWriter(definitions: input.definitions)
    do {
      try input.forEachEvent("exporting", kinds: [.events]) { events in
        writer.add(events)
        try destination.write(writer.takeOutput())
      }
      writer.finishEvents()
      try input.forEachEvent("exporting scheduling", kinds: [.scheduling]) { events in
        writer.addScheduling(events)
        try destination.write(writer.takeOutput())
      }
    } catch {
      destination.discard()
      throw error
    }
    writer.finish()
    try destination.write(writer.takeOutput())
    try destination.commit()
  }
}
