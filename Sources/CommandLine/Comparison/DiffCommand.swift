internal import ArgumentParser
internal import TraceAnalysis

/// `ctrace diff`.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare runs that were recorded before and after a change.",
    usage: "ctrace diff [<option> ...] <base> ... -- <head> ...",
    discussion: """
      Several files a side, each a recording, a report of 'ctrace report --format json', or a \
      baseline of 'ctrace ci --save-baseline'. Runs that were not made by turns on one machine \
      are judged by what holds from one to the other: see 'ctrace help ci'.

      Exits with 0 for a pass, 2 for wrong usage, 3 for a regression, 4 when there is not \
      enough to tell and --inconclusive=fail, 6 when too much was lost of the recordings.

      Examples:
        ctrace diff old.ctrace -- new.ctrace
        ctrace diff old*.ctrace -- new*.ctrace
        ctrace diff --format json baseline.json -- report.json
      """
  )

  @OptionGroup(title: "Judging")
  var gate: GateOptions

  @OptionGroup(title: "Output")
  var outputs: ComparisonOutputs

  @Argument(
    help: ArgumentHelp(
      "Runs to compare with, -- and the runs to judge.", valueName: "base> ... -- <head"))
  var files: [String] = []

  func run() throws {
    // The parser tells what stands behind -- from options, but not from what stands before.
    let given = Swift.CommandLine.arguments
    let heads = given.firstIndex(of: "--").map { given.count - $0 - 1 } ?? 0
    let (base, head) = (files.dropLast(heads), files.suffix(heads))
    guard !base.isEmpty, !head.isEmpty else {
      throw Failure(
        message: "\(base.isEmpty ? "name runs to compare with" : "name runs to judge, after --"), "
          + "such as: ctrace diff old.ctrace -- new.ctrace")
    }
    let configuration = try gate.configuration()
    try outputs.check()
    let comparator = Comparator(
      configuration.settings, base: try RunFile.read(Array(base)),
      head: try RunFile.read(Array(head)))
    try configuration.conclude(
      comparator.compare(), outputs, recordings: Array(head.filter(RunFile.isRecording)))
  }
}
