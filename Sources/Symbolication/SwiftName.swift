/// A demangled Swift name with argument labels instead of parameters, as in `Cache.find(key:)`, and
/// without generic parameters, result, discriminators of private names and the words for the
/// parts into which the compiler splits functions; unchanged where it has an unknown shape.
///
/// - Parameter text: What `swift_demangle` returned.
func shortSwiftName(_ text: [UInt8]) -> String {
  var reader = TextReader(text)
  var name: [UInt8] = []
  skipParts(&reader)
  while let byte = reader.next {
    let isAfterName = name.last.map { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: ".") } ?? false
    switch byte {
    case UInt8(ascii: "("):
      guard let brackets = reader.takeBrackets() else {
        return String(decoding: text, as: UTF8.self)
      }
      let inside = brackets.dropFirst().dropLast()
      if inside.starts(with: "extension in ".utf8) {
        _ = reader.skip(":")
      } else if let plain = withoutDiscriminator(inside) {
        name += plain
      } else if isAfterName {
        name += labels(inside)
      } else {
        // The parameters of a closure.
        skipSignature(&reader)
        if name.last == UInt8(ascii: " ") { name.removeLast() }
      }
    case UInt8(ascii: "<") where name.last.map(isIdentifier) ?? false:
      guard reader.takeBrackets() != nil else { return String(decoding: text, as: UTF8.self) }
    case UInt8(ascii: " "):
      if reader.isAt(" : ") || reader.isAt(" with unmangled suffix") {
        return String(decoding: name, as: UTF8.self)
      }
      if reader.isAt(" -> ") || reader.isAt(" async") || reader.isAt(" throws") {
        skipSignature(&reader)
      } else {
        name.append(byte)
        _ = reader.take()
      }
    default:
      name.append(byte)
      _ = reader.take()
    }
  }
  return String(decoding: name, as: UTF8.self)
}

/// Skips the words before the name of the function that something is a part of.
private func skipParts(_ reader: inout TextReader) {
  var ahead = reader
  if ahead.skip("(") {
    _ = ahead.take(while: isDigit)
    if ahead.skip(") await resume partial function for ")
      || ahead.skip(") suspend resume partial function for ")
    {
      reader = ahead
    }
  }
  while reader.skip("partial apply forwarder for ") || reader.skip("merged ")
    || reader.skip("dispatch thunk of ") || skipSpecialization(&reader)
  {}
}

/// Skips what a copy of a function is made for.
private func skipSpecialization(_ reader: inout TextReader) -> Bool {
  for kind in ["generic", "generic not re-abstracted", "function signature"] {
    var ahead = reader
    if ahead.skip(kind + " specialization "), ahead.takeBrackets() != nil, ahead.skip(" of ") {
      reader = ahead
      return true
    }
  }
  return false
}

/// Skips effects, result and types up to the scope that follows with ` in `, or to the end.
private func skipSignature(_ reader: inout TextReader) {
  while let byte = reader.next, !reader.isAt(" in ") {
    let isBracket = "([<".utf8.contains(byte)
    if !isBracket || reader.takeBrackets() == nil { _ = reader.take() }
  }
}

/// `name` of `name in _490C…`, which tells private names of different files apart.
private func withoutDiscriminator(_ inside: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
  let words = inside.split(separator: UInt8(ascii: " "))
  guard words.count == 3, words[1].elementsEqual("in".utf8), words[2].first == UInt8(ascii: "_")
  else { return nil }
  return words[0]
}

/// `(by:_:)` of `by: Swift.Int, Swift.String`.
private func labels(_ parameters: ArraySlice<UInt8>) -> [UInt8] {
  var reader = TextReader(Array(parameters))
  var labels = Array("(".utf8)
  while reader.next != nil {
    let label = reader.take(while: isIdentifier)
    labels += reader.isAt(": ") ? label : [UInt8(ascii: "_")]
    labels.append(UInt8(ascii: ":"))
    while let byte = reader.next, byte != UInt8(ascii: ",") {
      let isBracket = "([<".utf8.contains(byte)
      if !isBracket || reader.takeBrackets() == nil { _ = reader.take() }
    }
    _ = reader.skip(", ") || reader.skip(",")
  }
  return labels + ")".utf8
}
