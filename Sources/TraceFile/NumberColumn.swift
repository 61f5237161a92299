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

  /// Appends the column: the sizes of its parts, and the parts, which begin at `boundaries`.
  func encode(into bytes: inout [UInt8], boundaries: inout [Int]) {
    bytes.append(variable: UInt64(lengths.count))
    for plane in planes { bytes.append(variable: UInt64(plane.count)) }
    for part in [lengths] + planes where !part.isEmpty {
      boundaries.append(bytes.count)
      bytes += part
    }
  }
}

/// Where the next number of a column is.
@safe
struct NumberColumnCursor {
  private var length: Int32
  private let lengthsEnd: Int32
  private var planes = InlineArray<8, Int32>(repeating: 0)
  private var planeEnds = InlineArray<8, Int32>(repeating: 0)

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
    let start = reader.position
    guard reader.skip(total), reader.position <= Int(Format.maximumPayload) else { return nil }
    length = Int32(start)
    var position = start + lengthCount
    lengthsEnd = Int32(position)
    for plane in 0..<NumberColumn.planeCount {
      planes[plane] = Int32(position)
      position += sizes[plane]
      planeEnds[plane] = Int32(position)
    }
  }

  /// Reads the next `count` numbers of the column, which is one of `payload`; false when it has fewer.
  ///
  /// Goes plane by plane, without a branch that depends on a number.
  @inline(__always)
  mutating func read(
    _ count: Int, of payload: UnsafeBufferPointer<UInt8>,
    into numbers: UnsafeMutablePointer<UInt64>
  ) -> Bool {
    guard count <= Int(lengthsEnd - length), let bytes = payload.baseAddress else {
      return count == 0
    }
    let lengths = unsafe bytes + Int(length)
    length += Int32(count)
    var longest: UInt8 = 0
    for index in 0..<count { longest = max(longest, unsafe lengths[index]) }
    guard longest <= NumberColumn.planeCount else { return false }
    unsafe numbers.update(repeating: 0, count: count)
    for plane in 0..<Int(longest) {
      let floor = UInt8(truncatingIfNeeded: plane)
      let shift = UInt64(truncatingIfNeeded: 8 * plane)
      var present: Int32 = 0
      for index in 0..<count { unsafe present &+= lengths[index] > floor ? 1 : 0 }
      guard present <= planeEnds[plane] - planes[plane] else { return false }
      var source = unsafe bytes + Int(planes[plane])
      planes[plane] += present
      if present == count {
        for index in 0..<count { unsafe numbers[index] |= UInt64(source[index]) &<< shift }
        continue
      }
      // Behind the last byte of the plane there may be none at all.
      let last = unsafe source + (Int(present) - 1)
      for index in 0..<count {
        let byte = unsafe UInt64(min(source, last).pointee) &<< shift
        let isPresent = unsafe lengths[index] > floor
        unsafe numbers[index] |= isPresent ? byte : 0
        unsafe source += isPresent ? 1 : 0
      }
    }
    return true
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
