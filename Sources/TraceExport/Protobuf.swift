/// Writes a message of Protocol Buffers: fields one behind the other, each a number with a varint or with
/// bytes and their count (https://protobuf.dev/programming-guides/encoding).
struct ProtobufWriter {
  private(set) var output = ByteBuffer()

  /// Appends a number; numbers below zero take ten bytes.
  mutating func append(_ field: Int, _ value: Int64) {
    output.append(field: field, signed: value)
  }

  /// Appends a text.
  mutating func append(_ field: Int, _ text: String) {
    output.append(field: field, text: text)
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
    output.appendHead(ofField: field, count: bytes.count)
    bytes.withUnsafeBufferPointer { output.append($0) }
  }

  /// Appends fields that are written already.
  mutating func append(encoded fields: [UInt8]) {
    fields.withUnsafeBufferPointer { output.append($0) }
  }

  /// What was written since the last call.
  mutating func take() -> [UInt8] { output.take() }
}
