public import Foundation

/// How a program ended, and what it wrote.
public struct ProgramResult: Sendable {
  /// The exit status, or 128 and the signal that killed it.
  public var status: Int32
  /// What it wrote to stdout.
  public var output: String
  /// What it wrote to stderr.
  public var errors: String

  /// The `name number` lines of stdout, as workloads print them about themselves.
  public var values: [String: Int64] {
    output.split(separator: "\n").reduce(into: [:]) { values, line in
      let words = line.split(separator: " ")
      guard words.count == 2, let value = Int64(words[1]) else { return }
      values[String(words[0])] = value
    }
  }
}

/// A program that runs.
public final class Program {
  /// The kernel's number.
  public let pid: Int32
  private let folder: TemporaryFolder
  private var isReaped = false
  /// Nothing a test starts may take longer.
  public static let longestRun: TimeInterval = 120

  /// Starts a command, found in PATH, with no input.
  ///
  /// - Parameters:
  ///   - environment: Added to ours; an empty value takes a variable away.
  ///   - directory: Where it starts; a folder of its own when nil.
  ///   - user: Another user's number to start it as; for root only.
  public init(
    _ command: [String], environment: [String: String] = [:], directory: String? = nil,
    user: UInt32? = nil
  ) throws {
    folder = try TemporaryFolder()
    var arguments = command
    if let user {
      arguments =
        ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups", "--"] + command
    }
    // Executes the next in its own place, so that the number stays.
    arguments = ["env", "-C", directory ?? folder.path, "--"] + arguments
    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value.isEmpty ? nil : value }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 1, folder.path + "/output", flags, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, folder.path + "/errors", flags, 0o644)
    // As from a shell: no signal is held back or ignored, whatever the test runner does.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var argumentPointers = arguments.map { strdup($0) } + [nil]
    var variablePointers = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argumentPointers + variablePointers).forEach { free($0) } }
    var pid: pid_t = 0
    let error = posix_spawnp(
      &pid, arguments[0], &actions, &attributes, &argumentPointers, &variablePointers)
    guard error == 0 else {
      throw TestFailure("\(command[0]) does not start: \(String(cString: strerror(error)))")
    }
    self.pid = pid
  }

  deinit {
    if !isReaped {
      kill(pid, SIGKILL)
      var status: Int32 = 0
      waitpid(pid, &status, 0)
    }
  }

  /// Sends it a signal.
  public func send(_ signal: Int32) { kill(pid, signal) }

  /// What it has written to stdout so far.
  public var outputSoFar: String { folder.text("output") }
  /// What it has written to stderr so far.
  public var errorsSoFar: String { folder.text("errors") }

  /// Waits until something holds; throws when the program ends before, or when it takes too long.
  public func wait(for what: String, until condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: Program.longestRun)
    while try !condition() {
      guard Date() < deadline else { throw TestFailure("\(what) never came about") }
      guard !hasEnded else {
        if try condition() { return }
        throw TestFailure("the program ended before this: \(what)")
      }
      usleep(2000)
    }
  }

  private var hasEnded: Bool {
    var information = siginfo_t()
    return waitid(P_PID, UInt32(pid), &information, WEXITED | WNOHANG | WNOWAIT) != 0
      || information._sifields._sigchld.si_pid == pid
  }

  /// Waits for its end.
  ///
  /// - Parameter longest: Seconds after which it counts as one that hangs.
  public func result(longest: TimeInterval = longestRun) throws -> ProgramResult {
    let deadline = Date(timeIntervalSinceNow: longest)
    var status: Int32 = 0
    var pause: UInt32 = 200
    while waitpid(pid, &status, WNOHANG) == 0 {
      guard Date() < deadline else {
        throw TestFailure("a program hangs; it wrote: \(folder.text("errors").suffix(500))")
      }
      usleep(pause)
      pause = min(pause * 2, 10_000)
    }
    isReaped = true
    let signal = status & 0x7f
    return ProgramResult(
      status: signal == 0 ? status >> 8 & 0xff : 128 + signal, output: folder.text("output"),
      errors: folder.text("errors"))
  }

  /// Runs a command to its end.
  public static func run(
    _ command: String..., environment: [String: String] = [:], directory: String? = nil
  ) throws -> ProgramResult {
    try Program(command, environment: environment, directory: directory).result()
  }
}

/// A folder that goes when it is no longer used. Every user may enter it and write in it.
public final class TemporaryFolder {
  /// Its path.
  public let path: String

  /// Makes it.
  public init() throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    // mkdtemp puts the name in the place of the six letters.
    var template = Array("\(parent)/ctrace-tests-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw TestFailure("no folder can be made in \(parent)")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o777)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// What a file in it holds, as far as it is text.
  public func text(_ name: String) -> String {
    let data = FileManager.default.contents(atPath: path + "/" + name)
    return data.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// The bytes of a file in it.
  public func bytes(_ name: String) -> [UInt8] {
    FileManager.default.contents(atPath: path + "/" + name).map(Array.init) ?? []
  }

  /// Writes a file in it; returns its path.
  @discardableResult
  public func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// Names in it, sorted.
  public var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

/// Something that keeps a test from being made, in one line.
public struct TestFailure: Error, CustomStringConvertible {
  /// The line.
  public var description: String
  /// Makes one.
  public init(_ description: String) { self.description = description }
}

/// What the machine and the user allow a test to do.
public enum Machine {
  /// Whether we are root.
  public static var isRoot: Bool { geteuid() == 0 }
  /// A user without any rights: what `nobody` is on Debian.
  public static let nobody: UInt32 = 65534
  /// Whether a program is on PATH.
  public static func has(_ program: String) -> Bool { find(program) != nil }
  /// Where a program is on PATH.
  public static func find(_ program: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return (path.split(separator: ":").map { "\($0)/\(program)" })
      .first { access($0, X_OK) == 0 }
  }
  /// A library that the linker of this machine knows.
  public static func sharedObject(_ name: String) throws -> String? {
    let result = try Program.run("cc", "-print-file-name=\(name)")
    let path = result.output.split(separator: "\n").first.map(String.init) ?? ""
    return path.contains("/") ? path : nil
  }
}
