internal import CLinux
internal import Glibc

/// Asks the kernel which sockets are connected with each other, as `ss` does.
public final class SocketDiagnosis {
  private let descriptor: Int32

  /// Opens a way to the kernel; where there is none, nothing is found.
  public init() { descriptor = clinux_open_socket_diagnosis() }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The number of the local socket at the other end of the one with this number; nil when either is
  /// gone, not connected, or in another name space.
  public func otherEnd(of socket: UInt32) -> UInt32? {
    guard descriptor >= 0 else { return nil }
    let other = clinux_other_end(descriptor, socket)
    return other == 0 ? nil : other
  }
}
