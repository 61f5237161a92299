internal import TraceModel

/// Makes the bytes of a recording, in the order in which they are to be written.
///
/// Does no I/O. What has been written at any moment is a whole recording up to there, without an
/// index.
public struct TraceFileWriter: ~Copyable {
  private var compressor: Compressor
  private var index: [UInt8] = []
  private var chunkCount: UInt32 = 0
  private var offset = UInt64(0)

  /// Throws ``TraceFileError/compression(_:)`` where there is no memory.
  public init() throws(TraceFileError) { compressor = try Compressor() }

  /// The file's first bytes.
  public mutating func header() -> [UInt8] {
    let bytes = skippableFrame(tag: Format.fileTag) {
      $0.append(fixed: Format.version)
      $0.append(fixed: UInt64(0))
    }
    offset += UInt64(bytes.count)
    return bytes
  }

  /// A chunk's bytes, which follow those of the chunk before.
  public mutating func encode(_ chunk: Chunk) throws(TraceFileError) -> [UInt8] {
    guard chunk.payload.count <= Int(Format.maximumPayload) else {
      throw .compression("a chunk of \(chunk.payload.count) bytes is too large")
    }
    var frame: [UInt8] = []
    let frameSize = try compressor.compress(
      chunk.payload, boundaries: chunk.boundaries, into: &frame)
    var header = chunk.header
    header.frameSize = UInt32(frameSize)
    header.frameChecksum = checksum(frame[...])
    var bytes = skippableFrame(tag: Format.chunkTag) { header.encode(into: &$0) }
    bytes += frame
    index.append(fixed: offset)
    header.encode(into: &index)
    chunkCount += 1
    offset += UInt64(bytes.count)
    return bytes
  }

  /// The index: the file's last bytes.
  public consuming func finish() -> [UInt8] {
    let (index, count, start) = (index, chunkCount, offset)
    return skippableFrame(tag: Format.indexTag) {
      $0.append(fixed: count)
      $0 += index
      $0.append(fixed: start)
      $0 += Format.endTag
    }
  }
}

/// A zstd frame that decompressors skip: a tag, content, and the checksum of both.
private func skippableFrame(tag: [UInt8], _ content: (inout [UInt8]) -> Void) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.append(fixed: Format.skippableMagic)
  bytes.append(fixed: UInt32(0))
  bytes += tag
  content(&bytes)
  bytes.append(fixed: checksum(bytes[Format.skippableHeader...]))
  let size = UInt32(bytes.count - Format.skippableHeader)
  for byte in 0..<4 { bytes[4 + byte] = UInt8(truncatingIfNeeded: size >> UInt32(8 * byte)) }
  return bytes
}
