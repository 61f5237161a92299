/// The fields of a message of Protocol Buffers, in their order.
struct ProtobufMessage {
  enum Value: Equatable {
    case number(UInt64)
    case bytes([UInt8])
  }

  var fields: [(number: Int, value: Value)] = []

  /// A message that says nothing.
  init() {}

  /// Reads a message; nil where it is none.
  init?(_ bytes: some Collection<UInt8>) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      guard let key = ProtobufMessage.number(&rest) else { return nil }
      switch key & 7 {
      case 0:
        guard let value = ProtobufMessage.number(&rest) else { return nil }
        fields.append((Int(key >> 3), .number(value)))
      case 2:
        guard let count = ProtobufMessage.number(&rest), count <= rest.count else { return nil }
        fields.append((Int(key >> 3), .bytes(Array(rest.prefix(Int(count))))))
        rest = rest.dropFirst(Int(count))
      default: return nil
      }
    }
  }

  private static func number(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = bytes.popFirst(), shift < 70 {
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  func numbers(_ field: Int) -> [UInt64] {
    fields.compactMap {
      if $0.number == field, case .number(let value) = $0.value { value } else { nil }
    }
  }

  func number(_ field: Int) -> UInt64? { numbers(field).last }

  func texts(_ field: Int) -> [String] {
    fields.compactMap {
      if $0.number == field, case .bytes(let bytes) = $0.value {
        String(decoding: bytes, as: UTF8.self)
      } else {
        nil
      }
    }
  }

  func text(_ field: Int) -> String? { texts(field).last }

  /// The messages of a field; what is none is left out.
  func messages(_ field: Int) -> [ProtobufMessage] {
    fields.compactMap {
      if $0.number == field, case .bytes(let bytes) = $0.value {
        ProtobufMessage(bytes)
      } else {
        nil
      }
    }
  }

  func message(_ field: Int) -> ProtobufMessage? { messages(field).last }
}
