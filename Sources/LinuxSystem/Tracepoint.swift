internal import CLinux
internal import Glibc
public import SystemPackage

/// One of the kernel's tracepoints, with the places of its fields.
public struct Tracepoint: Sendable {
  /// The kernel's number of it.
  public let number: UInt64
  private let offsets: [String: Int]

  /// Where a field is in the raw record; nil where this kernel's has no such field.
  public func offset(of field: String) -> Int? { offsets[field] }

  init(number: UInt64, format: String) {
    self.number = number
    var offsets: [String: Int] = [:]
    // `field:pid_t prev_pid; offset:24; size:4; signed:1;` with tabs between.
    for line in format.split(separator: "\n") {
      let parts = line.split(separator: ";").map { $0.drop { $0 == " " || $0 == "\t" } }
      guard parts.count >= 2, parts[0].hasPrefix("field:"), parts[1].hasPrefix("offset:"),
        let offset = Int(parts[1].dropFirst(7)),
        let name = parts[0].split(separator: " ").last?.prefix(while: { $0 != "[" })
      else { continue }
      offsets[String(name.drop { $0 == "*" })] = offset
    }
    self.offsets = offsets
  }
}

/// The file system in which the kernel lists its tracepoints.
public struct TracepointCatalog: ~Copyable {
  private let root: FileDescriptor

  /// Opens it where it is mounted, and otherwise without mounting it anywhere: the machine stays as it
  /// is. Throws `permissionDenied` or `notPermitted` where the user may not.
  public init() throws(Errno) {
    var refusal = Errno.noSuchFileOrDirectory
    for path in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
      let root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard root >= 0 else {
        if currentErrno != ENOENT { refusal = Errno(rawValue: currentErrno) }
        continue
      }
      if faccessat(root, "events", F_OK, 0) == 0 {
        self.root = FileDescriptor(rawValue: root)
        return
      }
      close(root)
    }
    let root = clinux_open_tracefs()
    guard root >= 0 else {
      throw refusal == .noSuchFileOrDirectory ? Errno(rawValue: currentErrno) : refusal
    }
    self.root = FileDescriptor(rawValue: root)
  }

  deinit { try? root.close() }

  /// A tracepoint by its group and name, such as `sched/sched_switch`.
  public func tracepoint(_ name: String) throws(Errno) -> Tracepoint {
    let number = try read("events/\(name)/id")
    guard let number = UInt64(number.prefix { $0.isNumber }) else { throw .invalidArgument }
    return Tracepoint(number: number, format: try read("events/\(name)/format"))
  }

  private func read(_ path: String) throws(Errno) -> String {
    let file = openat(root.rawValue, path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Errno(rawValue: currentErrno) }
    return String(decoding: try readWhole(FileDescriptor(rawValue: file)), as: UTF8.self)
  }
}
