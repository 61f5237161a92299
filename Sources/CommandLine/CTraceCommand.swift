internal import ArgumentParser
internal import Glibc
internal import SystemPackage

/// The command `ctrace`.
struct CTraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ctrace",
    abstract: "Shows who waited, for what, who held it, and what it cost.",
    discussion: """
      ctrace records the locks, semaphores, conditions and threads of a program, unchanged \
      and without root, and tells what its threads waited for.

      Examples:
        ctrace record ./prog args               run, record, and show the verdict
        ctrace report prog.ctrace               show it again
        ctrace view prog.ctrace                 its timeline, in Perfetto
        ctrace export prog.ctrace -o prog.json  the same, as a file
        ctrace ci --base ./old --head ./new     fail when it contends more than before
      """,
    version: ctraceVersion,
    subcommands: [
      RecordCommand.self, ReportCommand.self, ExportCommand.self, ViewCommand.self,
      CICommand.self, DiffCommand.self, InfoCommand.self, SelfTestProgram.self,
    ]
  )
}

/// The version of this program, as `ctrace --version` prints it and recordings name it.
let ctraceVersion = "0.1.0"

/// Runs the command that the arguments ask for, and exits.
///
/// Exit codes: 0 fine, 1 an internal error, 2 wrong usage or unreadable input. `record` exits as the
/// program does that it runs; `ci` and `diff` have more: see ``GateConfiguration/exitCode(of:)``.
public func runCTrace() -> Never {
  do {
    var command = try CTraceCommand.parseAsRoot()
    try command.run()
    exit(0)
  } catch let failure as Failure {
    Terminal.complain(failure.message)
    exit(failure.exitCode)
  } catch let status as ProgramStatus {
    exit(status.code)
  } catch {
    let code = CTraceCommand.exitCode(for: error)
    let text = CTraceCommand.fullMessage(for: error)
    if code == .success {
      print(text)
      exit(0)
    }
    Terminal.write(text.hasSuffix("\n") ? text : text + "\n", to: .standardError)
    // Everything that the parser itself objects to is wrong usage.
    exit(code == .validationFailure ? 2 : 1)
  }
}

/// Something that ends a command: one line that says what happened and what to do.
struct Failure: Error {
  var message: String
  /// 1 for what should not happen, 2 for what the user can mend.
  var exitCode: Int32 = 2
}

/// Ends the command with a status that means something, and without a word: of `ctrace record` as the program
/// ended that it ran.
struct ProgramStatus: Error {
  var code: Int32
}
