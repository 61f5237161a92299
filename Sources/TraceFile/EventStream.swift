internal import TraceModel

/// The events of one thread or CPU, decoded a block at a time.
struct EventStream {
  /// A chunk in the file.
  struct StoredChunk {
    var offset: UInt64
    var header: ChunkHeader
  }

  private var chunks: [StoredChunk]
  private var chunksOpened = 0
  private var decoder: EventDecoder?
  /// Of a CPU: what makes its events whole.
  private var scheduling: SchedulingDecoder?
  private var offset: UInt64 = 0
  /// Bytes that the chunk that is being decoded takes up.
  private(set) var byteCount = 0
  /// What was decoded last: in front, so many.
  private var events: [Event] = []
  private var eventCount = 0
  private var next = 0
  /// When the last thing of this thread that was decoded happened: it never goes back.
  private var clock: Int64

  init(_ chunk: StoredChunk) {
    chunks = [chunk]
    clock = chunk.header.first.nanoseconds
    first = chunk.header.first
  }

  mutating func append(_ chunk: StoredChunk) { chunks.append(chunk) }

  /// When the thread has its first moment, or earlier.
  let first: Timestamp

  /// When the next thing happens; nil when more must be decoded to know.
  @inline(__always)
  var moment: Timestamp? { next < eventCount ? events[next].time : nil }

  /// Puts what happens up to `limit`, as far as it is decoded, into `batch` from `count` on, until that
  /// is full; at least one thing.
  @inline(__always)
  mutating func take(
    through limit: Timestamp, into batch: inout MutableSpan<Event>, at count: inout Int
  ) {
    let first = next
    let end = min(eventCount, first + batch.count - count)
    var place = first
    defer { next = place }
    let events = events.span
    while place < end {
      // A block has room for the events that it has, and the batch for those up to the end.
      if unsafe events[unchecked: place].time > limit && place > first { break }
      unsafe batch[unchecked: count] = events[unchecked: place]
      count += 1
      place += 1
    }
  }

  /// Decodes on in the open chunk; false when that one is done, or there is none.
  mutating func decode(
    _ block: inout EventBlock, _ threads: ThreadsByTask
  ) throws(TraceFileError) -> Bool {
    (next, eventCount) = (0, 0)
    while decoder != nil {
      if decoder?.isAtEnd == true {
        decoder = nil
        byteCount = 0
        break
      }
      guard let count = decoder?.decode(into: &events, block: &block, clock: &clock) else {
        throw .damaged(at: offset, what: "an event that is none")
      }
      eventCount = count
      scheduling?.tell(&events, count: count, of: threads)
      // Kinds of a later version are left out: there may be none that are known.
      if count > 0 { return true }
    }
    return false
  }

  /// The chunk to open next; nil when all have been.
  mutating func nextChunk() -> StoredChunk? {
    guard chunksOpened < chunks.count else {
      events = []
      return nil
    }
    chunksOpened += 1
    return chunks[chunksOpened - 1]
  }

  /// Begins to decode a chunk.
  mutating func open(_ payload: [UInt8], of chunk: StoredChunk) throws(TraceFileError) {
    offset = chunk.offset
    guard let decoder = EventDecoder(payload, header: chunk.header) else {
      throw .damaged(at: offset, what: "a chunk of events that contradicts its header")
    }
    self.decoder = decoder
    scheduling = chunk.header.kind == .scheduling ? SchedulingDecoder(chunk.header) : nil
    byteCount = decoder.byteCount
  }
}
