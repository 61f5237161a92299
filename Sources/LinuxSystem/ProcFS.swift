/// What /proc tells about processes. Everything may be gone by the time it is read.
public enum ProcFS {
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
