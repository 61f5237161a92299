/// A position in little-endian bytes that nobody vouches for. What does not lie in them is nil.
struct ByteReader: ~Escapable {
  private let bytes: RawSpan
  /// The index of the next byte.
  private(set) var position = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  /// Skips bytes; false, without skipping, where there are not as many.
  @_lifetime(self: copy self)
  mutating func skip(_ count: UInt64) -> Bool {
    guard count <= UInt64(bytes.byteCount - position) else { return false }
    position += Int(count)
    return true
  }

  /// An unsigned integer of up to eight bytes.
  @_lifetime(self: copy self)
  mutating func integer(size: Int) -> UInt64? {
    guard size <= bytes.byteCount - position else { return nil }
    var value: UInt64 = 0
    for index in 0..<size {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: position + index, as: UInt8.self)
      value |= UInt64(byte) << UInt64(8 * index)
    }
    position += size
    return value
  }

  /// An unsigned integer of seven bits a byte (LEB128); bits beyond the 64th are dropped.
  @_lifetime(self: copy self)
  mutating func variable() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
      position += 1
      if shift < 64 { value |= UInt64(byte & 0x7f) << shift }
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }

  /// Skips bytes through the next zero.
  @_lifetime(self: copy self)
  mutating func skipString() -> Bool {
    while position < bytes.byteCount {
      position += 1
      if unsafe bytes.unsafeLoad(fromByteOffset: position - 1, as: UInt8.self) == 0 { return true }
    }
    return false
  }
}
