internal import ArgumentParser

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
        ctrace export prog.ctrace -o prog.json.gz
        ctrace export --format perfetto prog.ctrace -o prog.pftrace
        ctrace export --format chrome prog.ctrace >prog.json
      """
  )

  @Option(help: "chrome: the Trace Event Format, JSON; perfetto: protocol buffers.")
  var format = ExportForm.chrome

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write to, instead of standard output.", valueName: "file"))
  var output: String?

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func run() throws {
    let input = try TraceInput(path: file)
    let destination = try ResultOutput(path: output, madeOf: file)
    try format.write(input, to: destination)
    try destination.commit()
  }
}
