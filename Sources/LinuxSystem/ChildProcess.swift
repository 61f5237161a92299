internal import CLinux
internal import Glibc
public import SystemPackage

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable {
  /// It exited with this status.
  case exited(Int32)
  /// This signal killed it.
  case signalled(Int32)
}

/// What a child does not share with us.
public struct ChildSurroundings: Sendable {
  /// What it reads; nil for what we do.
  public var input: FileDescriptor?
  /// Where it writes; nil for where we do.
  public var output: FileDescriptor?
  /// Where it writes of errors; nil for where we do.
  public var errors: FileDescriptor?
  /// Whether it leads a process group, which gets the signals that it is sent, and none of the terminal's.
  public var hasOwnGroup = false

  /// Nothing: it shares all, as a child of a shell does.
  public init() {}
}

/// A child that is held at a gate: it exists, but nothing of its program has run yet.
///
/// Where nothing else is said it shares our terminal, process group and open files, as a child of a shell
/// shares the shell's.
public struct ChildProcess: ~Copyable {
  /// The kernel's number.
  public let pid: Int32
  /// Whether it leads a process group.
  public let hasOwnGroup: Bool
  private let gate: FileDescriptor
  private let failure: FileDescriptor

  /// Forks. `signalMask` is what the program is to start with.
  public init(
    _ arguments: [String], environment: [String], signalMask: SignalMask,
    surroundings: ChildSurroundings = ChildSurroundings()
  ) throws(Errno) {
    let gate: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    let failure: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
    gate = try closingPipe()
    do { failure = try closingPipe() } catch {
      try? gate.readEnd.close()
      try? gate.writeEnd.close()
      throw error
    }
    let pid = withCStrings(arguments) { arguments in
      withCStrings(environment) { environment in
        var mask = signalMask.set
        let streams = [surroundings.input, surroundings.output, surroundings.errors]
        return clinux_fork_gated(
          arguments[0], arguments, environment, gate.readEnd.rawValue, failure.writeEnd.rawValue,
          &mask, streams.map { $0?.rawValue ?? -1 }, surroundings.hasOwnGroup ? 1 : 0)
      }
    }
    let error = currentErrno
    try? gate.readEnd.close()
    try? failure.writeEnd.close()
    guard pid >= 0 else {
      try? gate.writeEnd.close()
      try? failure.readEnd.close()
      throw Errno(rawValue: error)
    }
    self.pid = pid
    hasOwnGroup = surroundings.hasOwnGroup
    self.gate = gate.writeEnd
    self.failure = failure.readEnd
  }

  deinit {
    try? gate.close()
    try? failure.close()
  }

  /// Opens the gate and returns when the program has started.
  ///
  /// Throws the error of exec when it could not be: `noSuchFileOrDirectory` where there is no such
  /// program. The child is gone then and must still be reaped.
  public func release() throws(Errno) {
    try gate.writeWhole([1])
    var code: Int32 = 0
    let count = withUnsafeMutableBytes(of: &code) { buffer in
      var count: Int
      repeat {
        count = read(failure.rawValue, buffer.baseAddress, buffer.count)
      } while count < 0
        && currentErrno == EINTR
      return count
    }
    if count == MemoryLayout<Int32>.size { throw Errno(rawValue: code) }
  }

  /// Whether it has ended; it stays in /proc until ``end()`` is asked for.
  public var hasEnded: Bool {
    var information = siginfo_t()
    let options = WEXITED | WNOHANG | WNOWAIT
    return waitid(P_PID, UInt32(bitPattern: pid), &information, options) == 0
      && information._sifields._sigchld.si_pid == pid
  }

  /// How it ended; nil while it runs.
  public func end() -> ProcessEnd? {
    var status: Int32 = 0
    guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
  }

  /// Sends it a signal, and its group where it has one.
  public func send(signal: Int32) { kill(hasOwnGroup ? -pid : pid, signal) }

  /// Passes on a signal that came to us: a key on the terminal has reached the whole foreground group
  /// already.
  public func pass(_ signal: ArrivedSignal) {
    if signal.isFromProcess || hasOwnGroup { send(signal: signal.number) }
  }
}

/// A set of signals that a thread holds back.
public struct SignalMask {
  fileprivate(set) var set: sigset_t
}

/// The signals that a program run in the foreground is ended with, and SIGPIPE, held back from now on.
public struct HeldSignals: ~Copyable {
  /// Readable when one has arrived: see ``readSignals(_:)``.
  public let descriptor: FileDescriptor
  /// What was held back before.
  public let before: SignalMask

  /// Begins.
  public init() throws(Errno) {
    var held = sigset_t()
    sigemptyset(&held)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD] {
      sigaddset(&held, signal)
    }
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, &held, &before)
    sigdelset(&held, SIGPIPE)
    let descriptor = clinux_open_signals(&held)
    guard descriptor >= 0 else { throw Errno(rawValue: currentErrno) }
    self.descriptor = FileDescriptor(rawValue: descriptor)
    self.before = SignalMask(set: before)
  }

  deinit { try? descriptor.close() }
}

/// A signal that arrived.
public struct ArrivedSignal: Sendable {
  /// Its number.
  public var number: Int32
  /// Whether a process sent it. Otherwise the kernel did, for a key pressed on the terminal or the
  /// terminal's end, and then the whole foreground group has had it already.
  public var isFromProcess: Bool
}

/// The signals that have arrived on a descriptor of ``HeldSignals``.
public func readSignals(_ descriptor: FileDescriptor) -> [ArrivedSignal] {
  var signals: [ArrivedSignal] = []
  var information = signalfd_siginfo()
  while read(descriptor.rawValue, &information, MemoryLayout<signalfd_siginfo>.size)
    == MemoryLayout<signalfd_siginfo>.size
  {
    signals.append(
      ArrivedSignal(
        number: Int32(information.ssi_signo), isFromProcess: information.ssi_code <= 0))
  }
  return signals
}

extension WatchedProcess {
  /// The same for a list of them.
  public final class Handle {
    private let process: WatchedProcess
    /// Begins to watch.
    public init(pid: Int32) throws(Errno) { process = try WatchedProcess(pid: pid) }
    /// Readable when the process has ended.
    public var descriptor: FileDescriptor { process.descriptor }
  }
}

/// A process that is not our child, watched for its end.
public struct WatchedProcess: ~Copyable {
  /// Readable when the process has ended.
  public let descriptor: FileDescriptor

  /// Begins to watch. Throws `noSuchProcess` when it has ended already.
  public init(pid: Int32) throws(Errno) {
    let descriptor = clinux_open_process(pid)
    guard descriptor >= 0 else { throw Errno(rawValue: currentErrno) }
    self.descriptor = FileDescriptor(rawValue: descriptor)
  }

  deinit { try? descriptor.close() }
}

/// Waits until one of the descriptors is readable; returns whether each is.
public func poll(_ descriptors: [FileDescriptor], milliseconds: Int32) -> [Bool] {
  var list = descriptors.map {
    pollfd(fd: $0.rawValue, events: Int16(POLLIN), revents: 0)
  }
  guard Glibc.poll(&list, nfds_t(list.count), milliseconds) > 0 else {
    return Array(repeating: false, count: list.count)
  }
  return list.map { $0.revents != 0 }
}

/// Whether a thread of a process still exists. True where that can't be told.
public func threadExists(pid: Int32, tid: Int32) -> Bool { clinux_thread_exists(pid, tid) != 0 }

private func closingPipe() throws(Errno) -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
  var ends: (Int32, Int32) = (-1, -1)
  let result = withUnsafeMutablePointer(to: &ends) {
    $0.withMemoryRebound(to: Int32.self, capacity: 2) { clinux_pipe($0) }
  }
  guard result == 0 else { throw Errno(rawValue: currentErrno) }
  return (FileDescriptor(rawValue: ends.0), FileDescriptor(rawValue: ends.1))
}

/// Lends strings to C as a list that ends with a null pointer.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) } + [nil]
  defer { pointers.forEach { free($0) } }
  return pointers.withUnsafeMutableBufferPointer { buffer in
    // Never empty: the null at the end is always there.
    body(buffer.baseAddress.unsafelyUnwrapped)
  }
}
