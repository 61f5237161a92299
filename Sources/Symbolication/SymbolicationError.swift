import Glibc

/// Why a file could not be read for its symbols.
public enum SymbolicationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Opening or reading it failed with this `errno`.
  case unreadable(path: String, errno: Int32)
  /// It is a directory, a FIFO, a device or a socket.
  case notRegularFile(path: String)
  /// It is a file of another format.
  case notELF(path: String)
  /// Its headers contradict themselves; the reason is libelf's or ours.
  case damaged(path: String, reason: String)

  /// A sentence without its full stop, with the path in it.
  public var description: String {
    switch self {
    case .unreadable(let path, let errno):
      let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
      return "\(path) cannot be read: \(reason)"
    case .notRegularFile(let path): return "\(path) is not a regular file"
    case .notELF(let path): return "\(path) is not an ELF file"
    case .damaged(let path, let reason): return "\(path) is damaged: \(reason)"
    }
  }
}
