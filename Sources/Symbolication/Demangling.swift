import CElf
import Glibc

/// The name that a report shows for a symbol.
///
/// Reports are 80 columns wide and give file and line beside a function, so a name says *which*
/// function, not all of its type: return types and the types of parameters go, as in perf; scopes,
/// template arguments and Swift's argument labels stay. `std::string` stands for its long form.
/// Clones that a compiler made (`.cold`, `.constprop.0`) have the name of the function in the
/// source, and so do the parts of an async function of Swift.
///
/// - Parameter mangled: The bytes of the symbol's name in the file.
func readableName<Bytes: Collection<UInt8>>(_ mangled: Bytes) -> String {
  let name = withoutVersion(Array(mangled))
  return printable(demangled(name) ?? String(decoding: withoutCloneSuffix(name), as: UTF8.self))
}

/// The name by the scheme that its prefix belongs to; nil where it is not mangled.
private func demangled(_ name: [UInt8]) -> String? {
  if name.starts(with: "_R".utf8) { return demangledRust(name) }
  if name.starts(with: "_ZN".utf8), let rust = demangledLegacyRust(name) { return rust }
  if name.starts(with: "_Z".utf8) {
    let isSpecial = name.starts(with: "_ZT".utf8) || name.starts(with: "_ZG".utf8)
    return unsafe demangledByRuntime(name) { text, _ in unsafe __cxa_demangle(text, nil, nil, nil) }
      .map { shortCxxName($0, isSpecial: isSpecial) }
  }
  if ["$s", "$S", "_$s", "_$S", "_T0"].contains(where: { name.starts(with: $0.utf8) }) {
    return unsafe demangledByRuntime(name) { text, count in
      unsafe swift_demangle(text, count, nil, nil, 0)
    }
    .map { shortSwiftName($0) }
  }
  return nil
}

/// The result of a demangler that returns memory to free.
private func demangledByRuntime(
  _ name: [UInt8],
  _ demangle: (UnsafePointer<CChar>, Int) -> UnsafeMutablePointer<CChar>?
) -> [UInt8]? {
  let text = name.map { CChar(bitPattern: $0) } + [0]
  return unsafe text.withUnsafeBufferPointer { text in
    guard let start = text.baseAddress, let result = unsafe demangle(start, name.count) else {
      return nil
    }
    defer { unsafe free(result) }
    return unsafe Array(UnsafeRawBufferPointer(start: result, count: strlen(result)))
  }
}

/// `name@VERSION` and `name@@VERSION` are the same function.
private func withoutVersion(_ name: [UInt8]) -> [UInt8] {
  guard let at = name.firstIndex(of: UInt8(ascii: "@")), at > 0 else { return name }
  return Array(name[..<at])
}

/// Drops what compilers append to the names of C functions and of static variables in functions.
private func withoutCloneSuffix(_ name: [UInt8]) -> ArraySlice<UInt8> {
  let known = ["cold", "constprop", "isra", "part", "lto_priv", "llvm", "localalias", "resume"]
  var end = name.count
  while let dot = name[..<end].lastIndex(of: UInt8(ascii: ".")), dot > 0 {
    let suffix = name[(dot + 1)..<end]
    let isNumber = !suffix.isEmpty && suffix.allSatisfy(isDigit)
    guard isNumber || known.contains(where: { suffix.elementsEqual($0.utf8) }) else { break }
    end = dot
  }
  return name[..<end]
}

/// Replaces control characters, so that a name cannot drive a terminal.
func printable(_ text: String) -> String {
  guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == 0xc2 }) else { return text }
  return String(
    String.UnicodeScalarView(
      text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }
    )
  )
}

func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

/// Whether a byte can be part of an identifier; all bytes of characters beyond ASCII can.
func isIdentifier(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
  case UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...: true
  default: isDigit(byte)
  }
}
