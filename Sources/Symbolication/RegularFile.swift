import Glibc

/// A regular file, open for reading.
struct RegularFile: ~Copyable {
  let descriptor: Int32

  /// Opens a file without waiting for the other end of a FIFO, and refuses what is no regular file.
  init(path: String) throws(SymbolicationError) {
    let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, errno: errno) }
    var status = stat()
    let failure = unsafe fstat(descriptor, &status) == 0 ? 0 : errno
    guard failure == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw failure == 0 ? .notRegularFile(path: path) : .unreadable(path: path, errno: failure)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}
