internal import Glibc
internal import LinuxSystem
internal import Synchronization
internal import SystemPackage

/// Gives a trace to a viewer in a browser, over HTTP on 127.0.0.1.
///
/// Each connection has a thread and carries one request: browsers open some that they may never use,
/// and these keep nobody waiting.
final class TraceServer: Sendable {
  /// Connections that are served at once; a viewer needs six.
  private static let mostConnections = 64
  /// Milliseconds after which a viewer that we serve has got what it needs.
  private static let viewerPause: Int32 = 3000
  private static let pieceSize = 256 << 10

  private let site: TraceSite
  private let endsOnDelivery: Bool
  private let hasViewer: Bool
  private let connections = Atomic(0)
  /// Readable when the trace was delivered.
  private let delivered: (readEnd: FileDescriptor, writeEnd: FileDescriptor)

  /// - Parameters:
  ///   - endsOnDelivery: Whether one delivery is enough.
  ///   - hasViewer: Whether the viewer's own files come from here, which it may need later than the
  ///     trace.
  init(_ site: TraceSite, endsOnDelivery: Bool, hasViewer: Bool) throws {
    self.site = site
    self.endsOnDelivery = endsOnDelivery
    self.hasViewer = hasViewer
    delivered = try FileDescriptor.pipe()
  }

  deinit {
    try? delivered.readEnd.close()
    try? delivered.writeEnd.close()
  }

  /// Serves until the trace was delivered, or for ever, until a signal arrives.
  ///
  /// - Parameter signals: The descriptor on which signals arrive that end us.
  func run(on listener: borrowing LoopbackListener, signals: FileDescriptor) {
    var isDelivered = false
    while true {
      var watched = [listener.descriptor, signals]
      if endsOnDelivery, !isDelivered { watched.append(delivered.readEnd) }
      let ready = poll(watched, milliseconds: isDelivered ? TraceServer.viewerPause : -1)
      if ready[1] {
        // The browser that we started may end before we do.
        if readSignals(signals).contains(where: { $0.number != SIGCHLD }) { return }
      }
      if ready.count == 3, ready[2] {
        guard hasViewer else { return }
        isDelivered = true
        continue
      }
      if ready[0] { accept(listener) }
      if isDelivered, !ready.contains(true), connections.load(ordering: .relaxed) == 0 { return }
    }
  }

  private func accept(_ listener: borrowing LoopbackListener) {
    guard let connection = listener.accept() else { return }
    guard connections.load(ordering: .relaxed) < TraceServer.mostConnections else { return }
    connections.add(1, ordering: .relaxed)
    do {
      let thread = try BackgroundThread { [self] in
        if serve(connection), endsOnDelivery { _ = try? delivered.writeEnd.writeAll([1]) }
        connections.subtract(1, ordering: .relaxed)
      }
      thread.detach()
    } catch { connections.subtract(1, ordering: .relaxed) }
  }

  /// Answers one request; returns whether the trace was delivered.
  private func serve(_ connection: LoopbackConnection) -> Bool {
    guard let head = try? readHead(connection) else { return false }
    let request = HTTPRequest(head: head)
    let answer = site.answer(request)
    defer { if case .part(let file) = answer.content { file.close() } }
    do {
      try connection.write(answer.head.bytes)
      if let file = answer.file, request?.method != "HEAD" { try send(file, over: connection) }
      return connection.finish() && answer.isTrace
    } catch { return false }
  }

  private func send(_ file: FileSource, over connection: LoopbackConnection) throws {
    var sent: UInt64 = 0
    while sent < file.byteCount {
      let rest = file.byteCount - sent
      let piece = try file.read(at: sent, count: Int(min(UInt64(TraceServer.pieceSize), rest)))
      // Somebody has made the file shorter: what was announced will not come.
      guard !piece.isEmpty else { throw Errno.ioError }
      try connection.write(piece)
      sent += UInt64(piece.count)
    }
  }

  /// Everything up to the empty line.
  private func readHead(_ connection: LoopbackConnection) throws -> [UInt8]? {
    var head: [UInt8] = []
    let end = Array("\r\n\r\n".utf8)
    while head.count <= HTTPRequest.largestHead {
      let more = try connection.read(atMost: 4096)
      guard !more.isEmpty else { return nil }
      let known = max(0, head.count - end.count + 1)
      head += more
      if let place = (known...max(known, head.count - end.count)).first(where: {
        head[$0...].starts(with: end)
      }) {
        return Array(head[..<place])
      }
    }
    return []
  }
}
