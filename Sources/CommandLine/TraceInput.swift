internal import Glibc
internal import SystemPackage
internal import TraceFile
internal import TraceModel

/// A recording in a file, read where it is needed: it is not mapped, because a mapped file that
/// someone truncates kills its reader.
struct FileSource: ByteSource {
  private let descriptor: FileDescriptor
  let byteCount: UInt64

  /// Opens a regular file; never waits for the other end of a pipe.
  init(path: String) throws(TraceFileError) {
    let descriptor: FileDescriptor
    do {
      descriptor = try FileDescriptor.open(
        FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
    } catch { throw FileSource.unreadable(error) }
    var status = stat()
    guard fstat(descriptor.rawValue, &status) == 0 else {
      let error = Errno(rawValue: errno)
      try? descriptor.close()
      throw FileSource.unreadable(error)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      try? descriptor.close()
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw .unreadable(
        errno: isFolder ? EISDIR : EINVAL,
        reason: isFolder ? "it is a folder; name the file in it" : "it is not a regular file")
    }
    self.descriptor = descriptor
    byteCount = UInt64(max(0, status.st_size))
  }

  /// A file that is open already.
  init(_ descriptor: FileDescriptor) throws {
    self.descriptor = descriptor
    byteCount = UInt64(try descriptor.seek(offset: 0, from: .end))
  }

  func close() { try? descriptor.close() }

  func read(at offset: UInt64, count: Int) throws(TraceFileError) -> [UInt8] {
    guard let start = Int64(exactly: offset) else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    do {
      while filled < count {
        let read = try bytes.withUnsafeMutableBytes {
          try descriptor.read(
            fromAbsoluteOffset: start + Int64(filled),
            into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
        }
        if read == 0 { break }
        filled += read
      }
    } catch { throw FileSource.unreadable(error) }
    bytes.removeLast(count - filled)
    return bytes
  }

  private static func unreadable(_ error: any Error) -> TraceFileError {
    let error = error as? Errno ?? .ioError
    return .unreadable(errno: error.rawValue, reason: "\(error)")
  }
}

/// A recording that a command reads.
struct TraceInput {
  let path: String
  let reader: TraceFileReader<FileSource>
  let definitions: TraceDefinitions
  var byteCount: UInt64 { source.byteCount }
  private let source: FileSource

  /// Opens it and reads all but the events.
  init(path: String) throws {
    self.path = path
    (reader, definitions, source) = try TraceInput.explaining(path) {
      let source = try FileSource(path: path)
      let reader = try TraceFileReader(source)
      return (reader, try reader.definitions(), source)
    }
  }

  /// Closes the file: for commands that read many.
  func close() { source.close() }

  /// Whether the recorder finished the file.
  var isComplete: Bool { reader.hasIndex && definitions.isComplete }

  /// Nanoseconds that it lasted, as far as that is known.
  var length: Int64 { definitions.recording.duration ?? max(0, reader.lastTime.nanoseconds) }

  /// Calls `body` with all events in the order of time, and shows how far it has come.
  func forEachEvent(
    _ label: String, kinds: Set<ChunkKind> = [.events, .scheduling],
    _ body: (Span<Event>) throws -> Void
  ) throws {
    let total = reader.eventCount
    var progress = ProgressLine(label)
    defer { progress.finish() }
    try TraceInput.explaining(path) {
      try reader.forEachEvent(
        of: ThreadsByTask(definitions), kinds: kinds,
        progress: { progress.update($0, of: total) }, body)
    }
  }

  /// Makes errors of the file ones that name it.
  static func explaining<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as TraceFileError {
      throw Failure(message: "\(path) \(error)")
    }
  }
}
