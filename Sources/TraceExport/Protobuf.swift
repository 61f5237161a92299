/// Writes a message of Protocol Buffers: fields one behind the other, each a number with a varint or with
/// bytes and their count (https://protobuf.dev/programming-guides/encoding).
struct ProtobufWriter {
  private(set) var output = ByteBuffer()

  /// Appends a number; numbers below zero take ten bytes.
  mutating func append(_ field: Int, _ value: Int64) {
    output.append(varint: UInt64(field) << 3)
    output.append(varint: UInt64(bitPattern: value))
  }

  /// Appends a text.
  mutating func append(_ field: Int, _ text: String) {
    var text = text
    text.withUTF8 {
      appendHead(field, count: $0.count)
      output.append($0)
    }
  }

  /// Appends numbers as one field.
  mutating func append(_ field: Int, packed values: [Int64]) {
    append(field) { field in
      for value in values { field.output.append(varint: UInt64(bitPattern: value)) }
    }
  }

  /// Appends a message that `body` writes.
  mutating func append(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var message = ProtobufWriter()
    body(&message)
    let bytes = message.output.take()
    appendHead(field, count: bytes.count)
    bytes.withUnsafeBufferPointer { output.append($0) }
  }

  /// Appends fields that are written already.
  mutating func append(encoded fields: [UInt8]) {
    fields.withUnsafeBufferPointer { output.append($0) }
  }

  private mutating func appendHead(_ field: Int, count: Int) {
    output.append(varint: UInt64(field) << 3 | 2)
    output.append(varint: UInt64(count))
  }

  /// What was written since the last call.
  mutating func take() -> [UInt8] { output.take() }
}

extension ByteBuffer {
  /// Appends a number seven bits at a time, the lowest first.
  fileprivate mutating func append(varint value: UInt64) {
    withRoom(for: 10) { room in
      var (rest, place) = (value, 0)
      while rest > 0x7f {
        room[place] = UInt8(truncatingIfNeeded: rest) | 0x80
        rest >>= 7
        place += 1
      }
      room[place] = UInt8(rest)
      return place + 1
    }
  }
}
