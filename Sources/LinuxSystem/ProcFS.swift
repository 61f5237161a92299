internal import Glibc

/// What /proc tells about processes. Everything may be gone by the time it is read.
public enum ProcFS {
  /// The folder that a process is in; nil when it has ended.
  public static func currentFolder(pid: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { readlink("/proc/\(pid)/cwd", $0, bytes.count) } ?? -1
    }
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }

  /// The name of a thread; nil when it has ended.
  public static func threadName(pid: Int32, tid: Int32) -> String? {
    guard var bytes = try? readSmallFile("/proc/\(pid)/task/\(tid)/comm") else { return nil }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether this process's numbers of processes are the kernel's own, as its tracepoints have them.
  public static var isInFirstPIDNamespace: Bool {
    // PROC_PID_INIT_INO of the kernel's proc_ns.h.
    var status = stat()
    return stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == 0xEFFF_FFFC
  }

  /// Whether there is such a process.
  public static func exists(pid: Int32) -> Bool {
    pid > 0 && access("/proc/\(pid)/task/\(pid)", F_OK) == 0
  }

  /// The command line of a process; empty when it has ended, or is a thread of the kernel.
  public static func commandLine(of pid: Int32) -> [String] {
    guard let bytes = try? readSmallFile("/proc/\(pid)/cmdline"), !bytes.isEmpty else { return [] }
    return bytes.split(separator: 0, omittingEmptySubsequences: false)
      .dropLast(bytes.last == 0 ? 1 : 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The threads of a process; none when it has ended.
  public static func threads(of pid: Int32) -> [Int32] { numbers(in: "/proc/\(pid)/task") }

  /// All processes.
  public static func processes() -> [Int32] { numbers(in: "/proc") }

  private static func numbers(in folder: String) -> [Int32] {
    guard let entries = opendir(folder) else { return [] }
    defer { closedir(entries) }
    var numbers: [Int32] = []
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { numbers.append(number) }
    }
    return numbers.sorted()
  }

  /// The process of a thread and that one's parent; nil when it has ended.
  public static func status(tid: Int32) -> (pid: Int32, parentPID: Int32)? {
    guard let bytes = try? readSmallFile("/proc/\(tid)/status") else { return nil }
    func field(_ name: String) -> Int32? {
      String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(name) }
        .flatMap { Int32($0.dropFirst(name.count).drop { $0 == "\t" || $0 == " " }) }
    }
    guard let pid = field("Tgid:") else { return nil }
    return (pid, field("PPid:") ?? 0)
  }

  /// What the kernel has counted of a thread.
  public struct SchedulingTimes: Sendable {
    /// Nanoseconds on a CPU.
    public var ran: Int64
    /// Nanoseconds in which it could have run, but had no CPU.
    public var waited: Int64
  }

  /// What the kernel has counted of a thread; nil when it has ended, or the kernel does not say.
  public static func schedulingTimes(pid: Int32, tid: Int32) -> SchedulingTimes? {
    guard let bytes = try? readSmallFile("/proc/\(pid)/task/\(tid)/schedstat") else { return nil }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard fields.count >= 2, let ran = Int64(fields[0]), let waited = Int64(fields[1]) else {
      return nil
    }
    return SchedulingTimes(ran: ran, waited: waited)
  }
}
