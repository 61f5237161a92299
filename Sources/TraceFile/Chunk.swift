internal import CZlib
public import TraceModel

/// What a chunk holds. The raw value is the file's number; readers skip those they don't know.
public enum ChunkKind: UInt16, Sendable {
  /// What events refer to by number: see ``DefinitionChunkBuilder``.
  case definitions = 1
  /// Events of one thread: see ``EventChunkBuilder``.
  case events = 2
  /// What one CPU did: see ``SchedulingChunkBuilder``.
  case scheduling = 3

  /// Whether chunks of the kind hold events.
  public var hasEvents: Bool { self != .definitions }
}

/// What stands in front of a chunk, so that a reader knows which ones it needs.
public struct ChunkHeader: Hashable, Sendable {
  /// The raw value of the chunk's ``ChunkKind``, known or not.
  public var rawKind: UInt16
  /// The process whose events it holds.
  public var process: ProcessID
  /// The thread whose events it holds; of scheduling, the CPU and one.
  public var thread: ThreadID
  /// The earliest start of what it holds: an event may have lasted for long when it is stamped.
  public var first: Timestamp
  /// The time of its last event.
  public var last: Timestamp
  /// Events or definitions.
  public var count: UInt32
  /// Events of the thread that were lost since its chunk before.
  public var lost: UInt64
  /// Bytes of its payload before compression.
  public var payloadSize: UInt32
  /// Bytes of the zstd frame that follows; 0 while it is not compressed.
  public var frameSize: UInt32
  /// CRC-32 of the frame: zstd's own checksum leaves bits of the frame's header uncovered.
  var frameChecksum: UInt32 = 0

  /// What it holds; nil for a kind of a later version.
  public var kind: ChunkKind? { ChunkKind(rawValue: rawKind) }

  init(
    kind: ChunkKind, process: ProcessID = .unknown, thread: ThreadID = .unknown,
    first: Timestamp = .zero, last: Timestamp = .zero, count: UInt32, lost: UInt64 = 0,
    payloadSize: UInt32
  ) {
    rawKind = kind.rawValue
    self.process = process
    self.thread = thread
    self.first = first
    self.last = last
    self.count = count
    self.lost = lost
    self.payloadSize = payloadSize
    frameSize = 0
  }

  // MARK: Bytes

  /// Bytes that a header takes up in the file, between its tag and its checksum and in the index.
  static let size = 56

  /// Appends it in the order of its bytes.
  func encode(into bytes: inout [UInt8]) {
    bytes.append(fixed: rawKind)
    bytes.append(fixed: UInt16(0))
    bytes.append(fixed: process.rawValue)
    bytes.append(fixed: thread.rawValue)
    bytes.append(fixed: count)
    bytes.append(fixed: first.nanoseconds)
    bytes.append(fixed: last.nanoseconds)
    bytes.append(fixed: lost)
    bytes.append(fixed: payloadSize)
    bytes.append(fixed: frameSize)
    bytes.append(fixed: frameChecksum)
    bytes.append(fixed: UInt32(0))
  }

  /// Its bytes.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes)
    return bytes
  }

  /// Reads one; nil when its parts contradict each other.
  init?(_ reader: inout ByteReader) {
    guard let rawKind = reader.fixed(UInt16.self), reader.fixed(UInt16.self) != nil,
      let process = reader.fixed(UInt32.self), let thread = reader.fixed(UInt32.self),
      let count = reader.fixed(UInt32.self), let first = reader.fixed(Int64.self),
      let last = reader.fixed(Int64.self), let lost = reader.fixed(UInt64.self),
      let payloadSize = reader.fixed(UInt32.self), let frameSize = reader.fixed(UInt32.self),
      let frameChecksum = reader.fixed(UInt32.self), reader.fixed(UInt32.self) != nil
    else { return nil }
    guard first <= last, payloadSize <= Format.maximumPayload,
      frameSize >= Format.minimumFrame, frameSize <= Format.maximumFrame
    else { return nil }
    self.rawKind = rawKind
    self.process = ProcessID(rawValue: process)
    self.thread = ThreadID(rawValue: thread)
    self.count = count
    self.first = Timestamp(nanoseconds: first)
    self.last = Timestamp(nanoseconds: last)
    self.lost = lost
    self.payloadSize = payloadSize
    self.frameSize = frameSize
    self.frameChecksum = frameChecksum
  }
}

/// A chunk that is not compressed yet.
public struct Chunk: Sendable {
  /// What it is.
  public var header: ChunkHeader
  /// Its content: see ``EventChunkBuilder`` and ``DefinitionChunkBuilder``.
  public var payload: [UInt8]
  /// Where in the payload, in order, bytes of another nature begin.
  var boundaries: [Int] = []
}

/// Numbers of the file format; what they mean is told in the article "The trace file format".
enum Format {
  /// Raised when files change so that older readers can't read them.
  static let version: UInt32 = 2

  /// The magic number of the skippable zstd frames that headers stand in (RFC 8878, 3.1.2).
  static let skippableMagic: UInt32 = 0x184D_2A5C
  static let skippableHeader = 8

  static let fileTag = Array("CTRF".utf8)
  static let chunkTag = Array("CTRC".utf8)
  static let indexTag = Array("CTRI".utf8)
  static let endTag = Array("CTRE".utf8)

  /// The file's header: frame header, tag, version, reserved, checksum.
  static let fileHeaderSize = skippableHeader + 4 + 4 + 8 + 4
  /// A chunk's header: frame header, tag, header, checksum.
  static let chunkHeaderSize = skippableHeader + 4 + ChunkHeader.size + 4
  /// The end of the index: offset of its frame, tag, checksum.
  static let indexEndSize = 8 + 4 + 4
  /// An entry of the index: offset of the chunk, header.
  static let indexEntrySize = 8 + ChunkHeader.size

  /// Payloads are no larger, so that no file makes its reader take more memory for one.
  static let maximumPayload: UInt32 = 8 << 20
  /// Bytes beyond which a payload is better closed.
  static let goodPayload = 1 << 20
  /// Events after which a chunk is better closed.
  static let goodEventCount = 1 << 14
  /// Shapes that a chunk of events lists at most.
  static let maximumShapes = 1 << 16
  /// No zstd frame with content and checksum is shorter.
  static let minimumFrame: UInt32 = 9
  /// ZSTD_compressBound of the largest payload, and more.
  static let maximumFrame: UInt32 = maximumPayload + (maximumPayload >> 7) + 1024
}

/// CRC-32 of bytes as zlib computes it.
func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  let sum = unsafe bytes.withUnsafeBufferPointer { bytes in
    unsafe crc32_z(0, bytes.baseAddress, bytes.count)
  }
  return UInt32(truncatingIfNeeded: sum)
}
