public import TraceModel

extension TraceFileReader {
  /// Calls `body` with all events of the recording in the order of time, some at a time, and with a
  /// ``TraceModel/Event/Kind/waitBegin`` at the start of each wait.
  ///
  /// Chunks of different threads overlap; they are merged by a binary heap over the threads that
  /// have begun and not ended, so that memory grows with those and not with events.
  ///
  /// - Parameters:
  ///   - progress: called now and then with the number of events done.
  ///   - body: gets at most some thousand events; they are gone when it returns.
  public func forEachEvent(
    of threads: ThreadsByTask, kinds: Set<ChunkKind> = [.events, .scheduling],
    progress: (UInt64) -> Void = { _ in }, _ body: (Span<Event>) throws -> Void
  ) throws {
    let wanted = chunks.filter { $0.header.kind.map(kinds.contains) ?? false }
    var merge = EventMerge(
      wanted.map { EventStream.StoredChunk(offset: $0.offset, header: $0.header) }, threads)
    var decompressor = try Decompressor()
    var batch = [Event](
      repeating: Event(kind: .signal, thread: .unknown, time: .zero), count: EventMerge.batchSize)
    var done: UInt64 = 0
    while true {
      let count = try merge.fill(
        &batch,
        read: { (chunk) throws(TraceFileError) in
          try payload(of: Entry(offset: chunk.offset, header: chunk.header), &decompressor)
        })
      guard count > 0 else { return }
      try body(batch.span.extracting(0..<count))
      done += UInt64(count)
      progress(done)
    }
  }
}

/// Merges the chunks of all threads into one row of events.
private struct EventMerge {
  static let batchSize = 4096
  /// Payloads of all threads at once. Far beyond what any recording has, and still far from what
  /// a small file could claim.
  private static let maximumPayloads = 4 << 30

  /// A thread's next moment.
  private struct Moment {
    var time: Timestamp
    var stream: Int32

    @inline(__always)
    func precedes(_ other: Moment) -> Bool {
      time < other.time || (time == other.time && stream < other.stream)
    }
  }

  private var streams: [EventStream] = []
  /// Threads that have begun and not ended, a binary heap.
  private var heap: [Moment] = []
  /// Threads that have not begun, the earliest last.
  private var waiting: [Moment] = []
  private var payloadBytes = 0
  private let threads: ThreadsByTask
  private var block = EventBlock()

  init(_ chunks: [EventStream.StoredChunk], _ threads: ThreadsByTask) {
    self.threads = threads
    struct Key: Hashable {
      var kind: UInt16
      var process: ProcessID
      var thread: ThreadID
    }
    var numbers: [Key: Int] = [:]
    for chunk in chunks where chunk.header.count > 0 {
      let key = Key(
        kind: chunk.header.rawKind, process: chunk.header.process, thread: chunk.header.thread)
      if let number = numbers[key] {
        streams[number].append(chunk)
      } else {
        numbers[key] = streams.count
        streams.append(EventStream(chunk))
      }
    }
    waiting = streams.enumerated().map { number, stream in
      Moment(time: stream.first, stream: Int32(number))
    }
    waiting.sort { $1.precedes($0) }
  }

  /// Puts events into `batch` until it is full; returns how many: 0 when there are no more.
  mutating func fill(
    _ batch: inout [Event],
    read: (EventStream.StoredChunk) throws(TraceFileError) -> [UInt8]
  ) throws(TraceFileError) -> Int {
    var batch = batch.mutableSpan
    var count = 0
    while count < batch.count {
      while let next = waiting.last, heap.isEmpty || next.precedes(heap[0]) {
        waiting.removeLast()
        if let time = try advance(Int(next.stream), read: read) {
          push(Moment(time: time, stream: next.stream))
        }
      }
      guard let top = heap.first else { break }
      // The thread goes on alone until it comes to the moment at which another is due.
      var limit = waiting.last?.time ?? Timestamp(nanoseconds: .max)
      if heap.count > 1 { limit = min(limit, heap[1].time) }
      if heap.count > 2 { limit = min(limit, heap[2].time) }
      let number = Int(top.stream)
      streams[number].take(through: limit, into: &batch, at: &count)
      if let time = streams[number].moment {
        heap[0].time = time
      } else if let time = try advance(number, read: read) {
        heap[0].time = time
      } else {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
      }
      sink()
    }
    return count
  }

  /// Makes the next event of a thread ready and returns its moment; nil when it has no more.
  private mutating func advance(
    _ number: Int, read: (EventStream.StoredChunk) throws(TraceFileError) -> [UInt8]
  ) throws(TraceFileError) -> Timestamp? {
    while true {
      if let time = streams[number].moment { return time }
      let before = streams[number].byteCount
      if try streams[number].decode(&block, threads) { continue }
      payloadBytes -= before
      guard let chunk = streams[number].nextChunk() else { return nil }
      let payload = try read(chunk)
      try streams[number].open(payload, of: chunk)
      payloadBytes += streams[number].byteCount
      guard payloadBytes <= EventMerge.maximumPayloads else {
        throw .tooLarge(at: chunk.offset, what: "chunks of too many threads overlap")
      }
    }
  }

  private mutating func push(_ moment: Moment) {
    heap.append(moment)
    var place = heap.count - 1
    while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Brings the heap in order whose first moment alone has changed.
  @inline(__always)
  private mutating func sink() {
    let count = heap.count
    var place = 0
    while 2 * place + 1 < count {
      var child = 2 * place + 1
      if child + 1 < count, heap[child + 1].precedes(heap[child]) { child += 1 }
      guard heap[child].precedes(heap[place]) else { return }
      heap.swapAt(place, child)
      place = child
    }
  }
}
