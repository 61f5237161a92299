internal import Glibc
internal import SystemPackage

/// What ``TraceServer`` has to give, and to whom: one trace and, where there is one, a viewer's files.
///
/// Everything lies below a folder whose name is a secret that was made up for this one time: another
/// user of the machine can connect, but has to guess it. Requests that were sent to another host's
/// name are refused, because a page of that host could read the answers (DNS rebinding), and so are
/// those of pages from anywhere but the viewer.
struct TraceSite: Sendable {
  /// The public viewer: its origin, and the only port of this machine that its content security
  /// policy lets it read from.
  static let publicViewer = "https://ui.perfetto.dev"
  static let publicViewerPort: UInt16 = 9001

  /// What is sent in answer to a request.
  struct Answer {
    enum Content {
      case none
      /// The trace, which stays open.
      case trace(FileSource)
      /// A file of the viewer's, to be closed.
      case part(FileSource)
    }

    var head: HTTPResponseHead
    var content: Content
    /// Whether it gives the trace away.
    var isTrace = false

    var file: FileSource? {
      switch content {
      case .none: nil
      case .trace(let file), .part(let file): file
      }
    }

    init(
      _ status: HTTPResponseHead.Status, _ headers: [(name: String, value: String)] = [],
      _ content: Content = .none
    ) {
      self.content = content
      head = HTTPResponseHead(status: status, headers: headers)
      head.length = file?.byteCount ?? 0
    }
  }

  private let trace: FileSource
  private let tracePath: String
  private let viewer: (path: String, folder: ViewerFolder)?

  /// - Parameters:
  ///   - name: The file's name, which viewers show.
  ///   - viewer: The viewer that is to open it; nil for the public one.
  init(trace: FileSource, name: String, viewer folder: ViewerFolder?) {
    var generator = SystemRandomNumberGenerator()
    let secret = (0..<2).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
    self.trace = trace
    // As it is, in a link and in the link that it is a part of.
    let plain = name.utf8.map { byte in
      let character = Character(UnicodeScalar(byte))
      let isPlain = character.isASCII && (character.isLetter || character.isNumber)
      return isPlain || "._-".contains(character) ? character : "_"
    }
    tracePath = "/\(secret)/\(String(plain))"
    viewer = folder.map { ("/\(secret)/ui/", $0) }
  }

  /// The link that opens the trace, where this machine's `port` leads to the server.
  func link(port: UInt16) -> String {
    let here = "http://127.0.0.1:\(port)"
    let page = viewer.map { here + $0.path } ?? "\(TraceSite.publicViewer)/"
    return "\(page)#!/?url=\(here)\(tracePath)"
  }

  /// The answer to a request; nil stands for one that could not be read.
  func answer(_ request: HTTPRequest?) -> Answer {
    guard let request else { return Answer(.badRequest) }
    guard request.host == "127.0.0.1" || request.host == "localhost" else {
      return Answer(.forbidden)
    }
    guard request.path == tracePath else { return viewerAnswer(request) }
    var headers: [(name: String, value: String)] = []
    if let origin = request.headers["origin"] {
      if viewer == nil {
        guard origin == TraceSite.publicViewer else { return Answer(.forbidden) }
        headers = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
      } else {
        guard origin == "http://\(request.headers["host"] ?? "")" else {
          return Answer(.forbidden)
        }
      }
    }
    switch request.method {
    case "GET", "HEAD":
      headers.append(("Content-Type", "application/octet-stream"))
      var answer = Answer(.ok, headers, .trace(trace))
      answer.isTrace = request.method == "GET"
      return answer
    case "OPTIONS" where !headers.isEmpty:
      // Browsers ask first whether a page of the network may read from this machine.
      headers += [
        ("Access-Control-Allow-Methods", "GET, HEAD"),
        ("Access-Control-Allow-Private-Network", "true"),
      ]
      return Answer(.noContent, headers)
    default: return Answer(.notAllowed, [("Allow", "GET, HEAD")])
    }
  }

  private func viewerAnswer(_ request: HTTPRequest) -> Answer {
    guard let viewer, request.path.hasPrefix(viewer.path) else { return Answer(.notFound) }
    guard request.method == "GET" || request.method == "HEAD" else {
      return Answer(.notAllowed, [("Allow", "GET, HEAD")])
    }
    let name = request.path.dropFirst(viewer.path.count)
    guard let file = viewer.folder.file(name.isEmpty ? "index.html" : String(name)) else {
      return Answer(.notFound)
    }
    return Answer(.ok, [("Content-Type", ViewerFolder.contentType(of: name))], .part(file))
  }
}

/// A folder with a viewer's files.
struct ViewerFolder: Sendable {
  private let path: String

  /// Throws where there is no viewer in it.
  init(path: String) throws {
    guard let path = realPath(path) else {
      throw Failure(message: "\(path) cannot be read: \(Errno(rawValue: errno))")
    }
    self.path = path == "/" ? "" : path
    guard let index = file("index.html") else {
      throw Failure(
        message: "\(path) has no index.html; name the folder of a build of Perfetto's UI")
    }
    index.close()
  }

  /// Opens a file of the folder: a regular one that is not hidden and that does not lie elsewhere, as
  /// the end of a symbolic link may. The name is as it is in a link.
  func file(_ name: String) -> FileSource? {
    guard !name.contains("%"), !name.contains("\0") else { return nil }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { $0.isEmpty || $0.hasPrefix(".") }),
      let found = realPath("\(path)/\(name)"), found.hasPrefix(path + "/")
    else { return nil }
    return try? FileSource(path: found)
  }

  /// What a browser is to take a file for.
  static func contentType(of name: some StringProtocol) -> String {
    switch name.split(separator: ".").last {
    case nil, "html": "text/html; charset=utf-8"
    case "js", "mjs": "text/javascript; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "json", "map": "application/json"
    case "wasm": "application/wasm"
    case "svg": "image/svg+xml"
    case "png": "image/png"
    case "woff2": "font/woff2"
    default: "application/octet-stream"
    }
  }
}

private func realPath(_ path: String) -> String? {
  guard let found = realpath(path, nil) else { return nil }
  defer { free(found) }
  return String(cString: found)
}
