internal import CTraceABI
internal import Glibc
public import LinuxSystem
internal import Symbolication
internal import SystemPackage
internal import TraceFile
public import TraceModel

/// What to record, and how.
public struct RecorderOptions: Sendable {
  /// The program and its arguments.
  public var command: [String]
  /// The file to record to.
  public var output: String
  /// Bytes of the file beyond which no more events are kept.
  public var maximumSize: UInt64?
  /// Nanoseconds after which recording ends; the program runs on.
  public var duration: UInt64?
  /// Whether children of the program are recorded too.
  public var recordsChildren = true
  /// Whether holds are stamped.
  public var recordsHolds = true
  /// Whether the kernel is asked for the depth of its queues at each operation.
  public var asksQueueDepth = false
  /// Whether queues of the kernel are recorded at all.
  public var recordsKernelQueues = true
  /// Where scheduling is recorded from.
  public var scheduling = SchedulingChoice.auto
  /// What targets stamp with.
  public var clock = CounterClock.Choice.auto
  /// Waits shorter than this many nanoseconds are counted, not recorded one by one.
  public var minimumWait: UInt64 = 1000
  /// The environment that the program is to get, without what the recorder adds.
  public var environment: [String]
  /// What the program does not share with us.
  public var surroundings = ChildSurroundings()
  /// The library that is preloaded; nil: beside the executable, or where it is installed.
  public var runtimePath: String?
  /// Who records, for the file.
  public var version: String

  /// Makes options with the defaults.
  public init(command: [String], output: String, environment: [String], version: String) {
    self.command = command
    self.output = output
    self.environment = environment
    self.version = version
  }
}

extension RecorderOptions {
  /// What runs already and is to be recorded.
  public enum Target: Hashable, Sendable {
    /// Processes, by their numbers.
    case processes([Int32])
    /// All of the machine.
    case everything
  }
}

/// What came of a recording.
public struct RecorderResult: Sendable {
  /// How the program ended; nil when it runs on.
  public var termination: Termination?
  /// The file.
  public var output: String
  /// Its size in bytes.
  public var byteCount: UInt64
  /// Why the file is not whole; nil when it is.
  public var failure: String?
}

/// Runs a program and writes down what its threads wait for.
///
/// One thread drains the rings and watches the processes, another compresses and writes. Rings live
/// in memory that both sides map, so that what a target wrote before it was killed is there to be
/// read after.
public struct Recorder {
  private let options: RecorderOptions
  private let calibration = CounterClock.Calibration()

  /// Prepares a recording; nothing happens yet.
  public init(_ options: RecorderOptions) { self.options = options }

  /// Records until the program and its recorded children have ended.
  ///
  /// - Parameter onEvent: told of things that a user should know while it goes on.
  public func run(onEvent: (Progress) -> Void = { _ in }) throws -> RecorderResult {
    try run(holding: Recorder.heldSignals(), onEvent: onEvent)
  }

  private static func heldSignals() throws(RecorderError) -> HeldSignals {
    do { return try HeldSignals() } catch { throw .systemRefused(what: "hold signals", error) }
  }

  /// The same for one who runs several programs and holds the signals in between too.
  public func run(
    holding signals: borrowing HeldSignals, onEvent: (Progress) -> Void = { _ in }
  ) throws -> RecorderResult {
    let program = try TargetProgram(
      options.command.first ?? "", searchPath: value(of: "PATH", in: options.environment))
    let runtime = try options.runtimePath ?? RuntimeLibrary.locate()
    try RuntimeLibrary.check(runtime)
    let output = try OutputFile(path: options.output)
    let arena: Arena
    let clock = CounterClock(calibration: calibration, choice: options.clock)
    do {
      var flags: UInt32 = 0
      if !options.recordsChildren { flags |= CTRACE_NO_CHILDREN.rawValue }
      if !options.recordsHolds { flags |= CTRACE_NO_HOLDS.rawValue }
      if !options.recordsKernelQueues { flags |= CTRACE_NO_KERNEL_QUEUES.rawValue }
      if options.asksQueueDepth { flags |= CTRACE_ASKS_DEPTH.rawValue }
      arena = try Arena(clock: clock, minimumWait: options.minimumWait, flags: flags)
    } catch {
      output.discard()
      throw RecorderError.systemRefused(what: "reserve shared memory", error)
    }

    let child: ChildProcess
    let writer: ChunkWriter
    do {
      writer = try ChunkWriter(file: output.descriptor, mostBytes: options.maximumSize)
      child = try ChildProcess(
        options.command,
        environment: environment(
          runtime: runtime, session: arena.environmentEntry(recorder: getpid())),
        signalMask: signals.before, surroundings: options.surroundings)
    } catch {
      output.discard()
      throw RecorderError.systemRefused(what: "start a process", error)
    }
    let thread: BackgroundThread
    do {
      thread = try BackgroundThread { writer.run() }
    } catch {
      output.discard()
      throw RecorderError.systemRefused(what: "start a thread", error)
    }

    arena.setRoot(pid: child.pid)
    var session = RecordingSession(
      options: options, arena: arena, clock: clock, writer: writer, childPID: child.pid)
    session.note(obstacle: program.obstacle)
    do { try session.openScheduler() } catch {
      writer.close()
      thread.join()
      output.discard()
      child.send(signal: SIGKILL)
      _ = waitForEnd(of: child, signals: signals.descriptor)
      throw error
    }
    do { try child.release() } catch {
      writer.close()
      thread.join()
      output.discard()
      _ = waitForEnd(of: child, signals: signals.descriptor)
      let name = options.command[0]
      throw error == .noSuchFileOrDirectory
        ? RecorderError.programNotFound(name) : .programNotExecutable(name, error)
    }
    onEvent(.started(pid: child.pid))
    let end = session.follow(child, signals: signals.descriptor, onEvent: onEvent)
    session.finish(end)
    writer.close()
    thread.join()

    var termination: Termination?
    switch end {
    case .ended(let how), .left(let how): termination = how
    case .stopped(let reason):
      onEvent(.stoppedRecording(reason))
      termination = waitForEnd(of: child, signals: signals.descriptor)
    }
    return result(of: writer, path: output.path, termination: termination)
  }

  /// Records what runs already, from outside, until it has ended, a signal comes or the duration is
  /// over.
  ///
  /// - Parameter onStart: told when recording has begun.
  public func attach(
    to target: RecorderOptions.Target, onStart: () -> Void = {}
  ) throws -> RecorderResult {
    let clock = CounterClock(calibration: calibration, choice: options.clock)
    let output = try OutputFile(path: options.output)
    let signals = try Recorder.heldSignals()
    let writer: ChunkWriter
    let thread: BackgroundThread
    do {
      writer = try ChunkWriter(file: output.descriptor, mostBytes: options.maximumSize)
      thread = try BackgroundThread { writer.run() }
    } catch {
      output.discard()
      throw RecorderError.systemRefused(what: "start a thread", error)
    }
    var session: AttachedSession
    do {
      session = try AttachedSession(
        options: options, target: target, clock: clock, writer: writer)
    } catch {
      writer.close()
      thread.join()
      output.discard()
      throw error
    }
    onStart()
    let reason = session.follow(signals: signals.descriptor)
    session.finish(reason: reason)
    writer.close()
    thread.join()
    return result(of: writer, path: output.path, termination: nil)
  }

  private func result(
    of writer: ChunkWriter, path: String, termination: Termination?
  ) -> RecorderResult {
    let outcome = writer.outcome
    return RecorderResult(
      termination: termination, output: path, byteCount: outcome.byteCount,
      failure: outcome.failure.map { failure in
        switch failure {
        case .system(let error): "\(error)"
        case .format(let text): text
        }
      })
  }

  /// Something to tell the user while recording.
  public enum Progress: Sendable {
    /// The program has ended; so many of its children have not.
    case waitingForChildren(Int)
    /// `duration` is over, or the file is full: the rest of the run is not recorded.
    case stoppedRecording(String)
    /// Threads wait for each other, and will for ever.
    case deadlock(Deadlock)
    /// The program runs, with this number.
    case started(pid: Int32)
    /// This signal came that would end us; the program has it too.
    case signal(Int32)
  }

  private func environment(runtime: String, session: String) -> [String] {
    var environment = options.environment.filter {
      !$0.hasPrefix("LD_PRELOAD=") && !$0.hasPrefix(CTRACE_SESSION_VARIABLE + "=")
    }
    let preload = value(of: "LD_PRELOAD", in: options.environment)
    environment.append(
      "LD_PRELOAD=" + (preload.map { $0.isEmpty ? runtime : "\(runtime):\($0)" } ?? runtime))
    environment.append(session)
    return environment
  }

  /// Waits for a program that is not recorded any more, passing signals on.
  private func waitForEnd(
    of child: borrowing ChildProcess, signals: FileDescriptor
  ) -> Termination {
    while true {
      switch child.end() {
      case .exited(let status): return .exited(status)
      case .signalled(let signal): return .signalled(signal)
      case nil: break
      }
      _ = poll([signals], milliseconds: -1)
      for signal in readSignals(signals) where signal.number != SIGCHLD { child.pass(signal) }
    }
  }
}

private func value(of name: String, in environment: [String]) -> String? {
  environment.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
}
