/// A demangled C++ name without return type, parameters and the marks of clones; unchanged where
/// it has a shape that this does not know.
///
/// - Parameters:
///   - text: What `__cxa_demangle` returned.
///   - isSpecial: Whether it begins with words, as in `vtable for`, instead of a return type.
func shortCxxName(_ text: [UInt8], isSpecial: Bool) -> String {
  var reader = TextReader(text)
  var name: [UInt8] = []
  /// Where the name proper begins in `name`: after the return type.
  var start = 0
  loop: while let byte = reader.next {
    switch byte {
    case UInt8(ascii: "("):
      if reader.isAt("(anonymous namespace)") || name.suffix(9).elementsEqual("decltype ".utf8) {
        guard let brackets = reader.takeBrackets() else { return unchanged(text) }
        name += brackets
        continue
      }
      // After a space it belongs to a function type, as in `void (*signal(int))(int)`.
      guard let last = name.last, last != UInt8(ascii: " "), reader.takeBrackets() != nil else {
        return unchanged(text)
      }
      skipQualifiers(&reader)
      if reader.next == nil || reader.isAt(" [clone") { break loop }
      // A scope, as in `f(int)::counter`.
      guard reader.isAt("::") else { return unchanged(text) }
      name += "()".utf8
    case UInt8(ascii: "<"), UInt8(ascii: "["), UInt8(ascii: "{"):
      guard let brackets = reader.takeBrackets() else { return unchanged(text) }
      if !brackets.elementsEqual("[abi:cxx11]".utf8) { name += brackets }
    case UInt8(ascii: " "):
      if reader.isAt(" [clone") { break loop }
      name.append(byte)
      _ = reader.take()
      if !isSpecial { start = name.count }
    case UInt8(ascii: "o") where name.last.map({ !isIdentifier($0) }) ?? true:
      if reader.isAt("operator") {
        guard takeOperator(&reader, into: &name) else { return unchanged(text) }
      } else {
        name += reader.take(while: isIdentifier)
      }
    default:
      name.append(byte)
      _ = reader.take()
    }
  }
  return withShortStrings(String(decoding: name[start...], as: UTF8.self))
}

/// Takes `operator` and what follows it up to its parameters, whose brackets and spaces are not to
/// be read as anything else.
private func takeOperator(_ reader: inout TextReader, into name: inout [UInt8]) -> Bool {
  name += reader.take(while: isIdentifier)
  guard name.suffix(8).elementsEqual("operator".utf8) else { return true }
  if reader.skip("()") {
    name += "()".utf8
    return true
  }
  if reader.next != UInt8(ascii: " ") {
    name += reader.take { "+-*/%^&|~!=<>,[]\"".utf8.contains($0) }
    // A literal operator has its name after a space, one like `operator< <int>` its arguments.
    if reader.isAt(" <"), let space = reader.take() { name.append(space) }
    guard name.last == UInt8(ascii: "\"") else { return true }
  }
  // The type of a conversion, `new` or `delete`.
  while let byte = reader.next, byte != UInt8(ascii: "(") {
    if byte == UInt8(ascii: "<") || byte == UInt8(ascii: "[") {
      guard let brackets = reader.takeBrackets() else { return false }
      name += brackets
    } else {
      name.append(byte)
      _ = reader.take()
    }
  }
  return true
}

private func skipQualifiers(_ reader: inout TextReader) {
  while reader.skip(" const") || reader.skip(" volatile") || reader.skip(" &") || reader.skip("&")
    || reader.skip(" noexcept")
  {}
}

private func unchanged(_ text: [UInt8]) -> String {
  withShortStrings(String(decoding: text, as: UTF8.self))
}

private func withShortStrings(_ text: String) -> String {
  let arguments = "basic_string<char, std::char_traits<char>, std::allocator<char> >"
  guard text.utf8.count > arguments.utf8.count else { return text }
  return text.replacing("std::__cxx11::" + arguments, with: "std::string")
    .replacing("std::" + arguments, with: "std::string")
}
