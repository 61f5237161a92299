extension String {
  /// The text as it stands between the quotes of a JSON string, cut to about ``maximumNameSize``.
  var jsonEscaped: String {
    guard utf8.count > maximumNameSize || utf8.contains(where: \.needsEscape) else { return self }
    var escaped = ""
    for scalar in unicodeScalars {
      guard escaped.utf8.count < maximumNameSize else { return escaped + "…" }
      switch scalar {
      case "\"": escaped += "\\\""
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\t": escaped += "\\t"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// The text as a JSON string.
  var jsonString: String { "\"\(jsonEscaped)\"" }
}

extension UInt8 {
  fileprivate var needsEscape: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
  }
}
