/// A position in the text of a demangled name, for the readers that shorten names.
struct TextReader {
  private let text: [UInt8]
  /// The index of the next byte.
  private(set) var position = 0

  init(_ text: [UInt8]) { self.text = text }

  /// The next byte; nil at the end.
  var next: UInt8? { position < text.count ? text[position] : nil }

  /// Whether the next bytes are these.
  func isAt(_ word: String) -> Bool { text[position...].starts(with: word.utf8) }

  /// Skips these bytes if they are next.
  mutating func skip(_ word: String) -> Bool {
    guard isAt(word) else { return false }
    position += word.utf8.count
    return true
  }

  /// The next byte, skipped.
  mutating func take() -> UInt8? {
    guard position < text.count else { return nil }
    defer { position += 1 }
    return text[position]
  }

  /// The next bytes as far as they satisfy a condition, skipped.
  mutating func take(while condition: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    let rest = text[position...].prefix(while: condition)
    position = rest.endIndex
    return rest
  }

  /// From the next byte, an opening bracket, through the one that closes it, skipped; nil, without
  /// skipping, where none does.
  ///
  /// A `<` inside of other brackets may be an operator, and a `>` may end an arrow.
  mutating func takeBrackets() -> ArraySlice<UInt8>? {
    var expected: [UInt8] = []
    for index in text.indices[position...] {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "("): expected.append(UInt8(ascii: ")"))
      case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "<"): expected.append(byte + 2)
      case UInt8(ascii: ">"):
        guard expected.last == byte, index > 0, text[index - 1] != UInt8(ascii: "-") else {
          continue
        }
        expected.removeLast()
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        while expected.last == UInt8(ascii: ">") { expected.removeLast() }
        guard expected.popLast() == byte else { return nil }
      default: break
      }
      if expected.isEmpty {
        defer { position = index + 1 }
        return text[position...index]
      }
    }
    return nil
  }
}
