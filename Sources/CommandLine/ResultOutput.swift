internal import Glibc
internal import SystemPackage

/// Where a command's result goes: stdout, or a file that appears under its name only when it is
/// whole. One whose name ends in `.gz` is compressed.
struct ResultOutput: ~Copyable {
  private let descriptor: FileDescriptor
  private let path: String?
  private let temporary: String?
  private let compressor: GzipStream?

  /// Opens `path`; nil and `-` are stdout. It may not be the file that the result is made of.
  ///
  /// - Parameter isCompressed: Whether it is compressed whatever its name.
  init(path: String?, madeOf input: String? = nil, isCompressed: Bool = false) throws {
    let isCompressed = isCompressed || path?.hasSuffix(".gz") == true
    let compressor = isCompressed ? try GzipStream() : nil
    guard let path, path != "-" else {
      self.compressor = compressor
      descriptor = .standardOutput
      self.path = nil
      temporary = nil
      return
    }
    var status = stat()
    var inputStatus = stat()
    if let input, stat(path, &status) == 0, stat(input, &inputStatus) == 0,
      status.st_dev == inputStatus.st_dev, status.st_ino == inputStatus.st_ino
    {
      throw Failure(
        message: "\(path) is the recording itself and stays as it is; choose another file with -o")
    }
    let isSpecial = stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
    let target = isSpecial ? path : "\(path).\(getpid()).tmp"
    do {
      descriptor = try FileDescriptor.open(
        FilePath(target), .writeOnly,
        options: isSpecial ? [.closeOnExec] : [.create, .exclusiveCreate, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o644))
    } catch { throw ResultOutput.failure(path, error) }
    self.compressor = compressor
    self.path = path
    temporary = isSpecial ? nil : target
  }

  /// Finds out whether a file can be written, before time goes into what it is to hold.
  static func check(_ path: String) throws {
    var status = stat()
    let kind = stat(path, &status) == 0 ? status.st_mode & S_IFMT : S_IFREG
    // A pipe would be at its end after that.
    guard kind == S_IFREG || kind == S_IFDIR else { return }
    try ResultOutput(path: path).discard()
  }

  /// Writes into a file that is open and stays open.
  init(_ descriptor: FileDescriptor, isCompressed: Bool) throws {
    let compressor = isCompressed ? try GzipStream() : nil
    self.compressor = compressor
    self.descriptor = descriptor
    path = nil
    temporary = nil
  }

  /// Writes on.
  func write(_ bytes: some Sequence<UInt8>) throws {
    if let compressor {
      try compressor.add(Array(bytes)) { try writeThrough($0) }
    } else {
      try writeThrough(bytes)
    }
  }

  private func writeThrough(_ bytes: some Sequence<UInt8>) throws {
    do { _ = try descriptor.writeAll(bytes) } catch {
      discard()
      throw ResultOutput.failure(path ?? "standard output", error)
    }
  }

  /// Gives the file its name. Nothing is written after this.
  consuming func commit() throws {
    try compressor?.finish { try writeThrough($0) }
    guard let path else { return }
    do { try descriptor.close() } catch {
      discard()
      throw ResultOutput.failure(path, error)
    }
    guard let temporary else { return }
    guard rename(temporary, path) == 0 else {
      let error = Errno(rawValue: errno)
      unlink(temporary)
      throw ResultOutput.failure(path, error)
    }
  }

  /// Leaves nothing behind of a result that did not come about.
  borrowing func discard() {
    if let temporary { unlink(temporary) }
  }

  private static func failure(_ path: String, _ error: any Error) -> Failure {
    Failure(message: "\(path) cannot be written: \(error); choose another file with -o")
  }
}
