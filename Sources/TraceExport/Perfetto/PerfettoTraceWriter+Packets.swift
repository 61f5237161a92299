internal import TraceModel

/// What an event of a track says. The raw value is the format's.
enum TrackEventType: UInt64 {
  case begin = 1
  case end, instant, counter
}

/// Packets that count as written by one thread, in a row. Interned texts are of one sequence. Tracks are
/// described in another: a thread that is described counts as the one that writes.
enum PacketSequence: UInt64 {
  case events = 1
  case tracks
}

/// The arrow that begins or ends at a slice.
enum FlowEnd {
  case none
  case leaving(UInt64)
  case arriving(UInt64)
  /// One of several that the same event has woken.
  case arrivingAmongOthers(UInt64)
}

/// Where a slice is drawn.
struct DrawnSlice {
  var begin: Int64
  var end: Int64
  /// Whether that is not where it was.
  var isCut: Bool
}

extension PerfettoTraceWriter {
  private typealias Schema = PerfettoSchema

  // MARK: Slices

  /// Finds the place of a slice that ends now on the track of a thread.
  mutating func place(_ event: Event, _ track: Int) -> DrawnSlice {
    let begin = tracks[track].nesting.add(from: shown(event.start), to: now)
    tracks[track].firstTime = min(tracks[track].firstTime, begin)
    return drawn(event, from: begin)
  }

  /// A slice that ends now, drawn from `begin` on.
  func drawn(_ event: Event, from begin: Int64) -> DrawnSlice {
    DrawnSlice(
      begin: begin, end: now, isCut: begin != event.start.nanoseconds || isBehindWindow)
  }

  /// Where something is drawn from that began at `start`.
  func shown(_ start: Timestamp) -> Int64 { min(max(start.nanoseconds, window.lowerBound, 0), now) }

  /// Begins what is written of a slice or an instant: arguments follow, and ``finishEvent(at:)``.
  @inline(__always)
  mutating func startEvent(
    _ type: TrackEventType, on track: UInt64, _ category: InternedTexts.Category, named name: UInt64
  ) {
    event.removeAll()
    event.append(field: Schema.Event.type, type.rawValue)
    event.append(field: Schema.Event.track, track)
    event.append(field: Schema.Event.categoryID, category.rawValue)
    event.append(field: Schema.Event.nameID, name)
  }

  /// Writes what was begun.
  @inline(__always)
  mutating func finishEvent(at time: Int64) {
    guard !isBeforeWindow else { return }
    head.removeAll()
    head.append(field: Schema.Packet.timestamp, UInt64(time))
    head.append(field: Schema.Packet.sequenceID, PacketSequence.events.rawValue)
    head.appendHead(ofField: Schema.Packet.trackEvent, count: event.count)
    output.appendHead(ofField: Schema.Trace.packet, count: head.count + event.count)
    output.append(contentsOf: head)
    output.append(contentsOf: event)
  }

  /// Ends the slice of a track that was begun last.
  @inline(__always)
  mutating func appendEnd(on track: UInt64, at time: Int64) {
    event.removeAll()
    event.append(field: Schema.Event.type, TrackEventType.end.rawValue)
    event.append(field: Schema.Event.track, track)
    finishEvent(at: time)
  }

  /// The number of the name of a slice.
  @inline(__always)
  mutating func name(_ name: InternedTexts.Name, _ lock: Int) -> UInt64 {
    interning { $0.name(name, of: lock, &$1) }
  }

  /// Gives something a number, and writes what that stands for where it is new.
  @inline(__always)
  mutating func interning<Result>(
    _ body: (inout InternedTexts, inout ByteBuffer) -> Result
  ) -> Result {
    let result = body(&interned, &data)
    if data.count > 0 { appendInterned() }
    return result
  }

  /// Writes texts that are new.
  mutating func appendInterned() {
    appendPacket(Schema.Packet.internedData, data)
    data.removeAll()
  }

  // MARK: Arguments

  /// The arguments that all slices of a lock begin with.
  mutating func appendArguments(_ recorded: Event, _ lock: Int) {
    texts.write(locks[lock].arguments, to: &event)
    appendOperation(recorded)
  }

  /// The name of the lock alone, of what there may be very much.
  mutating func appendName(_ lock: Int) {
    event.append(argument: .lock, text: interned.number(ofLock: lock))
  }

  private mutating func appendOperation(_ recorded: Event) {
    if recorded.operation.isWord {
      event.append(argument: .operation, text: InternedTexts.number(of: recorded.operation))
    }
  }

  /// The stack.
  mutating func appendStack(_ stack: StackID) {
    if let number = interning({ $0.text(ofStack: stack, &$1) }) {
      event.append(argument: .stack, text: number)
    }
  }

  /// The true measures of a slice that is drawn cut: its length and when it began.
  mutating func appendCut(
    _ recorded: Event, _ slice: DrawnSlice, _ length: InternedTexts.Argument,
    _ start: InternedTexts.Argument
  ) {
    guard slice.isCut else { return }
    event.append(argument: .cut, true)
    event.append(argument: length, recorded.duration)
    event.append(argument: start, recorded.start.nanoseconds)
  }

  mutating func append(_ flow: FlowEnd) {
    switch flow {
    case .none: break
    case .leaving(let number): event.append(field: Schema.Event.flow, number)
    case .arriving(let number): event.append(field: Schema.Event.endingFlow, number)
    case .arrivingAmongOthers(let number):
      // An ending flow of the newer kind is over with the first slice at which it ends.
      var legacy = ByteBuffer()
      legacy.append(field: Schema.LegacyEvent.bindID, number)
      legacy.append(field: Schema.LegacyEvent.flowDirection, Schema.LegacyEvent.flowIn)
      event.append(field: Schema.Event.legacy, legacy)
    }
  }

  // MARK: Counters

  /// What a counter of a lock counts.
  enum LockCounter {
    case waiters, value, depth, ready
  }

  /// Sets a counter of a lock's to a value that it keeps.
  mutating func setCounter(_ counter: LockCounter, _ lock: Int, _ value: Int64) {
    // A semaphore that nobody ever posts to, as each of Dispatch's root queues has one, needs no track.
    guard value != 0 || locks[lock].lastValue != nil else { return }
    locks[lock].lastValue = value
    appendCounter(counter, lock, value)
  }

  /// Writes the value that a counter has from now on.
  mutating func appendCounter(_ counter: LockCounter, _ lock: Int, _ value: Int64) {
    guard locks[lock].isShown, !isBeforeWindow, !isBehindWindow else { return }
    let track =
      counter == .waiters
      ? locks[lock].waitersTrack : locks[lock].valueTrack
    event.removeAll()
    event.append(field: Schema.Event.type, TrackEventType.counter.rawValue)
    event.append(
      field: Schema.Event.track, track != 0 ? track : appendTrack(of: counter, lock))
    event.append(field: Schema.Event.counterValue, UInt64(bitPattern: value))
    finishEvent(at: now)
  }

  // MARK: Packets

  /// Writes a packet with one message, at a moment if it has one.
  mutating func appendPacket(
    _ field: Int, _ message: borrowing ByteBuffer, at time: Int64? = nil,
    sequence: PacketSequence = .events
  ) {
    var packet = ByteBuffer()
    if let time { packet.append(field: Schema.Packet.timestamp, UInt64(time)) }
    packet.append(field: Schema.Packet.sequenceID, sequence.rawValue)
    packet.append(field: field, message)
    output.append(field: Schema.Trace.packet, packet)
  }
}

extension ByteBuffer {
  private typealias Schema = PerfettoSchema.Argument

  /// Appends an argument to a TrackEvent.
  @inline(__always)
  mutating func append(argument: InternedTexts.Argument, text: UInt64) {
    // The field of a text takes two bytes.
    appendHead(
      ofField: PerfettoSchema.Event.argument, count: 4 + ByteBuffer.varintSize(text))
    append(field: Schema.nameID, argument.rawValue)
    append(field: Schema.textID, text)
  }

  mutating func append(argument: InternedTexts.Argument, _ value: Int64) {
    appendArgument(argument, Schema.int, UInt64(bitPattern: value))
  }

  mutating func append(argument: InternedTexts.Argument, pointer value: UInt64) {
    appendArgument(argument, Schema.pointer, value)
  }

  mutating func append(argument: InternedTexts.Argument, _ value: Bool) {
    appendArgument(argument, Schema.bool, value ? 1 : 0)
  }

  private mutating func appendArgument(
    _ argument: InternedTexts.Argument, _ field: Int, _ value: UInt64
  ) {
    appendHead(
      ofField: PerfettoSchema.Event.argument, count: 3 + ByteBuffer.varintSize(value))
    append(field: Schema.nameID, argument.rawValue)
    append(field: field, value)
  }
}

extension Event.Operation {
  /// Whether it says how something was waited for or released, and not why a thread left its CPU.
  fileprivate var isWord: Bool {
    switch self {
    case .unknown, .told, .preempted, .blocked, .uninterruptible, .ended, .interrupt, .span: false
    default: true
    }
  }
}
