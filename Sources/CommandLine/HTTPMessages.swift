/// The first lines of a request, as far as a server of files needs them (RFC 9112).
struct HTTPRequest {
  /// GET, HEAD and so on.
  var method: String
  /// The path, as it was sent, without what follows a question mark.
  var path: String
  /// Values by name in lower case; of those that were sent twice, the last.
  private(set) var headers: [String: String] = [:]

  /// Bytes that no honest request goes beyond.
  static let largestHead = 16 << 10

  /// Reads everything up to the empty line; nil for what is no request.
  init?(head: some Collection<UInt8>) {
    // A carriage return and a line feed are one character.
    var lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")[...]
    let words = (lines.popFirst() ?? "").split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[1].hasPrefix("/"), words[2].hasPrefix("HTTP/1.") else {
      return nil
    }
    method = String(words[0])
    path = String(words[1].prefix { $0 != "?" })
    for line in lines {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers[line[..<colon].lowercased()] = String(value)
    }
  }

  /// The machine that the request is for, without its port.
  var host: String? {
    headers["host"]?.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init)
  }
}

/// The first lines of an answer. Every answer is the last one on its connection.
struct HTTPResponseHead {
  enum Status: String {
    case ok = "200 OK"
    case noContent = "204 No Content"
    case badRequest = "400 Bad Request"
    case forbidden = "403 Forbidden"
    case notFound = "404 Not Found"
    case notAllowed = "405 Method Not Allowed"
  }

  var status: Status
  var headers: [(name: String, value: String)] = []
  /// Bytes that follow.
  var length: UInt64 = 0

  var bytes: [UInt8] {
    var lines = ["HTTP/1.1 \(status.rawValue)"]
    // There is no length to nothing at all.
    if status != .noContent { lines.append("Content-Length: \(length)") }
    lines += [
      "Connection: close", "Cache-Control: no-store", "X-Content-Type-Options: nosniff",
    ]
    lines += headers.map { "\($0.name): \($0.value)" }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}
