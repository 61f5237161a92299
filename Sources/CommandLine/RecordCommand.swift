internal import ArgumentParser
internal import Glibc
internal import LinuxSystem
internal import SystemPackage
internal import TraceModel
internal import TraceRecorder

/// `ctrace record`.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Run a program, or watch running ones, and record what threads wait for.",
    usage: """
      ctrace record [<option> ...] [--] <program> [<argument> ...]
      ctrace record [<option> ...] -p <pid>[,<pid> ...]
      ctrace record [<option> ...] -a
      """,
    discussion: """
      The program runs as it would without ctrace; the recording goes to PROGRAM.ctrace, and \
      an older one is kept as PROGRAM.ctrace.old. Children are recorded into the same file. \
      When threads come to wait for each other for ever, that is told while the program hangs, \
      also with --quiet. \
      Exits with the program's own status, or 128 and the signal that killed it.

      Examples:
        ctrace record ./prog --its --arguments
        ctrace record -o run.ctrace --duration 30s ./server
        ctrace record --quiet --no-children -- make -j8
        ctrace record -p 4711 --duration 10s   a running program, from outside
        ctrace record -a --duration 5s         all of the machine

      From outside only scheduling and waits for futexes can be seen, and it takes root. \
      An ordinary user can record the scheduling of own processes.
      """
  )

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to record to. [default: PROGRAM.ctrace]", valueName: "file"))
  var output: String?

  @Option(
    name: [.customShort("p"), .customLong("pid")],
    help: ArgumentHelp("Record these running processes.", valueName: "pid"))
  var pids: ProcessNumbers?

  @Flag(name: [.customShort("a"), .customLong("all")], help: "Record all of the machine.")
  var all = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep no more events when the file has this size, such as 500M; the program runs on.",
      valueName: "size"))
  var maxSize: ByteCount?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Stop recording after this time, such as 30s or 5m; the program runs on.",
      valueName: "time"))
  var duration: TimeSpan?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Count waits shorter than this, such as 0 or 10us, without recording each.",
      valueName: "time"))
  var minWait = TimeSpan(nanoseconds: 1000)

  @Option(
    help: ArgumentHelp(
      """
      Where scheduling comes from: kernel (tracepoints, as root), switches (as anybody), \
      procfs (samples), off; auto takes the best that is allowed.
      """, valueName: "source"))
  var sched = SchedulingChoice.auto

  @Option(
    help: ArgumentHelp(
      "What threads are stamped with: auto (the CPU's counter where it is a clock) or monotonic.",
      valueName: "clock"))
  var clock = CounterClock.Choice.auto

  @Flag(name: .customLong("no-children"), help: "Record the program itself only.")
  var noChildren = false

  @Flag(
    name: .customLong("no-holds"),
    help: "Count acquisitions without their times: cheaper, but holds stay unknown.")
  var noHolds = false

  @Option(
    help: ArgumentHelp(
      """
      Where the depth of pipes, sockets and message queues comes from: calls (what goes in and out \
      of them), kernel (asked at each of these calls: slower, but right where others write too), off \
      (nowhere, and they are not recorded).
      """, valueName: "source"))
  var queueDepth = QueueDepthChoice.calls

  @Flag(
    name: .shortAndLong,
    help: "No report at the end, and no word of progress: only of errors and deadlocks.")
  var quiet = false

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The program and its arguments.", valueName: "program"))
  var command: [String] = []

  func run() throws {
    let command = command.first == "--" ? Array(command.dropFirst()) : command
    if pids != nil || all { return try attach(command) }
    guard let program = command.first, !program.isEmpty else {
      throw Failure(message: "name the program to record, such as: ctrace record ./prog")
    }
    // What follows the program's name is the program's own; this stands where the name belongs.
    if ["-h", "--help"].contains(program) { throw CleanExit.helpRequest(self) }
    if program.hasPrefix("-") {
      throw Failure(
        message: "record has no option \(program); see 'ctrace record --help', and put -- in front "
          + "of a program whose name begins with a dash")
    }
    let name = program.split(separator: "/").last.map(String.init) ?? program
    let options = options(command, name: name)
    let result = try recording { try Recorder(options).run { tell($0, name) } }
    throw ProgramStatus(code: status(result.termination))
  }

  /// Records what runs already.
  private func attach(_ command: [String]) throws {
    guard command.isEmpty else {
      throw Failure(message: "give a program to run, or -p, or -a, and not two of them")
    }
    guard let pids else {
      return try attach(to: .everything, command: ["all of the machine"], name: "system")
    }
    guard !all else { throw Failure(message: "give -p or -a, and not both") }
    let first = pids.numbers[0]
    try attach(
      to: .processes(pids.numbers),
      command: ProcFS.commandLine(of: first).isEmpty
        ? ["\(first)"] : ProcFS.commandLine(of: first),
      name: ProcFS.threadName(pid: first, tid: first) ?? "\(first)")
  }

  private func attach(
    to target: RecorderOptions.Target, command: [String], name: String
  ) throws {
    let options = options(command, name: name.replacing("/", with: "_"))
    _ = try recording {
      try Recorder(options).attach(to: target) {
        guard !quiet, duration == nil else { return }
        Terminal.complain("recording \(name) to \(options.output) until Ctrl-C")
      }
    }
  }

  private func options(_ command: [String], name: String) -> RecorderOptions {
    var options = RecorderOptions(
      command: command, output: output ?? "\(name).ctrace", environment: ownEnvironment(),
      version: "ctrace \(ctraceVersion)")
    options.maximumSize = maxSize?.bytes
    options.duration = duration?.nanoseconds
    options.minimumWait = minWait.nanoseconds
    options.scheduling = sched
    options.clock = clock
    options.recordsChildren = !noChildren
    options.recordsHolds = !noHolds
    options.asksQueueDepth = queueDepth == .kernel
    options.recordsKernelQueues = queueDepth != .off
    return options
  }

  /// Records, and shows what came of it.
  private func recording(_ record: () throws -> RecorderResult) throws -> RecorderResult {
    let result: RecorderResult
    do {
      result = try record()
    } catch let error as RecorderError {
      throw Failure(message: "\(error)", exitCode: error.exitStatus)
    }
    if let failure = result.failure {
      Terminal.complain(
        "\(result.output) is cut off: \(failure); what was recorded before can be read")
    }
    if !quiet { showFirstScreen(result) }
    return result
  }

  private func tell(_ progress: Recorder.Progress, _ name: String) {
    switch progress {
    case .waitingForChildren(let count):
      guard !quiet else { return }
      Terminal.complain(
        "\(name) has ended; waiting for \(count) process\(count == 1 ? "" : "es") it started "
          + "(Ctrl-C ends the recording, not them)")
    case .stoppedRecording(let reason):
      guard !quiet else { return }
      Terminal.complain("recording ends here: \(reason); \(name) runs on")
    case .deadlock(let deadlock):
      // Nobody wants a program that hangs without a word.
      let style = Style(for: .standardError)
      Terminal.write(
        DeadlockText(deadlock: deadlock, program: name, style: style).text, to: .standardError)
    case .started, .signal: break
    }
  }

  /// A report that can't be made must not change how the program appears to have ended.
  private func showFirstScreen(_ result: RecorderResult) {
    do {
      let input = try TraceInput(path: result.output)
      let style = Style(for: .standardError)
      let report = try makeReport(of: input)
      let text = TextReport(report, style: style, file: result.output).text
      Terminal.write(text, to: .standardError)
    } catch let failure as Failure {
      Terminal.complain(failure.message)
    } catch {
      Terminal.complain("\(error)")
    }
  }

  private func status(_ termination: Termination?) -> Int32 {
    switch termination {
    case .exited(let status): status
    case .signalled(let signal): 128 + signal
    case nil: 1
    }
  }
}

/// The environment, entry by entry, as it is: it need not be text that makes sense.
func ownEnvironment() -> [String] {
  var entries: [String] = []
  var next = environ
  while let entry = next.pointee {
    entries.append(String(cString: entry))
    next += 1
  }
  return entries
}
