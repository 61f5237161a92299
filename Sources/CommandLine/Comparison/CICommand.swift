internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import TraceAnalysis

/// `ctrace ci`.
struct CICommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ci",
    abstract: "Run a program, and fail when it contends more than it should.",
    usage: """
      ctrace ci [<option> ...] [--] <program> [<argument> ...]
      ctrace ci [<option> ...] --base <command> --head <command>
      ctrace ci [<option> ...] --baseline <file> [--] <program> [...]
      ctrace ci [<option> ...] --save-baseline <file> [--] <program> [...]
      ctrace ci --init | --self-test
      """,
    discussion: """
      Alone, a program is judged by facts, such as locks taken in opposite orders, and by the \
      budgets of .ctrace.yml. With --base and --head, two commands of the shell are run by turns on \
      this machine, and the second is judged by the first: the surest way. With --baseline, by runs \
      in a file, of which only figures count that another machine shows too. What fails is run \
      again, and must fail twice.

      Exits with 0 for a pass, 1 for an internal error, 2 for wrong usage or configuration, 3 for a \
      regression, 4 when there is not enough to tell, or no baseline, and --inconclusive=fail, 5 \
      when the program failed, 6 when too much was lost of the recordings.

      Examples:
        ctrace ci -- ./prog --its --arguments
        ctrace ci --budget utilisation=60% -- ./prog
        ctrace ci --base ./old/prog --head ./new/prog --runs 10
        ctrace ci --save-baseline base.json -- ./prog
        ctrace ci --baseline base.json -- ./prog
        ctrace ci --init                       write a .ctrace.yml to begin with
        ctrace ci --self-test                  see the gate fail and pass here
      """
  )

  @Option(
    help: ArgumentHelp("The command to compare with, for a shell.", valueName: "command"))
  var base: String?

  @Option(help: ArgumentHelp("The command to judge, for a shell.", valueName: "command"))
  var head: String?

  @Option(help: ArgumentHelp("Runs to compare with.", valueName: "file"))
  var baseline: String?

  @Option(help: ArgumentHelp("Keep the runs, to compare others with.", valueName: "file"))
  var saveBaseline: String?

  @Flag(name: .customLong("init"), help: "Write a .ctrace.yml that explains itself.")
  var writesConfiguration = false

  @Flag(help: "See whether the gate fails and passes here when it must.")
  var selfTest = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Runs of each side (10 to compare or to keep, otherwise 1).", valueName: "number"))
  var runs: String?

  @Flag(
    inversion: .prefixedNo,
    help: "Run again what fails, and fail only if it does twice (yes).")
  var confirm: Bool?

  @Option(
    help: ArgumentHelp("The exit status of the program that is right (0).", valueName: "status"))
  var expectExit: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The program has failed when a run takes longer, such as 60s.", valueName: "time"))
  var timeout: TimeSpan?

  @Option(help: ArgumentHelp("Keep the recordings in this folder.", valueName: "folder"))
  var keep: String?

  @Flag(help: "Show what the program writes, on standard error.")
  var showOutput = false

  @OptionGroup(title: "Judging")
  var gate: GateOptions

  @OptionGroup(title: "Output")
  var outputs: ComparisonOutputs

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The program and its arguments.", valueName: "program"))
  var command: [String] = []

  /// What is to be done.
  private enum Task {
    case check
    case compare(base: String, head: String)
    case baseline(String)
    case save(String)
  }

  func run() throws {
    let hasSeparator = command.first == "--"
    let program = hasSeparator ? Array(command.dropFirst()) : command
    if let first = program.first, !hasSeparator {
      if ["-h", "--help"].contains(first) { throw CleanExit.helpRequest(self) }
      if first.hasPrefix("-") {
        throw Failure(
          message: "ci has no option \(first); see 'ctrace ci --help', and put -- in front of a "
            + "program whose name begins with a dash")
      }
    }
    if writesConfiguration || selfTest {
      guard program.isEmpty, writesConfiguration != selfTest,
        [base, head, baseline, saveBaseline].allSatisfy({ $0 == nil })
      else { throw Failure(message: "--init and --self-test stand alone: leave the rest away") }
      return try writesConfiguration ? ConfigurationFile.create() : SelfTest().run()
    }
    try run(task(hasProgram: !program.isEmpty), program)
  }

  private func run(_ task: Task, _ arguments: [String]) throws {
    let configuration = try configuration()
    try outputs.check()
    // Before anything runs: what can't be read or written is not worth an hour of runs.
    var before: [RunFigures] = []
    var isMissing = false
    if case .baseline(let file) = task {
      isMissing = access(file, F_OK) != 0 && errno == ENOENT
      if !isMissing { before = try RunFile.read([file]) }
    }
    if case .save(let file) = task { try ResultOutput(path: file).discard() }
    let session = try GateSession(
      configuration,
      ProgramRunner.Options(
        expectedExit: configuration.expectedExit, longest: timeout?.nanoseconds,
        showsOutput: showOutput, keep: keep))
    let program = GateProgram(.head, arguments: arguments)
    var comparison: Comparison
    switch task {
    case .check: comparison = try session.check(program, runs: 1).comparison
    case .compare(let base, let head):
      comparison = try session.compare(
        base: GateProgram(.base, shell: base), head: GateProgram(.head, shell: head))
    case .baseline(let file):
      let runs = isMissing ? 1 : GateConfiguration.runsToCompare
      comparison = try session.check(program, runs: runs, baseline: before).comparison
      if isMissing {
        comparison.notes.insert(
          "there is no baseline \(file) to compare with; make one with: ctrace ci "
            + "--save-baseline \(GateProgram.words([file])) -- \(program.words)", at: 0)
        if comparison.verdict == .pass { comparison.verdict = .inconclusive }
      }
    case .save(let file):
      let (result, runs) = try session.check(program, runs: GateConfiguration.runsToCompare)
      comparison = result
      if comparison.verdict != .programFailed, comparison.verdict != .lossy {
        try Baseline(command: arguments, runs: runs).write(to: file)
        comparison.notes.append(
          "\(file) keeps \(runs.count) run\(runs.count == 1 ? "" : "s"); compare later ones with: "
            + "ctrace ci --baseline \(GateProgram.words([file])) -- \(program.words)")
      }
    }
    try configuration.conclude(comparison, outputs, recordings: session.recordings)
  }

  /// What the file says, and above it the options.
  private func configuration() throws -> GateConfiguration {
    var configuration = try gate.configuration()
    func given(_ name: String, _ text: String) -> Setting {
      Setting(name: name, text: text, place: "--\(name)")
    }
    if let runs {
      configuration.runs = Int(try given("runs", runs).count(1...Int64(RunFile.mostRuns)))
    }
    if let expectExit {
      configuration.expectedExit = Int32(try given("expect-exit", expectExit).count(0...255))
    }
    if let confirm { configuration.confirms = confirm }
    return configuration
  }

  private func task(hasProgram: Bool) throws -> Task {
    switch (base, head, baseline, saveBaseline, hasProgram) {
    case (let base?, let head?, nil, nil, false): return .compare(base: base, head: head)
    case (nil, nil, nil, nil, true): return .check
    case (nil, nil, let file?, nil, true): return .baseline(file)
    case (nil, nil, nil, let file?, true): return .save(file)
    case (nil, nil, nil, nil, false):
      throw Failure(message: "name the program to run, such as: ctrace ci -- ./prog")
    case (nil, nil, nil, _?, false), (nil, nil, _?, nil, false):
      throw Failure(
        message: "name the program to run, such as: ctrace ci --baseline base.json -- ./prog")
    case (_, _, nil, nil, false):
      throw Failure(
        message: "\(base == nil ? "--head" : "--base") needs \(base == nil ? "--base" : "--head") "
          + "to be compared with, such as: ctrace ci --base ./old/prog --head ./new/prog")
    case (_?, _, nil, nil, true), (_, _?, nil, nil, true):
      throw Failure(
        message: "--base and --head are whole commands: leave the program behind them away, or put "
          + "quotes around each command")
    default:
      throw Failure(
        message: "give --base and --head, or --baseline, or --save-baseline, and not two of them")
    }
  }
}

extension Baseline {
  fileprivate init(command: [String], runs: [RunFigures]) {
    self.init(
      command: command,
      machine: runs.first?.machine ?? MachineFigures(host: "", cpus: 0, recorder: ""), runs: runs)
  }

  /// Writes it to a file.
  fileprivate func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let output = try ResultOutput(path: path)
    try output.write(try encoder.encode(self))
    try output.write("\n".utf8)
    try output.commit()
  }
}
