internal import CLinux
internal import Glibc
public import SystemPackage

/// A TCP socket on 127.0.0.1 that programs of this machine connect to.
public struct LoopbackListener: ~Copyable {
  /// Readable when somebody wants to connect.
  public let descriptor: FileDescriptor
  /// The port that it has.
  public let port: UInt16

  /// Listens on a port, or on any that is free when it is 0. Throws `addressInUse` when another has it,
  /// and `permissionDenied` for one that only root may have.
  public init(port: UInt16) throws(Errno) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw Errno(rawValue: currentErrno) }
    // A port whose last connections have just ended can be had at once.
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let error = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket, address, size) == 0 && listen(socket, SOMAXCONN) == 0
          && getsockname(socket, address, &size) == 0 ? 0 : currentErrno
      }
    }
    guard error == 0 else {
      close(socket)
      throw Errno(rawValue: error)
    }
    descriptor = FileDescriptor(rawValue: socket)
    self.port = UInt16(bigEndian: address.sin_port)
  }

  deinit { try? descriptor.close() }

  /// Who wants to connect; nil when that one has gone, or when there are no descriptors left.
  public func accept() -> LoopbackConnection? {
    let socket = Glibc.accept(descriptor.rawValue, nil, nil)
    return socket < 0 ? nil : LoopbackConnection(socket)
  }
}

/// A connection to ``LoopbackListener``. One thread at a time may use it.
public final class LoopbackConnection: Sendable {
  private let socket: Int32
  /// Seconds after which someone who neither sends nor takes anything is given up.
  private static let patience = 30

  init(_ socket: Int32) {
    self.socket = socket
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    var time = timeval(tv_sec: LoopbackConnection.patience, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(socket, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close(socket) }

  /// What has come, at most so many bytes; none when the other has said everything.
  public func read(atMost count: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled: Int
    repeat { filled = recv(socket, &bytes, count, 0) } while filled < 0 && currentErrno == EINTR
    guard filled >= 0 else { throw Errno(rawValue: currentErrno) }
    bytes.removeLast(count - filled)
    return bytes
  }

  /// Sends everything that is given.
  public func write(_ bytes: [UInt8]) throws(Errno) {
    let error = bytes.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = send(socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        if count >= 0 { sent += count } else if currentErrno != EINTR { return currentErrno }
      }
      return 0
    }
    guard error == 0 else { throw Errno(rawValue: error) }
  }

  /// Says that this was all, and waits until the other has it: whoever closes a socket on which
  /// something is still to be read takes back what is on its way. Returns whether the other has
  /// closed its end in turn.
  public func finish() -> Bool {
    guard shutdown(socket, Int32(SHUT_WR)) == 0 else { return false }
    for _ in 0..<64 {
      guard let rest = try? read(atMost: 4096) else { return false }
      if rest.isEmpty { return true }
    }
    return false
  }
}
