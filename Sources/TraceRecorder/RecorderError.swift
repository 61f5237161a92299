public import SystemPackage

/// Why a recording could not be made. Nothing of the program has run when it is thrown.
public enum RecorderError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no such program; a shell would exit with 127.
  case programNotFound(String)
  /// The program is there but can't be run; a shell would exit with 126.
  case programNotExecutable(String, Errno)
  /// The file to record to can't be created.
  case outputNotWritable(String, Errno)
  /// The runtime that is loaded into programs is not where it belongs.
  case runtimeMissing([String])
  /// The runtime's path has a space or a colon, where LD_PRELOAD ends a path.
  case runtimePathUnusable(String)
  /// Scheduling can't be recorded from where it was asked to be; what, and why not.
  case schedulingUnavailable(String, String)
  /// There is no process of this number.
  case noSuchProcess(Int32)
  /// The system would not give what recording needs.
  case systemRefused(what: String, Errno)

  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .programNotFound(let name):
      "\(name): no such program; check the name"
        + (name.contains("/") ? "" : ", or give a path such as ./\(name)")
    case .programNotExecutable(let name, let error):
      "\(name): cannot be run: \(error)"
    case .outputNotWritable(let path, let error):
      "\(path): cannot be written: \(error); choose another file with -o"
    case .runtimeMissing(let paths):
      "libctrace-runtime.so is missing; looked for \(paths.joined(separator: " and ")); "
        + "reinstall ctrace, or build it with 'swift build --product ctrace-runtime'"
    case .runtimePathUnusable(let path):
      "\(path): the loader can't preload a library from a path with a space or a colon; "
        + "install ctrace elsewhere"
    case .schedulingUnavailable(let what, let reason):
      "scheduling can't be recorded from \(what): \(reason); leave out --sched for the best there is"
    case .noSuchProcess(let pid): "there is no process \(pid); see 'ps -e' for those that run"
    case .systemRefused(let what, let error):
      "cannot \(what): \(error)"
    }
  }

  /// The exit status that a shell would give for the program.
  public var exitStatus: Int32 {
    switch self {
    case .programNotFound: 127
    case .programNotExecutable: 126
    case .outputNotWritable, .noSuchProcess: 2
    case .runtimeMissing, .runtimePathUnusable, .schedulingUnavailable, .systemRefused: 1
    }
  }
}
