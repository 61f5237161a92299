internal import TraceModel

/// Decodes the events of one chunk, some at a time.
struct EventDecoder {
  private let payload: [UInt8]
  private let shapes: [EventShape]
  private let templates: [Event?]
  private var cursor: EventCursor

  /// Checks the payload's frame; nil when it contradicts the header.
  init?(_ payload: [UInt8], header: ChunkHeader) {
    var shapes: [EventShape] = []
    var reader = ByteReader(payload.span)
    guard let offset = reader.variable(), let shapeCount = reader.count(),
      shapeCount <= Format.maximumShapes, shapeCount <= header.count
    else { return nil }
    for _ in 0..<shapeCount {
      guard let shape = EventShape(&reader) else { return nil }
      shapes.append(shape)
    }
    let first = header.first.nanoseconds
    let (time, overflow) = first.addingReportingOverflow(Int64(bitPattern: offset))
    guard offset <= UInt64(Int64.max), !overflow else { return nil }
    cursor = EventCursor(
      time: time, lastTime: header.last.nanoseconds, left: Int(header.count),
      memories: Array(repeating: EventMemory(), count: shapeCount))
    // Columns that a later version adds stand behind the ones known here.
    guard let columnCount = reader.count(), columnCount >= EventField.columnCount else {
      return nil
    }
    for number in 0..<columnCount {
      guard let column = NumberColumnCursor(&reader) else { return nil }
      if number < EventField.columnCount { cursor.columns.append(column) }
    }
    guard reader.remaining == 0 else { return nil }
    self.payload = payload
    self.shapes = shapes
    templates = shapes.map { $0.template(thread: header.thread) }
  }

  /// Whether all events have been decoded.
  var isAtEnd: Bool { cursor.left == 0 }

  /// Appends at most `count` events to `events`; false when the payload is damaged.
  mutating func decode(_ count: Int, into events: inout [Event]) -> Bool {
    let (payload, shapes, templates) = (payload, shapes, templates)
    return cursor.decode(
      count, of: payload.span, shapes: shapes.span, templates: templates.span, into: &events)
  }
}

/// Where in the columns of a chunk the next event is.
private struct EventCursor {
  var columns: [NumberColumnCursor] = []
  var time: Int64
  let lastTime: Int64
  var left: Int
  var memories: [EventMemory]
  private var predictor = StartPredictor()

  init(time: Int64, lastTime: Int64, left: Int, memories: [EventMemory]) {
    self.time = time
    self.lastTime = lastTime
    self.left = left
    self.memories = memories
  }

  mutating func decode(
    _ count: Int, of bytes: Span<UInt8>, shapes: Span<EventShape>, templates: Span<Event?>,
    into events: inout [Event]
  ) -> Bool {
    let count = min(count, left)
    for _ in 0..<count {
      guard let shapeNumber = entry(.shape, bytes), shapeNumber < UInt64(shapes.count),
        let step = entry(.time, bytes)
      else { return false }
      let number = Int(shapeNumber)
      let shape = shapes[number]
      let before = self.time
      let (time, overflow) = before.addingReportingOverflow(Int64(bitPattern: step))
      guard step <= UInt64(Int64.max), !overflow, time <= lastTime else { return false }
      self.time = time

      var memory = memories[number]
      guard advance(&memory.lock, .lock, shape, bytes),
        advance(&memory.partner, .partner, shape, bytes),
        advance(&memory.owner, .owner, shape, bytes),
        advance(&memory.stack, .stack, shape, bytes),
        advance(&memory.value, .value, shape, bytes)
      else { return false }
      memories[number] = memory
      var duration: Int64 = 0
      if shape.has(.duration) {
        guard let entry = entry(.duration, bytes) else { return false }
        let predicted = predictor.start(
          of: shape.kind, lock: memory.lock, time: time, before: before)
        duration = time &- (predicted &+ unzigzag(entry))
        guard duration >= 0 else { return false }
      }
      guard var event = templates[number] else { continue }
      guard let lock = UInt32(exactly: memory.lock), let partner = UInt32(exactly: memory.partner),
        let owner = UInt32(exactly: memory.owner), let stack = UInt32(exactly: memory.stack)
      else { return false }
      event.time = Timestamp(nanoseconds: time)
      event.duration = duration
      // A shape without a field has never touched its memory: zero is unknown.
      event.lock = LockID(rawValue: lock)
      event.partner = LockID(rawValue: partner)
      event.owner = ThreadID(rawValue: owner)
      event.stack = StackID(rawValue: stack)
      event.value = memory.value
      events.append(event)
    }
    left -= count
    if left > 0 { return true }
    return columns.allSatisfy(\.isAtEnd)
  }

  /// The next entry of a column.
  @inline(__always)
  private mutating func entry(_ field: EventField, _ bytes: Span<UInt8>) -> UInt64? {
    columns[field.column].next(bytes)
  }

  /// Adds the next entry of a column to a number, where the shape has one.
  @inline(__always)
  private mutating func advance(
    _ number: inout Int64, _ field: EventField, _ shape: EventShape, _ bytes: Span<UInt8>
  ) -> Bool {
    guard shape.has(field) else { return true }
    guard let entry = entry(field, bytes) else { return false }
    number &+= unzigzag(entry)
    return true
  }
}
