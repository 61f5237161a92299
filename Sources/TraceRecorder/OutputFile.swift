internal import Glibc
internal import LinuxSystem
internal import SystemPackage

/// The file that is recorded to. An older one of the same name is kept as `.old`.
struct OutputFile: ~Copyable {
  let path: String
  let descriptor: FileDescriptor
  private let kept: String?

  /// Creates the file, readable by its owner alone as far as the umask lets it be: traces hold
  /// command lines.
  init(path: String) throws(RecorderError) {
    var status = stat()
    let exists = lstat(path, &status) == 0
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    var kept: String?
    if exists && isRegular {
      guard access(path, W_OK) == 0 else {
        throw .outputNotWritable(path, Errno(rawValue: errno))
      }
      let old = path + ".old"
      guard rename(path, old) == 0 else { throw .outputNotWritable(path, Errno(rawValue: errno)) }
      kept = old
    }
    do {
      descriptor = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o644))
    } catch {
      if let kept { rename(kept, path) }
      throw .outputNotWritable(path, error as? Errno ?? .ioError)
    }
    self.path = path
    self.kept = kept
  }

  /// Undoes the creation: the program never ran.
  consuming func discard() {
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG { unlink(path) }
    if let kept { rename(kept, path) }
  }

  deinit { try? descriptor.close() }
}
