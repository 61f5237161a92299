// Integers as bytes: little-endian where they are fixed, LEB128 where they are variable; signed
// variable ones are zigzag-coded first. Both are as in the Protocol Buffers encoding guide.

extension [UInt8] {
  /// Appends an integer of fixed width.
  mutating func append<Value: FixedWidthInteger>(fixed value: Value) {
    for byte in 0..<MemoryLayout<Value>.size {
      append(UInt8(truncatingIfNeeded: value >> Value(truncatingIfNeeded: byte * 8)))
    }
  }

  /// Appends an unsigned integer of one to ten bytes.
  @inline(__always)
  mutating func append(variable value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a signed integer of one to ten bytes.
  @inline(__always)
  mutating func append(signed value: Int64) { append(variable: zigzag(value)) }

  /// Appends a text behind its length in bytes.
  mutating func append(text: String) {
    append(variable: UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}

/// Small numbers of either sign as small unsigned ones.
@inline(__always)
func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

/// Undoes ``zigzag(_:)``.
@inline(__always)
func unzigzag(_ value: UInt64) -> Int64 {
  Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
}

/// Reads what the functions above wrote; never beyond the bytes it was given.
struct ByteReader: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var position = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  /// Bytes not read yet.
  var remaining: Int { bytes.count - position }

  /// An integer of fixed width; nil at the end.
  @_lifetime(self: copy self)
  mutating func fixed<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
    guard remaining >= MemoryLayout<Value>.size else { return nil }
    var value: Value = 0
    for byte in 0..<MemoryLayout<Value>.size {
      value |= Value(truncatingIfNeeded: bytes[position + byte]) << Value(byte * 8)
    }
    position += MemoryLayout<Value>.size
    return value
  }

  /// An unsigned integer of one to ten bytes; nil at the end or when it has more than 64 bits.
  @_lifetime(self: copy self)
  mutating func variable() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if shift == 63 && byte > 1 { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { return nil }
    }
    return nil
  }

  /// A signed integer of one to ten bytes.
  @_lifetime(self: copy self)
  mutating func signed() -> Int64? { variable().map(unzigzag) }

  /// An unsigned integer that fits into 32 bits.
  @_lifetime(self: copy self)
  mutating func variable32() -> UInt32? { variable().flatMap { UInt32(exactly: $0) } }

  /// A number of things of at least one byte each, so never more than bytes are left.
  @_lifetime(self: copy self)
  mutating func count() -> Int? {
    guard let count = variable(), count <= UInt64(remaining) else { return nil }
    return Int(count)
  }

  /// So many bytes.
  @_lifetime(self: copy self)
  mutating func array(_ count: Int) -> [UInt8]? {
    guard count >= 0, count <= remaining else { return nil }
    var array: [UInt8] = []
    array.reserveCapacity(count)
    for index in position..<position + count { array.append(bytes[index]) }
    position += count
    return array
  }

  /// A text behind its length. Bytes that are no UTF-8 are replaced.
  @_lifetime(self: copy self)
  mutating func text() -> String? {
    guard let count = count(), let bytes = array(count) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Steps over so many bytes; false when there are fewer.
  @_lifetime(self: copy self)
  mutating func skip(_ count: Int) -> Bool {
    guard count >= 0, count <= remaining else { return false }
    position += count
    return true
  }

  /// A part of so many bytes, skipped.
  @_lifetime(copy self)
  mutating func part(_ count: Int) -> ByteReader? {
    guard count >= 0, count <= remaining else { return nil }
    let part = ByteReader(bytes.extracting(position..<position + count))
    position += count
    return part
  }
}
