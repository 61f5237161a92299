// Columns of numbers. Each number gives a byte to the column's lengths, saying how many bytes it has
// without leading zeros, and those bytes, one to each of eight planes, the lowest first. So zeros take
// up no plane, and the high bytes of numbers, which are alike, lie apart from the low ones, which
// are noise: a compressor makes of that almost what their entropy allows, where it makes little of
// variable-length integers.

/// Writes a column.
struct NumberColumn: Sendable {
  static let planeCount = 8

  private var lengths: [UInt8] = []
  private var planes = [[UInt8]](repeating: [], count: NumberColumn.planeCount)

  /// Bytes that the column has so far.
  var byteCount: Int { planes.reduce(lengths.count) { $0 + $1.count } }

  /// Appends a number.
  @inline(__always)
  mutating func append(_ number: UInt64) {
    let length = (71 - number.leadingZeroBitCount) / 8
    lengths.append(UInt8(truncatingIfNeeded: length))
    var rest = number
    for plane in 0..<length {
      planes[plane].append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  /// Appends a signed number, small ones of either sign as small ones.
  @inline(__always)
  mutating func append(signed number: Int64) { append(zigzag(number)) }

  /// Appends the column: the sizes of its parts, and the parts.
  func encode(into bytes: inout [UInt8]) {
    bytes.append(variable: UInt64(lengths.count))
    for plane in planes { bytes.append(variable: UInt64(plane.count)) }
    bytes += lengths
    for plane in planes { bytes += plane }
  }
}

/// Where the next number of a column is.
struct NumberColumnCursor {
  private var length: Int
  private var lengthsEnd: Int
  private var planes = InlineArray<8, Int>(repeating: 0)
  private var planeEnds = InlineArray<8, Int>(repeating: 0)

  /// Finds the parts of a column and steps over it; nil when they don't fit into the payload.
  init?(_ reader: inout ByteReader) {
    guard let lengthCount = reader.count() else { return nil }
    var sizes = InlineArray<8, Int>(repeating: 0)
    var total = lengthCount
    for plane in 0..<NumberColumn.planeCount {
      guard let size = reader.count() else { return nil }
      sizes[plane] = size
      total += size
    }
    length = reader.position
    lengthsEnd = length + lengthCount
    var position = lengthsEnd
    for plane in 0..<NumberColumn.planeCount {
      planes[plane] = position
      position += sizes[plane]
      planeEnds[plane] = position
    }
    guard reader.skip(total) else { return nil }
  }

  /// The next number; nil when the column has no more.
  @inline(__always)
  mutating func next(_ bytes: Span<UInt8>) -> UInt64? {
    guard length < lengthsEnd else { return nil }
    let count = Int(bytes[length])
    length += 1
    guard count <= NumberColumn.planeCount else { return nil }
    var number: UInt64 = 0
    for plane in 0..<count {
      let position = planes[plane]
      guard position < planeEnds[plane] else { return nil }
      number |= UInt64(bytes[position]) << UInt64(8 * plane)
      planes[plane] = position + 1
    }
    return number
  }

  /// Whether everything in the column has been read.
  var isAtEnd: Bool {
    guard length == lengthsEnd else { return false }
    for plane in 0..<NumberColumn.planeCount where planes[plane] != planeEnds[plane] {
      return false
    }
    return true
  }
}
