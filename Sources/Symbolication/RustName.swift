// Rust has two mangling schemes: the "legacy" one, which looks like that of C++, and v0 (RFC 2603).
// Crates compiled in one program can use either.

/// A name of Rust's legacy scheme, `_ZN3std2io5stdio6_print17h0123456789abcdefE`, without its hash;
/// nil where the name is of C++.
func demangledLegacyRust(_ mangled: [UInt8]) -> String? {
  var reader = TextReader(mangled)
  guard reader.skip("_ZN") else { return nil }
  var parts: [ArraySlice<UInt8>] = []
  while let byte = reader.next, isDigit(byte) {
    guard let length = decimal(&reader), let part = take(length, from: &reader) else { return nil }
    parts.append(part)
  }
  guard reader.skip("E"), parts.count > 1, let hash = parts.popLast(), hash.count == 17,
    hash.first == UInt8(ascii: "h"),
    hash.dropFirst().allSatisfy({ isDigit($0) || (0x61...0x66).contains($0) })
  else { return nil }
  return parts.map { unescaped(Array($0)) }.joined(separator: "::")
}

/// Decodes the escapes of characters that linkers do not take in symbols.
private func unescaped(_ part: [UInt8]) -> String {
  let escapes: [String: String] = [
    "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
  ]
  var reader = TextReader(part)
  var text = ""
  // Keeps a part that begins with an escape an identifier.
  if reader.isAt("_$") { _ = reader.take() }
  while let byte = reader.next {
    if reader.skip("..") {
      text += "::"
    } else if byte == UInt8(ascii: "$") {
      var ahead = reader
      _ = ahead.take()
      let code = String(decoding: ahead.take { $0 != UInt8(ascii: "$") }, as: UTF8.self)
      let scalar = code.first == "u" ? UInt32(code.dropFirst(), radix: 16) : nil
      let decoded = escapes[code] ?? scalar.flatMap(Unicode.Scalar.init).map(String.init)
      guard let decoded, ahead.skip("$") else { return String(decoding: part, as: UTF8.self) }
      text += decoded
      reader = ahead
    } else {
      _ = reader.take()
      text += String(
        decoding: [byte] + reader.take { $0 != UInt8(ascii: "$") && $0 != UInt8(ascii: ".") },
        as: UTF8.self
      )
    }
  }
  return text
}

/// A name of Rust's v0 scheme, `_RNvNtCs1234_7mycrate3foo3bar`, without the hashes of crates; nil
/// where the name is malformed or uses a part of the scheme that is not known here.
func demangledRust(_ mangled: [UInt8]) -> String? {
  var demangler = RustDemangler(mangled)
  return demangler.symbol()
}

/// A recursive-descent reader of the grammar in RFC 2603.
///
/// Back-references make a short name expand to an exponential length, so depth, steps and output
/// are limited.
private struct RustDemangler {
  private struct Malformed: Error {}

  private var reader: TextReader
  private let text: [UInt8]
  private var output: [UInt8] = []
  private var isMuted = false
  private var depth = 0
  private var steps = 0

  init(_ mangled: [UInt8]) {
    // A back-reference counts from after the prefix.
    text = Array(mangled.dropFirst(2))
    reader = TextReader(text)
  }

  mutating func symbol() -> String? {
    guard (try? path(isType: false)) != nil else { return nil }
    return String(decoding: output, as: UTF8.self)
  }

  private mutating func path(isType: Bool) throws(Malformed) {
    try enter()
    defer { depth -= 1 }
    switch reader.take() {
    case UInt8(ascii: "C"):
      try skipDisambiguator()
      write(try identifier())
    case UInt8(ascii: "M"):
      try skipImplementation()
      write("<")
      try type()
      write(">")
    case UInt8(ascii: "X"):
      try skipImplementation()
      try qualified()
    case UInt8(ascii: "Y"): try qualified()
    case UInt8(ascii: "N"): try nested(isType: isType)
    case UInt8(ascii: "I"):
      try path(isType: isType)
      write(isType ? "<" : "::<")
      try list { (self) throws(Malformed) in try self.genericArgument() }
      write(">")
    case UInt8(ascii: "B"): try follow { (self) throws(Malformed) in try self.path(isType: isType) }
    default: throw Malformed()
    }
  }

  private mutating func nested(isType: Bool) throws(Malformed) {
    guard let space = reader.take() else { throw Malformed() }
    try path(isType: isType)
    let disambiguator = try skipDisambiguator()
    let name = try identifier()
    switch space {
    case UInt8(ascii: "C"): write("::{closure#\(disambiguator)}")
    case UInt8(ascii: "S"): write("::{shim#\(disambiguator)}")
    default:
      if !name.isEmpty { write("::\(name)") }
    }
  }

  private mutating func qualified() throws(Malformed) {
    write("<")
    try type()
    write(" as ")
    try path(isType: true)
    write(">")
  }

  /// Where an `impl` block stands: of no interest beside the type it is for.
  private mutating func skipImplementation() throws(Malformed) {
    let wasMuted = isMuted
    isMuted = true
    try skipDisambiguator()
    try path(isType: false)
    isMuted = wasMuted
  }

  private mutating func type() throws(Malformed) {
    try enter()
    defer { depth -= 1 }
    guard let kind = reader.next else { throw Malformed() }
    if let name = Self.basicTypes[kind] {
      _ = reader.take()
      return write(name)
    }
    if "CMXYNI".utf8.contains(kind) { return try path(isType: true) }
    _ = reader.take()
    switch kind {
    case UInt8(ascii: "A"):
      write("[")
      try type()
      write("; ")
      try constant()
      write("]")
    case UInt8(ascii: "S"):
      write("[")
      try type()
      write("]")
    case UInt8(ascii: "T"):
      write("(")
      let count = try list { (self) throws(Malformed) in try self.type() }
      write(count == 1 ? ",)" : ")")
    case UInt8(ascii: "R"), UInt8(ascii: "Q"):
      if reader.skip("L") { _ = try base62() }
      write(kind == UInt8(ascii: "R") ? "&" : "&mut ")
      try type()
    case UInt8(ascii: "P"), UInt8(ascii: "O"):
      write(kind == UInt8(ascii: "P") ? "*const " : "*mut ")
      try type()
    case UInt8(ascii: "F"): try function()
    case UInt8(ascii: "D"): try traitObject()
    case UInt8(ascii: "B"): try follow { (self) throws(Malformed) in try self.type() }
    default: throw Malformed()
    }
  }

  private mutating func function() throws(Malformed) {
    if reader.skip("G") { _ = try base62() }
    if reader.skip("U") { write("unsafe ") }
    if reader.skip("K") {
      let abi = reader.skip("C") ? "C" : try identifier()
      write("extern \"\(abi.replacing("_", with: "-"))\" ")
    }
    write("fn(")
    try list { (self) throws(Malformed) in try self.type() }
    write(")")
    if !reader.skip("u") {
      write(" -> ")
      try type()
    }
  }

  private mutating func traitObject() throws(Malformed) {
    if reader.skip("G") { _ = try base62() }
    write("dyn ")
    try list(separator: " + ") { (self) throws(Malformed) in
      try self.path(isType: true)
      while self.reader.skip("p") {
        self.write("<\(try self.identifier()) = ")
        try self.type()
        self.write(">")
      }
    }
    guard reader.skip("L") else { throw Malformed() }
    _ = try base62()
  }

  private mutating func genericArgument() throws(Malformed) {
    if reader.skip("L") {
      _ = try base62()
      write("'_")
    } else if reader.skip("K") {
      try constant()
    } else {
      try type()
    }
  }

  private mutating func constant() throws(Malformed) {
    try enter()
    defer { depth -= 1 }
    if reader.skip("p") { return write("_") }
    if reader.skip("B") { return try follow { (self) throws(Malformed) in try self.constant() } }
    guard let kind = reader.take(), "abcjhijlmnostxy".utf8.contains(kind) else { throw Malformed() }
    let sign = reader.skip("n") ? "-" : ""
    let digits = String(decoding: reader.take { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    guard reader.skip("_"), digits.allSatisfy(\.isHexDigit) else { throw Malformed() }
    guard let value = digits.isEmpty ? 0 : UInt64(digits, radix: 16) else {
      return write("\(sign)0x\(digits)")
    }
    switch kind {
    case UInt8(ascii: "b"): write(value == 0 ? "false" : "true")
    case UInt8(ascii: "c"):
      guard let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init) else {
        throw Malformed()
      }
      write("'\(scalar)'")
    default: write("\(sign)\(value)")
    }
  }

  /// Reads what stands earlier in the name once more.
  private mutating func follow(
    _ body: (inout Self) throws(Malformed) -> Void
  ) throws(Malformed) {
    let start = reader.position - 1
    let target = try base62()
    guard target < UInt64(start) else { throw Malformed() }
    guard !isMuted else { return }
    let rest = reader
    reader = TextReader(text)
    _ = take(Int(target), from: &reader)
    try body(&self)
    reader = rest
  }

  @discardableResult
  private mutating func list(
    separator: String = ", ",
    _ body: (inout Self) throws(Malformed) -> Void
  ) throws(Malformed) -> Int {
    var count = 0
    while !reader.skip("E") {
      if count > 0 { write(separator) }
      try body(&self)
      count += 1
    }
    return count
  }

  private mutating func enter() throws(Malformed) {
    depth += 1
    steps += 1
    guard depth < 100, steps < 10_000, output.count < 1 << 14 else { throw Malformed() }
  }

  private mutating func write(_ text: String) {
    if !isMuted { output += text.utf8 }
  }

  @discardableResult
  private mutating func skipDisambiguator() throws(Malformed) -> UInt64 {
    guard reader.skip("s") else { return 0 }
    return try base62() &+ 1
  }

  /// Identifiers beyond ASCII stay in their encoding, a form of Punycode.
  private mutating func identifier() throws(Malformed) -> String {
    _ = reader.skip("u")
    guard let length = decimal(&reader) else { throw Malformed() }
    _ = reader.skip("_")
    guard let name = take(length, from: &reader) else { throw Malformed() }
    return String(decoding: name, as: UTF8.self)
  }

  /// `_` is 0; digits and `_` are their value and one.
  private mutating func base62() throws(Malformed) -> UInt64 {
    if reader.skip("_") { return 0 }
    var value: UInt64 = 0
    while let byte = reader.take() {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "_"): return value &+ 1
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A") + 36
      default: throw Malformed()
      }
      value = value &* 62 &+ UInt64(digit)
    }
    throw Malformed()
  }

  private static let basicTypes: [UInt8: String] = [
    UInt8(ascii: "a"): "i8", UInt8(ascii: "b"): "bool", UInt8(ascii: "c"): "char",
    UInt8(ascii: "d"): "f64", UInt8(ascii: "e"): "str", UInt8(ascii: "f"): "f32",
    UInt8(ascii: "h"): "u8", UInt8(ascii: "i"): "isize", UInt8(ascii: "j"): "usize",
    UInt8(ascii: "l"): "i32", UInt8(ascii: "m"): "u32", UInt8(ascii: "n"): "i128",
    UInt8(ascii: "o"): "u128", UInt8(ascii: "p"): "_", UInt8(ascii: "s"): "i16",
    UInt8(ascii: "t"): "u16", UInt8(ascii: "u"): "()", UInt8(ascii: "v"): "...",
    UInt8(ascii: "x"): "i64", UInt8(ascii: "y"): "u64", UInt8(ascii: "z"): "!",
  ]
}

private func decimal(_ reader: inout TextReader) -> Int? {
  // A number that begins with 0 is 0: the next digit is part of what follows.
  if reader.skip("0") { return 0 }
  return Int(String(decoding: reader.take(while: isDigit), as: UTF8.self))
}

private func take(_ count: Int, from reader: inout TextReader) -> ArraySlice<UInt8>? {
  guard count >= 0 else { return nil }
  var left = count
  let taken = reader.take { _ in
    left -= 1
    return left >= 0
  }
  return taken.count == count ? taken : nil
}
