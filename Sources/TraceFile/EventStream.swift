internal import TraceModel

/// The events of one thread, decoded some at a time, with the beginnings of its waits told.
///
/// A class, because it is used in place, among others of its kind, many times for each event that it
/// gives.
final class EventStream {
  /// A chunk in the file.
  struct StoredChunk {
    var offset: UInt64
    var header: ChunkHeader
  }

  /// Events decoded at once.
  private static let decodedAhead = 256

  private var chunks: [StoredChunk]
  private var chunksOpened = 0
  private var decoder: EventDecoder?
  private var offset: UInt64 = 0
  /// Bytes of the payload that is being decoded.
  private(set) var payloadSize = 0
  private var events: [Event] = []
  private var next = 0
  /// Whether the beginning of the next event, a wait, has been told.
  private var hasBegun = false
  /// When the last thing of this thread happened: it never goes back.
  private var clock: Timestamp

  init(_ chunk: StoredChunk) {
    chunks = [chunk]
    clock = chunk.header.first
  }

  func append(_ chunk: StoredChunk) { chunks.append(chunk) }

  /// When the thread has its first moment, or earlier.
  var first: Timestamp { clock }

  /// When the next thing happens; nil when a chunk must be opened to know.
  var moment: Timestamp? {
    guard next < events.count else { return nil }
    let event = events[next]
    return max(clock, event.kind == .wait && !hasBegun ? event.start : event.time)
  }

  /// Appends what happens up to `limit`, as far as it is decoded, until `batch` has `most` events;
  /// at least one thing.
  func take(through limit: Timestamp, most: Int, into batch: inout [Event]) {
    // In variables of its own: each access to the object's would be checked.
    let events = events
    var (next, hasBegun, clock) = (next, hasBegun, clock)
    var isFirst = true
    while next < events.count, batch.count < most {
      var event = events[next]
      let begins = event.kind == .wait && !hasBegun
      let time = max(clock, begins ? event.start : event.time)
      guard isFirst || time <= limit else { break }
      isFirst = false
      clock = time
      event.time = time
      if begins {
        event.kind = .waitBegin
        event.duration = 0
        hasBegun = true
      } else {
        next += 1
        hasBegun = false
      }
      batch.append(event)
    }
    (self.next, self.hasBegun, self.clock) = (next, hasBegun, clock)
  }

  /// Decodes on in the open chunk; false when that one is done, or there is none.
  func decode() throws(TraceFileError) -> Bool {
    events.removeAll(keepingCapacity: true)
    next = 0
    while decoder != nil {
      if decoder?.isAtEnd == true {
        decoder = nil
        payloadSize = 0
        return false
      }
      guard decoder?.decode(EventStream.decodedAhead, into: &events) == true else {
        throw .damaged(at: offset, what: "an event that is none")
      }
      // Kinds of a later version are left out: there may be none that are known.
      if !events.isEmpty { return true }
    }
    return false
  }

  /// The chunk to open next; nil when all have been.
  func nextChunk() -> StoredChunk? {
    guard chunksOpened < chunks.count else { return nil }
    chunksOpened += 1
    return chunks[chunksOpened - 1]
  }

  /// Begins to decode a chunk.
  func open(_ payload: [UInt8], of chunk: StoredChunk) throws(TraceFileError) {
    offset = chunk.offset
    guard let decoder = EventDecoder(payload, header: chunk.header) else {
      throw .damaged(at: offset, what: "a chunk of events that contradicts its header")
    }
    self.decoder = decoder
    payloadSize = payload.count
  }
}
