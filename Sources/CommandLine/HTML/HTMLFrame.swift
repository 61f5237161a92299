/// A page's frame: markup with names in double braces where something goes.
enum HTMLFrame {
  /// The frame with its parts in their places.
  static func filled(_ frame: [UInt8], with parts: [String: [UInt8]]) -> [UInt8] {
    // The frame is searched for what goes into it, and what goes into it is not.
    var page: [UInt8] = []
    for (place, piece) in String(decoding: frame, as: UTF8.self)
      .split(separator: "{{", omittingEmptySubsequences: false).enumerated()
    {
      guard place > 0, let end = piece.firstRange(of: "}}") else {
        page += piece.utf8
        continue
      }
      page += parts[String(piece[..<end.lowerBound])] ?? []
      page += piece[end.upperBound...].utf8
    }
    return page
  }

  /// A text that is only a text, between tags and in the quotes of attributes.
  static func escaped(_ text: String) -> String {
    text.escaped { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case "'": "&#39;"
      default: nil
      }
    }
  }
}
