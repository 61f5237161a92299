/// Texts that events are put together from, one behind the other: writing one is a copy of bytes,
/// without reference counting.
struct TextTable {
  /// Where a text is in its table. The default is the empty text.
  struct Text {
    fileprivate var start = 0
    fileprivate var count = 0

    var isEmpty: Bool { count == 0 }
  }

  private var bytes: [UInt8] = []

  mutating func add(_ text: String) -> Text { add(text.utf8) }

  mutating func add(_ text: some Collection<UInt8>) -> Text {
    let start = bytes.count
    bytes.append(contentsOf: text)
    return Text(start: start, count: bytes.count - start)
  }

  func write(_ text: Text, to output: inout ByteBuffer) {
    bytes.withUnsafeBufferPointer {
      output.append(UnsafeBufferPointer(rebasing: $0[text.start..<text.start + text.count]))
    }
  }
}
