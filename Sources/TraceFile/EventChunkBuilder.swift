public import TraceModel

/// Collects events of one thread and makes chunks of them.
///
/// Events must come in the order of their times, each of at least 0.
public struct EventChunkBuilder: Sendable {
  private let process: ProcessID
  private let thread: ThreadID
  /// Events collected so far.
  public private(set) var count = 0
  private var shapes: [EventShape] = []
  private var shapeNumbers: [EventShape: Int] = [:]
  private var lastShape: (shape: EventShape, number: Int)?
  private var memories: [EventMemory] = []
  private var columns = [NumberColumn](repeating: NumberColumn(), count: EventField.columnCount)
  private var first = Timestamp.zero
  private var firstTime = Timestamp.zero
  private var last = Timestamp.zero
  private var predictor = StartPredictor()

  /// A builder for the events of `thread`.
  public init(process: ProcessID, thread: ThreadID) {
    self.process = process
    self.thread = thread
  }

  /// Whether it is time to ``seal(lost:)``.
  public var isFull: Bool { count >= Format.goodEventCount }

  /// Adds an event; its `thread` is taken to be the builder's.
  public mutating func append(_ event: Event) {
    if count == 0 {
      first = event.time
      firstTime = event.time
      last = event.time
    }
    let time = max(event.time, last)
    let before = last
    first = min(first, time - event.duration)
    last = time
    count += 1

    let shape = EventShape(event)
    let number = self.number(of: shape)
    columns[EventField.shape.column].append(UInt64(number))
    columns[EventField.time.column].append(UInt64(time - before))
    if shape.has(.duration) {
      let predicted = predictor.start(
        of: shape.kind, lock: Int64(event.lock.rawValue), time: time.nanoseconds,
        before: before.nanoseconds)
      columns[EventField.duration.column].append(
        signed: time.nanoseconds &- event.duration &- predicted)
    }
    append(.lock, Int64(event.lock.rawValue), shape, number, \.lock)
    append(.partner, Int64(event.partner.rawValue), shape, number, \.partner)
    append(.owner, Int64(event.owner.rawValue), shape, number, \.owner)
    append(.stack, Int64(event.stack.rawValue), shape, number, \.stack)
    append(.value, event.value, shape, number, \.value)
  }

  @inline(__always)
  private mutating func append(
    _ field: EventField, _ value: Int64, _ shape: EventShape, _ number: Int,
    _ memory: WritableKeyPath<EventMemory, Int64>
  ) {
    guard shape.has(field) else { return }
    columns[field.column].append(signed: value &- memories[number][keyPath: memory])
    memories[number][keyPath: memory] = value
  }

  private mutating func number(of shape: EventShape) -> Int {
    if let lastShape, lastShape.shape == shape { return lastShape.number }
    let number: Int
    if let known = shapeNumbers[shape] {
      number = known
    } else {
      number = shapes.count
      shapes.append(shape)
      memories.append(EventMemory())
      shapeNumbers[shape] = number
    }
    lastShape = (shape, number)
    return number
  }

  /// The chunk of all events so far; the builder begins anew.
  public mutating func seal(lost: UInt64) -> Chunk {
    var payload: [UInt8] = []
    payload.reserveCapacity(columns.reduce(256 + shapes.count * 8) { $0 + $1.byteCount })
    payload.append(variable: UInt64(bitPattern: firstTime - first))
    payload.append(variable: UInt64(shapes.count))
    for shape in shapes { shape.encode(into: &payload) }
    payload.append(variable: UInt64(columns.count))
    for column in columns { column.encode(into: &payload) }
    let header = ChunkHeader(
      kind: .events, process: process, thread: thread, first: first, last: last,
      count: UInt32(count), lost: lost, payloadSize: UInt32(payload.count))
    self = EventChunkBuilder(process: process, thread: thread)
    return Chunk(header: header, payload: payload)
  }
}

extension Chunk {
  /// The chunk of the same thread that says of all events that they are lost.
  public func withoutEvents() -> Chunk {
    let (lost, overflow) = header.lost.addingReportingOverflow(UInt64(header.count))
    var builder = EventChunkBuilder(process: header.process, thread: header.thread)
    return builder.seal(lost: overflow ? .max : lost)
  }
}
