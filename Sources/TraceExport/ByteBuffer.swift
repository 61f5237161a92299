/// Bytes written and not yet taken. Keeps its memory when they are taken, so that writing one event
/// after the other allocates nothing.
struct ByteBuffer {
  /// The first `count` are written; the others are room.
  private var bytes: [UInt8] = []
  private(set) var count = 0

  /// What was written since the last call.
  mutating func take() -> [UInt8] {
    let taken = Array(bytes[..<count])
    count = 0
    return taken
  }

  /// Forgets what was written.
  mutating func removeAll() { count = 0 }

  /// Takes back what was written beyond the first so many bytes.
  mutating func truncate(to count: Int) { self.count = min(self.count, count) }

  /// Appends what another has.
  mutating func append(contentsOf other: borrowing ByteBuffer) {
    let count = other.count
    other.bytes.withUnsafeBufferPointer {
      append(UnsafeBufferPointer(rebasing: $0[..<count]))
    }
  }

  /// Appends JSON text as it is.
  mutating func append(_ text: StaticString) {
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
    withRoom(for: text.count) { room in
      _ = room.update(fromContentsOf: text)
      return text.count
    }
  }

  mutating func append(_ value: Int64) {
    if value < 0 { append("-") }
    append(value.magnitude)
  }

  mutating func append(_ value: UInt64) {
    // Enough for 2^64 - 1.
    withRoom(for: 20) { write(value, to: $0) }
  }

  /// Appends nanoseconds as microseconds with three decimals.
  mutating func append(microseconds nanoseconds: Int64) {
    if nanoseconds < 0 { append("-") }
    let (whole, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
    withRoom(for: 24) { room in
      let end = write(whole, to: room)
      room[end] = UInt8(ascii: ".")
      room[end + 1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / 100)
      room[end + 2] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / 10 % 10)
      room[end + 3] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      return end + 4
    }
  }

  /// Appends nanoseconds as seconds with nine decimals.
  mutating func append(seconds nanoseconds: Int64) {
    let (whole, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
    append(whole)
    withRoom(for: 10) { room in
      room[0] = UInt8(ascii: ".")
      var rest = rest
      for place in stride(from: 9, to: 0, by: -1) {
        room[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      }
      return 10
    }
  }

  /// Calls `write` with at least `size` bytes of room; it returns how many it used.
  @inline(__always)
  mutating func withRoom(
    for size: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int
  ) {
    if bytes.count - count < size {
      bytes.append(contentsOf: repeatElement(0, count: max(size, bytes.count, 4096)))
    }
    count += bytes.withUnsafeMutableBufferPointer {
      write(UnsafeMutableBufferPointer(rebasing: $0[count...]))
    }
  }
}

/// Writes the digits of `value` and returns how many they are.
@inline(__always)
private func write(_ value: UInt64, to room: UnsafeMutableBufferPointer<UInt8>) -> Int {
  var digits = 1
  var bound: UInt64 = 10
  while digits < 20, value >= bound {
    digits += 1
    bound = bound &* 10
  }
  var rest = value
  var place = digits
  repeat {
    place -= 1
    let (tenth, digit) = rest.quotientAndRemainder(dividingBy: 10)
    room[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
    rest = tenth
  } while place > 0
  return digits
}
