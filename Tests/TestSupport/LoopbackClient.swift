internal import Glibc

/// What a server of this machine answers to bytes.
public enum LoopbackClient {
  /// Connects to a port of 127.0.0.1, sends a text, and returns everything that comes until the server
  /// closes; nil when nobody listens there.
  ///
  /// - Parameter most: Bytes after which it hangs up.
  public static func answer(
    to text: String, port: UInt16, most: Int = .max
  ) throws -> [UInt8]? {
    guard let socket = try connection(port: port) else { return nil }
    defer { close(socket) }
    let bytes = Array(text.utf8)
    guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw TestFailure("the server takes nothing")
    }
    var answer: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while answer.count < most {
      let count = recv(socket, &piece, min(piece.count, most - answer.count), 0)
      guard count >= 0 else { throw TestFailure("the answer broke off: errno \(errno)") }
      if count == 0 { break }
      answer += piece[..<count]
    }
    return answer
  }

  /// Connects and says nothing; the caller closes it. nil when nobody listens.
  public static func connection(port: UInt16) throws -> Int32? {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw TestFailure("there are no sockets") }
    var time = timeval(tv_sec: Int(Program.longestRun), tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(socket)
      return nil
    }
    return socket
  }
}

/// An answer of an HTTP server.
public struct HTTPAnswer: Sendable {
  /// The number in its first line.
  public var status: Int
  /// Its headers, by name in lower case.
  public var headers: [String: String] = [:]
  /// What follows them.
  public var body: [UInt8]

  /// Asks a server of this machine; nil when nobody listens.
  public init?(
    _ path: String, _ method: String = "GET", port: UInt16,
    headers: [String: String] = [:]
  ) throws {
    var lines = ["\(method) \(path) HTTP/1.1"]
    lines += headers.merging(["Host": "127.0.0.1:\(port)"]) { own, _ in own }
      .filter { !$0.value.isEmpty }.map { "\($0.key): \($0.value)" }
    let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
    guard let bytes = try LoopbackClient.answer(to: text, port: port) else { return nil }
    try self.init(bytes)
  }

  /// Reads one.
  public init(_ bytes: [UInt8]) throws {
    let end = Array("\r\n\r\n".utf8)
    guard
      let place = bytes.indices.first(where: { bytes[$0...].starts(with: end) }),
      case var lines = String(decoding: bytes[..<place], as: UTF8.self).split(separator: "\r\n")[
        ...],
      let first = lines.popFirst()?.split(separator: " "), first.count > 1,
      let status = Int(first[1])
    else { throw TestFailure("no answer of HTTP: \(bytes.prefix(100))") }
    self.status = status
    body = Array(bytes[(place + end.count)...])
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.last.map { String($0.drop { $0 == " " }) }
    }
  }
}
