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
      The Chrome form opens in https://ui.perfetto.dev ("Open trace file") and chrome://tracing. \
      The Perfetto form opens in the former only; it is smaller, says more, and suits queries.

      Examples:
        ctrace export prog.ctrace -o prog.json
        ctrace export --format perfetto prog.ctrace -o prog.pftrace
        ctrace export --format chrome prog.ctrace >prog.json
      """
  )

  /// The forms that a timeline can be written in.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case chrome
    case perfetto
  }

  @Option(help: "chrome: the Trace Event Format, JSON; perfetto: protocol buffers.")
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
    switch format {
    case .chrome: try write(ChromeTraceWriter.self, of: input, to: destination)
    case .perfetto: try write(PerfettoTraceWriter.self, of: input, to: destination)
    }
    try destination.commit()
  }

  private func write<Writer: TimelineWriter>(
    _ kind: Writer.Type, of input: TraceInput, to destination: borrowing ResultOutput
  ) throws {
    var writer = Writer(definitions: input.definitions)
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
      writer.finish()
      try destination.write(writer.takeOutput())
    } catch {
      destination.discard()
      throw error
    }
  }
}
