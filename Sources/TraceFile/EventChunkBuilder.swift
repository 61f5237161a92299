public import TraceModel

/// Collects events of one thread and makes chunks of them.
///
/// Events must come in the order of their times.
public struct EventChunkBuilder: Sendable {
  /// Times beyond this, 36 years of nanoseconds, are none: they are brought within it.
  private static let farthest: Int64 = 1 << 60

  private let kind: ChunkKind
  private let process: ProcessID
  private let thread: ThreadID
  private let scale: ClockScale
  /// Events collected so far.
  public private(set) var count = 0
  private var shapes: [EventShape] = []
  private var shapeNumbers: [EventShape: Int] = [:]
  private var lastShape: (shape: EventShape, number: Int)?
  private var shapeColumn = NumberColumn()
  private var groups: [ShapeColumns] = []
  private var acquires = AcquireTimes.empty
  private var isAfterWait = false
  private var first: Int64 = 0
  private var base: Int64 = 0
  private var last: Int64 = 0

  /// A builder for the events of `thread`, which are stamped by a clock of this scale.
  public init(process: ProcessID, thread: ThreadID, scale: ClockScale = .nanoseconds) {
    self.init(kind: .events, process: process, thread: thread, scale: scale)
  }

  init(kind: ChunkKind, process: ProcessID, thread: ThreadID, scale: ClockScale) {
    self.kind = kind
    self.process = process
    self.thread = thread
    self.scale = scale
  }

  /// Whether it is time to ``seal(lost:)``.
  public var isFull: Bool { count >= Format.goodEventCount }

  /// Adds an event whose times are those of the builder's clock, nanoseconds mostly; its `thread` is
  /// taken to be the builder's.
  public mutating func append(_ event: Event) {
    append(event, from: event.start.nanoseconds, to: event.time.nanoseconds)
  }

  /// Adds an event that lasted from `start` to `end` on the builder's clock; the times in the event
  /// itself are not looked at.
  public mutating func append(_ event: Event, from start: Int64, to end: Int64) {
    let farthest = EventChunkBuilder.farthest
    var end = min(max(end, -farthest), farthest)
    if count == 0 { (first, base, last) = (end, end, end) }
    end = max(end, last)
    let start = min(max(start, -farthest), end)
    first = min(first, start)
    count += 1

    let (lock, partner) = (event.lock.rawValue, event.partner.rawValue)
    var acquired: Int64?
    var times = acquires.mutableSpan
    if event.kind == .wait {
      AcquireTimes.endWait(lock: lock, partner: partner, at: end, in: &times)
    } else if event.kind == .release {
      acquired = AcquireTimes.release(lock: lock, in: &times)
    }
    let shape = EventShape(event, lasts: start != end, isFromAcquire: acquired != nil)
    let number = self.number(of: shape)
    shapeColumn.append(UInt64(number))
    // What lies between two events of a thread is the way from one call to the next.
    groups[number].append(
      isAfterWait ? .timeAfterWait : .time, scale.number((shape.isWait ? start : end) - last))
    isAfterWait = shape.isWait
    last = end
    if start != end {
      groups[number].append(.duration, scale.number((acquired ?? end) - start))
    }
    groups[number].append(.lock, differenceOf: Int64(lock))
    groups[number].append(.partner, differenceOf: Int64(partner))
    groups[number].append(.owner, differenceOf: Int64(event.owner.rawValue))
    groups[number].append(.stack, differenceOf: Int64(event.stack.rawValue))
    groups[number].append(.value, differenceOf: event.value)
  }

  private mutating func number(of shape: EventShape) -> Int {
    if let lastShape, lastShape.shape == shape { return lastShape.number }
    let number: Int
    if let known = shapeNumbers[shape] {
      number = known
    } else {
      number = shapes.count
      shapes.append(shape)
      groups.append(ShapeColumns(shape))
      shapeNumbers[shape] = number
    }
    lastShape = (shape, number)
    return number
  }

  /// The chunk of all events so far; the builder begins anew.
  public mutating func seal(lost: UInt64) -> Chunk {
    var payload: [UInt8] = []
    payload.reserveCapacity(groups.reduce(256 + shapeColumn.byteCount) { $0 + $1.byteCount })
    payload.append(variable: scale.multiplier)
    payload.append(variable: UInt64(scale.step))
    payload.append(signed: base)
    payload.append(variable: UInt64(shapes.count))
    for shape in shapes { shape.encode(into: &payload) }
    var boundaries: [Int] = []
    shapeColumn.encode(into: &payload, boundaries: &boundaries)
    for group in groups { group.encode(into: &payload, boundaries: &boundaries) }
    let header = ChunkHeader(
      kind: kind, process: process, thread: thread,
      first: Timestamp(nanoseconds: scale.nanoseconds(first)),
      last: Timestamp(nanoseconds: scale.nanoseconds(last)),
      count: UInt32(count), lost: lost, payloadSize: UInt32(payload.count))
    self = EventChunkBuilder(kind: kind, process: process, thread: thread, scale: scale)
    return Chunk(header: header, payload: payload, boundaries: boundaries)
  }
}

/// The columns of one shape.
private struct ShapeColumns {
  private let shape: EventShape
  private var columns: [NumberColumn]
  /// The numbers that the next event of the shape is told from: they are often the same.
  private var memory = InlineArray<8, Int64>(repeating: 0)

  init(_ shape: EventShape) {
    self.shape = shape
    columns = Array(repeating: NumberColumn(), count: EventField.count)
  }

  var byteCount: Int { columns.reduce(0) { $0 + $1.byteCount + 32 } }

  @inline(__always)
  mutating func append(_ field: EventField, _ number: UInt64) {
    columns[field.rawValue].append(number)
  }

  @inline(__always)
  mutating func append(_ field: EventField, differenceOf value: Int64) {
    guard shape.has(field) else { return }
    columns[field.rawValue].append(zigzag(value &- memory[field.rawValue]))
    memory[field.rawValue] = value
  }

  func encode(into bytes: inout [UInt8], boundaries: inout [Int]) {
    for field in EventField.allCases where shape.has(field) {
      columns[field.rawValue].encode(into: &bytes, boundaries: &boundaries)
    }
  }
}

extension Chunk {
  /// The chunk of the same thread or CPU that says of all events that they are lost.
  public func withoutEvents() -> Chunk {
    let (lost, overflow) = header.lost.addingReportingOverflow(UInt64(header.count))
    var builder = EventChunkBuilder(
      kind: header.kind ?? .events, process: header.process, thread: header.thread,
      scale: .nanoseconds)
    return builder.seal(lost: overflow ? .max : lost)
  }
}
