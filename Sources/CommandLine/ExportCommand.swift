internal import ArgumentParser
internal import SystemPackage

/// `ctrace export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a recording as a timeline or a profile for other programs.",
    usage: "ctrace export [<option> ...] <recording>",
    discussion: """
      chrome is a timeline for https://ui.perfetto.dev ("Open trace file") and \
      chrome://tracing; perfetto is one for the former only, smaller, with more in it and for \
      queries in SQL. pprof is a profile of lock contention for 'go tool pprof'; \
      collapsed is the same as text, for flamegraph.pl and speedscope.

      Examples:
        ctrace export prog.ctrace -o prog.json.gz
        ctrace export --format perfetto prog.ctrace -o prog.pftrace
        ctrace export --from 1.5s --to 2s prog.ctrace >part.json
        ctrace export --top 5 --max-bytes 500M prog.ctrace -o prog.json.gz
        ctrace export --format pprof prog.ctrace -o waits.pb.gz
        ctrace export --format pprof --by holder prog.ctrace -o holds.pb.gz
        ctrace export --format collapsed prog.ctrace |
          flamegraph.pl --countname ns >waits.svg

      A file whose name ends in .gz is compressed. What --from, --to, --top and --max-bytes \
      leave out is said on stderr and in the file.
      """
  )

  @Option(help: "chrome, perfetto, pprof or collapsed.")
  var format = ExportForm.chrome

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write to, instead of standard output.", valueName: "file"))
  var output: String?

  @OptionGroup var cut: CutOptions
  @OptionGroup var profile: ProfileOptions

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func validate() throws {
    let misplaced: [(name: String, isGiven: Bool, belongs: Bool)] = [
      ("--top", cut.top != nil, !format.isProfile),
      ("--max-bytes", cut.maxBytes != nil, !format.isProfile),
      ("--by", profile.by != nil, format.isProfile),
      ("--all-waits", profile.allWaits, format.isProfile),
      ("--unit", profile.unit != nil, format == .collapsed),
    ]
    if let option = misplaced.first(where: { $0.isGiven && !$0.belongs }) {
      throw ValidationError("\(option.name) does not go with --format \(format)")
    }
  }

  func run() throws {
    let input = try TraceInput(path: file)
    if format.isCompressed, output == nil, Terminal.isTerminal(.standardOutput) {
      throw Failure(message: "\(format) is no text for a terminal; choose a file with -o")
    }
    let destination = try ResultOutput(
      path: output, madeOf: file, isCompressed: format.isCompressed)
    let notes = try format.write(input, cut, profile, to: destination)
    try destination.commit()
    for note in notes { Terminal.complain("exported \(note)") }
  }
}
