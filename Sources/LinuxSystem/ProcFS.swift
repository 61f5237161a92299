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

  /// Nanoseconds that a thread has been on a CPU; nil when it has ended, or the kernel does not say.
  public static func cpuTime(pid: Int32, tid: Int32) -> Int64? {
    guard let bytes = try? readSmallFile("/proc/\(pid)/task/\(tid)/schedstat") else { return nil }
    return Int64(String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self))
  }
}
