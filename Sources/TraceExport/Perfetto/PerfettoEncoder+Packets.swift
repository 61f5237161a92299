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

// Events and other messages, each in its packet.
extension PerfettoEncoder {
  private typealias Schema = PerfettoSchema

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
    guard !isHidden else { return }
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
  mutating func append(argument: SliceArgument, text: UInt64) {
    // The field of a text takes two bytes.
    appendHead(
      ofField: PerfettoSchema.Event.argument, count: 4 + ByteBuffer.varintSize(text))
    append(field: Schema.nameID, argument.rawValue)
    append(field: Schema.textID, text)
  }

  mutating func append(argument: SliceArgument, _ value: Int64) {
    appendArgument(argument, Schema.int, UInt64(bitPattern: value))
  }

  mutating func append(argument: SliceArgument, pointer value: UInt64) {
    appendArgument(argument, Schema.pointer, value)
  }

  mutating func append(argument: SliceArgument, _ value: Bool) {
    appendArgument(argument, Schema.bool, value ? 1 : 0)
  }

  private mutating func appendArgument(
    _ argument: SliceArgument, _ field: Int, _ value: UInt64
  ) {
    appendHead(
      ofField: PerfettoSchema.Event.argument, count: 3 + ByteBuffer.varintSize(value))
    append(field: Schema.nameID, argument.rawValue)
    append(field: field, value)
  }
}
