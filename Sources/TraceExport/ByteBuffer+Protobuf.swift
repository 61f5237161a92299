// Protocol buffers as they go over the wire: a message is a row of fields, each a number with a varint or
// with bytes and their count. See "Encoding" in the documentation of Protocol Buffers.
extension ByteBuffer {
  /// Appends a field that is a number.
  @inline(__always)
  mutating func append(field number: Int, _ value: UInt64) {
    // Two bytes are enough for the numbers of all fields here, ten for any value.
    withRoom(for: 12) { room in
      let start = writeVarint(UInt64(number) << 3, to: room, at: 0)
      return writeVarint(value, to: room, at: start)
    }
  }

  /// Appends a field that is a number with a sign: one below zero takes ten bytes.
  mutating func append(field number: Int, signed value: Int64) {
    append(field: number, UInt64(bitPattern: value))
  }

  /// Appends a field that is a message.
  mutating func append(field number: Int, _ message: borrowing ByteBuffer) {
    appendHead(ofField: number, count: message.count)
    append(contentsOf: message)
  }

  /// Appends a field that is text.
  mutating func append(field number: Int, text: String) {
    var text = text
    text.withUTF8 {
      appendHead(ofField: number, count: $0.count)
      append($0)
    }
  }

  /// Appends what stands before the bytes of a field.
  @inline(__always)
  mutating func appendHead(ofField number: Int, count: Int) {
    withRoom(for: 12) { room in
      let start = writeVarint(UInt64(number) << 3 | 2, to: room, at: 0)
      return writeVarint(UInt64(count), to: room, at: start)
    }
  }

  /// Appends a number alone, as packed fields have them.
  mutating func append(varint value: UInt64) {
    withRoom(for: 10) { writeVarint(value, to: $0, at: 0) }
  }

  /// How many bytes a number takes.
  @inline(__always)
  static func varintSize(_ value: UInt64) -> Int {
    (70 - (value | 1).leadingZeroBitCount) / 7
  }
}

/// Writes a number seven bits at a time, the lowest first; returns the place behind it.
@inline(__always)
private func writeVarint(
  _ value: UInt64, to room: UnsafeMutableBufferPointer<UInt8>, at start: Int
) -> Int {
  var (rest, place) = (value, start)
  while rest > 0x7f {
    room[place] = UInt8(truncatingIfNeeded: rest) | 0x80
    rest >>= 7
    place += 1
  }
  room[place] = UInt8(truncatingIfNeeded: rest)
  return place + 1
}
