/// What /proc tells about processes. Everything may be gone by the time it is read.
public enum ProcFS {
  /// One line of a process's maps.
  public struct Mapping: Hashable, Sendable {
    /// First address and one past the last.
    public var range: Range<UInt64>
    /// Whether code may run there.
    public var isExecutable: Bool
    /// Where in the file it begins.
    public var offset: UInt64
    /// The file, or a name in brackets; empty for anonymous memory.
    public var path: String
  }

  /// The mappings of a process; empty when it has ended.
  public static func mappings(pid: Int32) -> [Mapping] {
    guard let bytes = try? readSmallFile("/proc/\(pid)/maps") else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap(mapping)
  }

  /// The command line of a process; empty when it has ended.
  public static func arguments(pid: Int32) -> [String] {
    guard let bytes = try? readSmallFile("/proc/\(pid)/cmdline"), !bytes.isEmpty else { return [] }
    var arguments = bytes.split(separator: 0, omittingEmptySubsequences: false)
    if bytes.last == 0 { arguments.removeLast() }
    return arguments.map { String(decoding: $0, as: UTF8.self) }
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

  /// `7f00-7f10 r-xp 00000000 08:01 1234 /usr/lib/x.so`
  static func mapping(_ line: some Sequence<UInt8>) -> Mapping? {
    let fields = Array(line).split(
      separator: UInt8(ascii: " "), maxSplits: 5, omittingEmptySubsequences: true)
    guard fields.count >= 5 else { return nil }
    let ends = fields[0].split(separator: UInt8(ascii: "-"))
    func number(_ digits: some Sequence<UInt8>) -> UInt64? {
      UInt64(String(decoding: Array(digits), as: UTF8.self), radix: 16)
    }
    guard ends.count == 2, let start = number(ends[0]), let end = number(ends[1]), start <= end,
      let offset = number(fields[2])
    else { return nil }
    let path = fields.count == 6 ? fields[5].drop { $0 == UInt8(ascii: " ") } : []
    return Mapping(
      range: start..<end, isExecutable: fields[1].contains(UInt8(ascii: "x")), offset: offset,
      path: String(decoding: path, as: UTF8.self))
  }
}
