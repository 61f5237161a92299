internal import CLinux
internal import Glibc
public import SystemPackage

/// errno of the call just made.
var currentErrno: Int32 { Glibc.errno }

/// Reads a small file of /proc or /sys whole; at most 4 MiB of it.
public func readSmallFile(_ path: String) throws(Errno) -> [UInt8] {
  let file: FileDescriptor
  do { file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) } catch {
    throw error as? Errno ?? .ioError
  }
  return try readWhole(file)
}

/// Reads a file whole that must be a regular one, no larger than this, without waiting for anybody.
public func readRegularFile(_ path: String, largest: Int) throws(Errno) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
  guard descriptor >= 0 else { throw Errno(rawValue: currentErrno) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: currentErrno) }
  guard status.st_mode & S_IFMT == S_IFREG else { throw .invalidArgument }
  guard status.st_size <= largest else { throw .fileTooLarge }
  var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
  var filled = 0
  while filled < bytes.count {
    let count = bytes.withUnsafeMutableBytes {
      read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled)
    }
    if count < 0 {
      guard currentErrno == EINTR else { throw Errno(rawValue: currentErrno) }
      continue
    }
    if count == 0 { break }
    filled += count
  }
  return Array(bytes[..<filled])
}

/// Reads a small file whole, at most 4 MiB of it, and closes it.
func readWhole(_ file: FileDescriptor) throws(Errno) -> [UInt8] {
  defer { try? file.close() }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 16 << 10)
  while bytes.count < 4 << 20 {
    let count: Int
    do { count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) } } catch {
      throw error as? Errno ?? .ioError
    }
    if count == 0 { break }
    bytes += buffer[..<count]
  }
  return bytes
}

extension FileDescriptor {
  /// Writes everything that is given, however many calls it takes.
  public func writeWhole(_ bytes: [UInt8]) throws(Errno) {
    let error = bytes.withUnsafeBytes { clinux_write_all(rawValue, $0.baseAddress, $0.count) }
    guard error == 0 else { throw Errno(rawValue: error) }
  }
}

/// CPUs that are online.
public var onlineCPUs: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

/// CPUs that the kernel may bring online.
public var configuredCPUs: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_CONF))) }

/// Wall-clock time, nanoseconds since 1970.
public var wallClock: Int64 { Int64(clinux_realtime()) }

/// CLOCK_MONOTONIC, nanoseconds.
public var monotonicClock: UInt64 { clinux_monotonic() }

/// Kernel release and CPU model, for people.
public var hostDescription: String {
  var names = utsname()
  var parts: [String] = []
  if uname(&names) == 0 {
    func text<Tuple>(_ field: Tuple) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    parts.append("\(text(names.sysname)) \(text(names.release)) \(text(names.machine))")
  }
  if let bytes = try? readSmallFile("/proc/cpuinfo") {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    if let model = lines.first(where: { $0.hasPrefix("model name") })?.split(separator: ":").last {
      parts.append(String(model.drop(while: { $0 == " " })))
    }
  }
  return parts.joined(separator: ", ")
}
