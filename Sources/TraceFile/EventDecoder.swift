internal import TraceModel

/// Decodes the events of one chunk, a block at a time, with the beginnings of its waits told.
@safe
struct EventDecoder {
  private let payload: [UInt8]
  private let scale: ClockScale
  private let lastTime: Int64
  private var shapes: [ShapeCursor] = []
  private var shapeColumn: NumberColumnCursor
  private var columns: [NumberColumnCursor] = []
  private var acquires = AcquireTimes.empty
  private var time: Int64
  private var isAfterWait = false
  private var left: Int

  /// Checks the payload's frame; nil when it contradicts the header.
  init?(_ payload: [UInt8], header: ChunkHeader) {
    var shapes: [EventShape] = []
    var reader = ByteReader(payload.span)
    guard let multiplier = reader.variable(), let step = reader.variable(),
      let step = Int64(exactly: step), step > 0, let base = reader.signed(),
      let shapeCount = reader.count(), shapeCount <= Format.maximumShapes,
      shapeCount <= header.count
    else { return nil }
    scale = ClockScale(multiplier: multiplier, step: step)
    time = base
    lastTime = header.last.nanoseconds
    left = Int(header.count)
    for _ in 0..<shapeCount {
      guard let shape = EventShape(&reader) else { return nil }
      shapes.append(shape)
    }
    guard let shapeColumn = NumberColumnCursor(&reader) else { return nil }
    self.shapeColumn = shapeColumn
    for shape in shapes {
      guard shape.has(.timeAfterWait), shape.has(.time) else { return nil }
      let cursor = ShapeCursor(shape, thread: header.thread, firstColumn: columns.count)
      for _ in 0..<shape.fields.nonzeroBitCount {
        guard let column = NumberColumnCursor(&reader) else { return nil }
        columns.append(column)
      }
      self.shapes.append(cursor)
    }
    guard reader.remaining == 0 else { return nil }
    self.payload = payload
  }

  /// Bytes that it takes up, about.
  var byteCount: Int {
    payload.count + columns.count * MemoryLayout<NumberColumnCursor>.stride
      + shapes.count * MemoryLayout<ShapeCursor>.stride
  }

  /// Whether all events have been decoded.
  var isAtEnd: Bool { left == 0 }

  /// Decodes the next events, one block at most, to the front of `events`, and returns how many things
  /// happened in them; nil when the payload is damaged.
  ///
  /// - Parameters:
  ///   - block: Room to work in, for as many decoders as one likes.
  ///   - clock: When the last thing of this thread happened: the next is never told to have happened
  ///     earlier.
  mutating func decode(
    into events: inout [Event], block: inout EventBlock, clock: inout Int64
  ) -> Int? {
    let count = min(EventBlock.size, left)
    left -= count
    let isAfterWait = isAfterWait
    guard readNumbers(count, into: &block),
      let told = tellEvents(
        count, of: block, isAfterWait: isAfterWait, into: &events, clock: &clock),
      left > 0 || (shapeColumn.isAtEnd && columns.allSatisfy(\.isAtEnd))
    else { return nil }
    return told
  }

  /// Reads the block's numbers, those of each shape together.
  private mutating func readNumbers(_ count: Int, into block: inout EventBlock) -> Bool {
    let payload = payload
    return unsafe payload.withUnsafeBufferPointer { payload in
      unsafe block.numbers.withUnsafeMutableBufferPointer { numbers in
        guard let numbers = numbers.baseAddress,
          unsafe shapeColumn.read(count, of: payload, into: numbers)
        else { return false }
        // The shapes in the block, and how many events each has.
        block.shapes.removeAll(keepingCapacity: true)
        for index in 0..<count {
          let number = unsafe numbers[index]
          guard number < UInt64(shapes.count) else { return false }
          let shape = Int(number)
          if shapes[shape].pending == 0 { block.shapes.append(shape) }
          shapes[shape].pending += 1
          shapes[shape].pendingAfterWait += isAfterWait ? 1 : 0
          isAfterWait = shapes[shape].isWait
        }
        var start = 0
        for number in block.shapes {
          let pending = shapes[number].pending
          guard
            unsafe shapes[number].read(
              of: payload, columns: &columns, into: numbers + EventBlock.size, at: start)
          else { return false }
          start += pending
        }
        return true
      }
    }
  }

  /// Makes events of the block's numbers.
  private mutating func tellEvents(
    _ count: Int, of block: borrowing EventBlock, isAfterWait: Bool, into events: inout [Event],
    clock: inout Int64
  ) -> Int? {
    var wasWait = isAfterWait
    // Each may be announced.
    if events.count < 2 * EventBlock.size {
      events = Array(
        repeating: Event(kind: .signal, thread: .unknown, time: .zero),
        count: 2 * EventBlock.size)
    }
    // Taken out, because only one span of what is in a value may be written through at a time.
    var ownAcquires: [Int64] = []
    swap(&ownAcquires, &self.acquires)
    defer { swap(&ownAcquires, &self.acquires) }
    var (time, moment) = (time, clock)
    let (scale, lastTime) = (scale, lastTime)
    // All places below lie within a block, and the rows of one are that long.
    let numbers = block.numbers.span
    var events = events.mutableSpan
    var shapes = shapes.mutableSpan
    var acquires = ownAcquires.mutableSpan
    var told = 0
    for index in 0..<count {
      let shape = unsafe Int(numbers[unchecked: index])
      let places = unsafe shapes[unchecked: shape].next(isAfterWait: wasWait)
      func number(_ row: Int, _ place: Int) -> UInt64 {
        unsafe numbers[unchecked: (1 + row) * EventBlock.size + place]
      }
      func number(_ field: EventField) -> UInt64 { number(field.rawValue, places.place) }
      let lock = UInt32(truncatingIfNeeded: number(.lock))
      let partner = UInt32(truncatingIfNeeded: number(.partner))
      let step = scale.span(number(places.timeRow, places.timePlace))
      let span = scale.span(number(.duration))
      var start = time &+ step
      var end = start
      wasWait = unsafe shapes[unchecked: shape].isWait
      if wasWait {
        end = start &+ span
        AcquireTimes.endWait(lock: lock, partner: partner, at: end, in: &acquires)
      } else {
        if unsafe shapes[unchecked: shape].isRelease,
          let acquired = AcquireTimes.release(lock: lock, in: &acquires),
          unsafe shapes[unchecked: shape].isFromAcquire
        {
          start = acquired
        }
        start = unsafe shapes[unchecked: shape].lasts ? start &- span : end
      }
      let (begin, now) = (scale.nanoseconds(start), scale.nanoseconds(end))
      let (duration, overflow) = now.subtractingReportingOverflow(begin)
      guard end >= time, now <= lastTime, start <= end, !overflow else { return nil }
      time = end
      guard var event = unsafe shapes[unchecked: shape].template else { continue }
      event.lock = LockID(rawValue: lock)
      event.partner = LockID(rawValue: partner)
      event.owner = ThreadID(rawValue: UInt32(truncatingIfNeeded: number(.owner)))
      event.stack = StackID(rawValue: UInt32(truncatingIfNeeded: number(.stack)))
      event.value = Int64(bitPattern: number(.value))
      if wasWait {
        moment = max(moment, begin)
        event.time = Timestamp(nanoseconds: moment)
        event.kind = .waitBegin
        unsafe events[unchecked: told] = event
        told += 1
        event.kind = .wait
      }
      moment = max(moment, now)
      event.time = Timestamp(nanoseconds: moment)
      event.duration = duration
      unsafe events[unchecked: told] = event
      told += 1
    }
    self.time = time
    clock = moment
    return told
  }
}

/// The numbers of some events that are decoded at once.
struct EventBlock {
  /// Events at most.
  static let size = 512

  /// A row of the shapes of the events, and a row for each field, in which the numbers of like shapes
  /// stand together.
  fileprivate var numbers = [UInt64](repeating: 0, count: size * (1 + EventField.count))
  fileprivate var shapes: [Int] = []
}

/// A shape and how far its columns have been read.
@safe
private struct ShapeCursor {
  let template: Event?
  let isWait: Bool
  let isRelease: Bool
  let isFromAcquire: Bool
  /// Whether it has a duration.
  let lasts: Bool
  private let shape: EventShape
  private let firstColumn: Int
  /// The numbers that the next event of the shape is told from.
  private var memory = InlineArray<8, Int64>(repeating: 0)
  /// Events in the block, and those of them that follow a wait.
  var pending = 0
  var pendingAfterWait = 0
  /// Where in the block's rows the next numbers are.
  private var place = 0
  private var placeAfterWait = 0
  private var placeOfOthers = 0

  init(_ shape: EventShape, thread: ThreadID, firstColumn: Int) {
    self.shape = shape
    self.firstColumn = firstColumn
    template = shape.template(thread: thread)
    (isWait, isFromAcquire, lasts) = (shape.isWait, shape.isFromAcquire, shape.has(.duration))
    isRelease = shape.kind == Event.Kind.release.rawValue
  }

  /// Reads the numbers of the pending events into the rows of a block, from `start` on; those of
  /// fields that the shape does not have become 0. False when there are fewer, or one is beyond what
  /// its field can be.
  mutating func read(
    of payload: UnsafeBufferPointer<UInt8>, columns: inout [NumberColumnCursor],
    into rows: UnsafeMutablePointer<UInt64>, at start: Int
  ) -> Bool {
    let count = pending
    let countAfterWait = pendingAfterWait
    (pending, pendingAfterWait) = (0, 0)
    (place, placeAfterWait, placeOfOthers) = (start, start, start)
    func row(_ field: EventField) -> UnsafeMutablePointer<UInt64> {
      unsafe rows + (field.rawValue * EventBlock.size + start)
    }
    guard
      unsafe columns[firstColumn].read(countAfterWait, of: payload, into: row(.timeAfterWait)),
      unsafe columns[firstColumn + 1].read(
        count - countAfterWait, of: payload, into: row(.time))
    else { return false }
    var column = firstColumn + 2
    for field in EventField.allCases[2...] {
      let row = unsafe row(field)
      guard shape.has(field) else {
        unsafe row.update(repeating: 0, count: count)
        continue
      }
      guard unsafe columns[column].read(count, of: payload, into: row) else { return false }
      column += 1
      if field == .duration { continue }
      var number = memory[field.rawValue]
      var all: UInt64 = 0
      for index in 0..<count {
        unsafe number &+= unzigzag(row[index])
        unsafe row[index] = UInt64(bitPattern: number)
        all |= UInt64(bitPattern: number)
      }
      memory[field.rawValue] = number
      guard field == .value || all <= UInt64(UInt32.max) || template == nil else { return false }
    }
    return true
  }

  /// Where in its rows the next event has its numbers, and in which row and where its time.
  @inline(__always)
  mutating func next(isAfterWait: Bool) -> (place: Int, timeRow: Int, timePlace: Int) {
    defer { place += 1 }
    if isAfterWait {
      defer { placeAfterWait += 1 }
      return (place, EventField.timeAfterWait.rawValue, placeAfterWait)
    }
    defer { placeOfOthers += 1 }
    return (place, EventField.time.rawValue, placeOfOthers)
  }
}
