internal import FoundationEssentials
internal import Glibc
internal import LinuxSystem
internal import SystemPackage
internal import TraceAnalysis
internal import TraceModel
internal import TraceRecorder

/// Runs programs under the recorder, one at a time, and takes the figures of each run.
final class ProgramRunner {
  /// How programs are run.
  struct Options {
    /// The exit status that means success.
    var expectedExit: Int32 = 0
    /// Nanoseconds that a run may take; nil for any.
    var longest: UInt64?
    /// Whether what they write is shown, on stderr.
    var showsOutput = false
    /// The folder that recordings are kept in; nil to keep none.
    var keep: String?
  }

  /// What came of one run.
  enum Outcome {
    /// The program did what it should.
    case done(RunFigures)
    /// Its threads waited for each other, and it was ended.
    case deadlocked(FailedRun, RunFigures)
    /// It failed.
    case failed(FailedRun)
  }

  private let options: Options
  private let folder: TemporaryFolder
  private let signals: HeldSignals
  private let nothing: FileDescriptor
  /// Runs so far, and of each side.
  private var runs = 0
  private var runsOfSide: [GateSide: Int] = [:]
  /// Recordings of what is judged that stay.
  private(set) var kept: [String] = []

  /// Prepares; nothing runs yet. From now on Ctrl-C ends the program, and then us.
  init(_ options: Options) throws {
    self.options = options
    signals = try HeldSignals()
    folder = try TemporaryFolder()
    nothing = try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec)
    if let keep = options.keep, mkdir(keep, 0o777) != 0, errno != EEXIST {
      throw Failure(message: "\(keep) cannot be made: \(Errno(rawValue: errno)); see --keep")
    }
  }

  deinit { try? nothing.close() }

  /// Runs a program once, to its end.
  func run(_ program: GateProgram) throws -> Outcome {
    try endIfAsked()
    runs += 1
    runsOfSide[program.side, default: 0] += 1
    defer { folder.empty() }
    let number = runsOfSide[program.side] ?? 0
    let file = (options.keep ?? folder.path) + "/\(program.side.rawValue)-\(number).ctrace"
    var recorder = RecorderOptions(
      command: program.arguments, output: file, environment: ownEnvironment(),
      version: "ctrace \(ctraceVersion)")
    recorder.duration = options.longest
    let captured = options.showsOutput ? nil : try capture()
    defer { try? captured?.close() }
    recorder.surroundings.input = nothing
    recorder.surroundings.output = captured ?? .standardError
    recorder.surroundings.errors = captured
    recorder.surroundings.hasOwnGroup = true

    var (pid, signal): (Int32?, Int32?) = (nil, nil)
    var (isDeadlocked, isTooLong) = (false, false)
    let end: Termination?
    do {
      end = try Recorder(recorder).run(holding: signals) { progress in
        switch progress {
        case .started(let started): pid = started
        case .signal(let number):
          // Who asks a second time means it.
          if signal != nil, let pid { kill(-pid, SIGKILL) }
          signal = signal ?? number
        case .deadlock:
          isDeadlocked = true
          if let pid { kill(-pid, SIGKILL) }
        case .stoppedRecording:
          isTooLong = true
          if let pid { kill(-pid, SIGKILL) }
        case .waitingForChildren: break
        }
      }.termination
    } catch let error as RecorderError {
      throw Failure(message: "\(error)", exitCode: error.isUsage ? 2 : 1)
    }
    if let signal {
      if let pid { kill(-pid, SIGKILL) }
      throw ProgramStatus(code: 128 + signal)
    }
    try endIfAsked()
    if options.keep != nil, program.side == .head { kept.append(file) }
    let figures = try RunFile.figures(ofRecording: file)
    try endIfAsked()
    if case .exited(let status)? = end, status == options.expectedExit, !isTooLong {
      return .done(figures)
    }
    var failure = FailedRun(
      run: runs, side: program.side.rawValue, command: program.words, exitCode: nil, signal: nil,
      output: captured.map(lastLines) ?? [])
    switch end {
    case .exited(let status): failure.exitCode = status
    case .signalled(let signal): failure.signal = signal
    case nil: break
    }
    if isTooLong { failure.longestNs = options.longest.map(Int64.init(clamping:)) }
    if program.isShell, failure.exitCode == 127 || failure.exitCode == 126 {
      throw Failure(
        message: "the shell found no program for \(program.words.debugDescription): "
          + (failure.output.last ?? "see what it wrote"))
    }
    return isDeadlocked ? .deadlocked(failure, figures) : .failed(failure)
  }

  /// Ends the command where a signal asked for that between two runs.
  private func endIfAsked() throws {
    if let signal = readSignals(signals.descriptor).first(where: { $0.number != SIGCHLD }) {
      throw ProgramStatus(code: 128 + signal.number)
    }
  }

  /// A file for what the program writes.
  private func capture() throws -> FileDescriptor {
    do {
      return try FileDescriptor.open(
        FilePath(folder.path + "/output"), .readWrite,
        options: [.create, .append, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    } catch { throw Failure(message: "\(folder.path) takes no file: \(error); set TMPDIR") }
  }

  /// The last lines of a file, ten at most.
  private func lastLines(_ file: FileDescriptor) -> [String] {
    guard let size = try? file.seek(offset: 0, from: .end) else { return [] }
    var bytes = [UInt8](repeating: 0, count: Int(min(size, 8192)))
    let count = try? bytes.withUnsafeMutableBytes {
      try file.read(fromAbsoluteOffset: size - Int64($0.count), into: $0)
    }
    return String(decoding: bytes.prefix(count ?? 0), as: UTF8.self)
      .split(separator: "\n").suffix(10).map { String($0.prefix(400)) }
  }
}

extension RecorderError {
  /// Whether the user can mend it by another command.
  fileprivate var isUsage: Bool {
    switch self {
    case .programNotFound, .programNotExecutable, .outputNotWritable: true
    default: false
    }
  }
}
