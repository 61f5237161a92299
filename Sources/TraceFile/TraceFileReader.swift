public import TraceModel

/// A recording opened for reading.
///
/// Nothing in it is trusted: what contradicts itself is an error with the offset at which it stands,
/// and no claim of the file makes its reader take memory that the file's own size, or a limit of
/// the format, does not bear out. A recording whose recorder was killed has no index: its chunks
/// are found one after the other, up to the one that was being written.
public struct TraceFileReader<Source: ByteSource> {
  /// A chunk and where it is.
  public struct Entry: Sendable {
    /// Bytes from the start of the file to the chunk's header.
    public var offset: UInt64
    /// What the header says.
    public var header: ChunkHeader
    /// Bytes of the chunk with its header.
    public var byteCount: UInt64 { UInt64(Format.chunkHeaderSize) + UInt64(header.frameSize) }
  }

  /// All chunks in the order of the file.
  public private(set) var chunks: [Entry] = []
  /// Whether the recorder finished the file. Otherwise chunks at the end may be missing.
  public private(set) var hasIndex = false
  /// Bytes behind the last whole chunk of a file without an index.
  public private(set) var cutBytes: UInt64 = 0
  private let source: Source

  /// Reads the headers, and nothing else yet.
  public init(_ source: Source) throws(TraceFileError) {
    self.source = source
    guard source.byteCount > 0 else { throw .empty }
    try checkFileHeader()
    if !(try readIndex()) { try scan() }
  }

  /// Events that were lost in all threads.
  public var lostEvents: UInt64 {
    chunks.saturatingSum(\.header.lost)
  }

  /// Events that the chunks hold.
  public var eventCount: UInt64 {
    chunks.reduce(0) { $0 + ($1.header.kind?.hasEvents == true ? UInt64($1.header.count) : 0) }
  }

  /// The time of the last event.
  public var lastTime: Timestamp {
    chunks.filter { $0.header.kind?.hasEvents == true }.map(\.header.last).max() ?? .zero
  }

  // MARK: Content

  /// Reads all definitions.
  public func definitions() throws(TraceFileError) -> TraceDefinitions {
    var definitions = TraceDefinitions()
    var decompressor = try Decompressor()
    for chunk in chunks where chunk.header.kind == .definitions {
      let payload = try self.payload(of: chunk, &decompressor)
      guard decodeDefinitions(payload, { definitions.add($0) }) else {
        throw .damaged(at: chunk.offset, what: "a definition that is none")
      }
    }
    return definitions
  }

  /// Reads every chunk whole, so that every checksum is checked and every event decoded.
  ///
  /// - Parameter progress: called after each chunk with the bytes checked so far.
  public func verify(progress: (UInt64) -> Void = { _ in }) throws(TraceFileError) {
    var decompressor = try Decompressor()
    var events: [Event] = []
    var block = EventBlock()
    for chunk in chunks {
      let payload = try self.payload(of: chunk, &decompressor)
      switch chunk.header.kind {
      case .definitions:
        guard decodeDefinitions(payload, { _ in }) else {
          throw .damaged(at: chunk.offset, what: "a definition that is none")
        }
      case .events, .scheduling:
        var clock = chunk.header.first.nanoseconds
        var decoder = EventDecoder(payload, header: chunk.header)
        while decoder?.isAtEnd == false {
          guard decoder?.decode(into: &events, block: &block, clock: &clock) != nil else {
            throw .damaged(at: chunk.offset, what: "an event that is none")
          }
        }
        guard decoder != nil else {
          throw .damaged(at: chunk.offset, what: "a chunk of events that contradicts its header")
        }
      case nil: break
      }
      progress(chunk.offset + chunk.byteCount)
    }
  }

  /// The content of a chunk, checked against its header and its checksum.
  func payload(of chunk: Entry, _ decompressor: inout Decompressor) throws(TraceFileError)
    -> [UInt8]
  {
    let bytes = try source.read(at: chunk.offset, count: Int(chunk.byteCount))
    guard bytes.count == Int(chunk.byteCount) else { throw .truncated(at: source.byteCount) }
    // The index has told what the header is to be; both must agree.
    guard
      let content = content(ofFrame: bytes[..<Format.chunkHeaderSize], tag: Format.chunkTag),
      content.elementsEqual(chunk.header.encoded)
    else { throw .damaged(at: chunk.offset, what: "a chunk's header") }
    let frame = bytes[Format.chunkHeaderSize...]
    guard checksum(frame) == chunk.header.frameChecksum,
      let payload = decompressor.decompress(frame, size: Int(chunk.header.payloadSize))
    else {
      throw .damaged(
        at: chunk.offset + UInt64(Format.chunkHeaderSize),
        what: "a compressed frame that is broken")
    }
    return payload
  }

  // MARK: Headers

  private func checkFileHeader() throws(TraceFileError) {
    let bytes = try source.read(at: 0, count: Format.fileHeaderSize)
    let known = min(bytes.count, Format.skippableHeader + 4)
    var start: [UInt8] = []
    start.append(fixed: Format.skippableMagic)
    start.append(fixed: UInt32(Format.fileHeaderSize - Format.skippableHeader))
    start += Format.fileTag
    guard bytes[..<known].elementsEqual(start[..<known]) else { throw .foreign }
    guard bytes.count == Format.fileHeaderSize else { throw .truncated(at: source.byteCount) }
    guard let content = content(ofFrame: bytes[...], tag: Format.fileTag) else {
      throw .damaged(at: 0, what: "the file's header")
    }
    var reader = ByteReader(content.span)
    let version = reader.fixed(UInt32.self) ?? 0
    guard version == Format.version else { throw .newer(version: version) }
  }

  /// Reads the index at the end; false where there is none.
  private mutating func readIndex() throws(TraceFileError) -> Bool {
    let endSize = Format.indexEndSize
    let smallest = Format.skippableHeader + 8 + endSize
    guard source.byteCount >= UInt64(Format.fileHeaderSize + smallest) else { return false }
    let end = try source.read(at: source.byteCount - UInt64(endSize), count: endSize)
    var endReader = ByteReader(end.span)
    guard let start = endReader.fixed(UInt64.self),
      end[8..<12].elementsEqual(Format.endTag),
      start >= UInt64(Format.fileHeaderSize), start <= source.byteCount - UInt64(smallest)
    else { return false }
    let size = source.byteCount - start
    // The frame's own size field has 32 bits.
    guard size <= UInt64(UInt32.max),
      let content = content(
        ofFrame: try source.read(at: start, count: Int(size))[...], tag: Format.indexTag)
    else { throw .damaged(at: start, what: "the index") }
    var reader = ByteReader(content.span)
    guard let count = reader.fixed(UInt32.self),
      UInt64(count) * UInt64(Format.indexEntrySize) + 12 == UInt64(reader.remaining)
    else { throw .damaged(at: start, what: "the index") }
    chunks.reserveCapacity(Int(count))
    var expected = UInt64(Format.fileHeaderSize)
    for _ in 0..<count {
      guard let offset = reader.fixed(UInt64.self), let header = ChunkHeader(&reader),
        offset == expected
      else { throw .damaged(at: start, what: "an entry of the index") }
      let entry = Entry(offset: offset, header: header)
      expected += entry.byteCount
      chunks.append(entry)
    }
    guard expected == start else {
      throw .damaged(at: start, what: "the index does not end where the chunks do")
    }
    hasIndex = true
    return true
  }

  /// Finds the chunks of a file without an index.
  private mutating func scan() throws(TraceFileError) {
    var offset = UInt64(Format.fileHeaderSize)
    while source.byteCount - offset >= UInt64(Format.chunkHeaderSize) {
      let bytes = try source.read(at: offset, count: Format.chunkHeaderSize)
      guard let content = content(ofFrame: bytes[...], tag: Format.chunkTag) else {
        // An index whose end was cut off is no damage: everything before it is there.
        if isCutIndex(bytes, at: offset) { break }
        throw .damaged(at: offset, what: "a chunk's header")
      }
      var reader = ByteReader(content.span)
      guard let header = ChunkHeader(&reader) else {
        throw .damaged(at: offset, what: "a chunk's header")
      }
      let entry = Entry(offset: offset, header: header)
      guard entry.byteCount <= source.byteCount - offset else { break }
      chunks.append(entry)
      offset += entry.byteCount
    }
    cutBytes = source.byteCount - offset
  }

  private func isCutIndex(_ bytes: [UInt8], at offset: UInt64) -> Bool {
    var reader = ByteReader(bytes.span)
    guard reader.fixed(UInt32.self) == Format.skippableMagic,
      let size = reader.fixed(UInt32.self),
      reader.array(Format.indexTag.count) == Format.indexTag
    else { return false }
    return UInt64(size) > source.byteCount - offset - UInt64(Format.skippableHeader)
  }

  /// What stands between a skippable frame's tag and its checksum; nil when anything is wrong.
  private func content(ofFrame bytes: ArraySlice<UInt8>, tag: [UInt8]) -> [UInt8]? {
    var reader = ByteReader(bytes.span)
    let size = bytes.count - Format.skippableHeader
    guard reader.fixed(UInt32.self) == Format.skippableMagic,
      reader.fixed(UInt32.self).map(Int.init) == size, size >= 8,
      bytes[Format.skippableHeader..<Format.skippableHeader + 4].elementsEqual(tag)
    else { return nil }
    let end = bytes.count - 4
    var sum = ByteReader(bytes.span.extracting(end..<bytes.count))
    guard sum.fixed(UInt32.self) == checksum(bytes[Format.skippableHeader..<end]) else {
      return nil
    }
    return Array(bytes[(Format.skippableHeader + 4)..<end])
  }
}
