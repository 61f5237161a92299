import Foundation
import TestSupport
import Testing

/// `ctrace view` while it serves.
private final class Viewing {
  let program: Program
  let folder: TemporaryFolder
  /// The first line that it printed.
  let link: String
  let port: UInt16
  /// The path of the trace.
  let path: String

  /// Starts it in a folder with `x.ctrace`, and waits for the link.
  init(
    _ arguments: String..., in folder: TemporaryFolder? = nil, environment: [String: String] = [:]
  ) throws {
    self.folder = try folder ?? TemporaryFolder()
    if !self.folder.names.contains("x.ctrace") {
      try self.folder.write(Viewing.recording(), to: "x.ctrace")
    }
    // Nothing of this machine's desktop, nor of how we came here.
    var variables = ["DISPLAY": "", "WAYLAND_DISPLAY": "", "SSH_CONNECTION": "", "TMPDIR": ""]
    variables.merge(environment) { $1 }
    let program = try Program(
      [CTrace.path, "view"] + arguments, environment: variables, directory: self.folder.path)
    try program.wait(for: "a link") { program.outputSoFar.hasSuffix("\n") }
    self.program = program
    link = String(program.outputSoFar.dropLast())
    let url = link.components(separatedBy: "url=").last ?? ""
    let parts = url.split(separator: "/", maxSplits: 2)
    guard parts.count == 3, parts[0] == "http:" else { throw TestFailure("no link: \(link)") }
    path = "/\(parts[2])"
    // Where the link names the public viewer's port, we may listen at another.
    let chosen = arguments.firstIndex(of: "--port").map { arguments[$0 + 1] }
    port = UInt16(chosen ?? "") ?? UInt16(parts[1].split(separator: ":").last ?? "") ?? 0
  }

  func get(
    _ path: String? = nil, _ method: String = "GET", headers: [String: String] = [:]
  ) throws -> HTTPAnswer {
    try #require(try HTTPAnswer(path ?? self.path, method, port: port, headers: headers))
  }

  /// A small recording.
  static func recording(waits: Int64 = 50) throws -> [UInt8] {
    var trace = TraceBuilder()
    let (one, other) = (trace.thread("one"), trace.thread("other"))
    let lock = trace.lock("mu")
    for step in 0..<waits {
      trace.wait(one, lock, from: step * 100, to: step * 100 + 50, owner: other)
      trace.release(other, lock, from: step * 100 - 10, to: step * 100 + 50)
    }
    return try trace.file()
  }
}

/// A port that is free now.
private func freePort() throws -> String {
  let result = try Program.run(
    "python3", "-c",
    "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
  return String(result.output.dropLast())
}

/// Whether all threads of a process wait for something.
private func isAsleep(_ pid: Int32) throws -> Bool {
  let states = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").map {
    try String(contentsOfFile: "/proc/\(pid)/task/\($0)/stat", encoding: .utf8)
      .components(separatedBy: ") ").last?.first
  }
  return states.allSatisfy { $0 == "S" }
}

private let viewer = "https://ui.perfetto.dev"

/// A viewer's files, and some that it must not give away.
private func viewerFolder(in folder: TemporaryFolder) throws -> String {
  let path = folder.path + "/ui"
  for name in ["ui/v1", "ui/empty", "ui/.git"] {
    try FileManager.default.createDirectory(
      atPath: folder.path + "/" + name, withIntermediateDirectories: true)
  }
  try folder.write("<html>viewer</html>".utf8, to: "ui/index.html")
  try folder.write("engine".utf8, to: "ui/v1/engine.wasm")
  try folder.write("hidden".utf8, to: "ui/.git/config")
  try folder.write("secret".utf8, to: "secret")
  #expect(symlink("../secret", path + "/link") == 0)
  #expect(symlink("v1/engine.wasm", path + "/inside") == 0)
  return path
}

/// The trace in a browser, seen from outside: what is served, to whom, and until when.
@Suite(.timeLimit(.minutes(10))) struct ViewTests {
  @Test func `The public viewer gets the trace, and then it is over`() throws {
    let port = try freePort()
    let view = try Viewing("--no-browser", "--port", port, "x.ctrace")
    #expect(view.link.hasPrefix("\(viewer)/#!/?url=http://127.0.0.1:9001/"))
    let parts = view.path.split(separator: "/")
    #expect(parts.count == 2)
    #expect(parts[0].count == 32)
    #expect(parts[1] == "x.pftrace.gz")

    let answer = try view.get(headers: ["Origin": viewer])
    #expect(answer.status == 200)
    #expect(answer.headers["access-control-allow-origin"] == viewer)
    #expect(answer.headers["content-length"] == "\(answer.body.count)")
    #expect(answer.headers["content-encoding"] == nil)
    let run = try view.program.result()
    #expect(run.status == 0)
    #expect(run.output == view.link + "\n")
    // From elsewhere the viewer's port has to lead to ours.
    #expect(run.errors.contains("ssh -L 9001:127.0.0.1:\(port) "))
    #expect(try HTTPAnswer(view.path, port: view.port) == nil)

    // It is what `export` writes.
    try view.folder.write(answer.body, to: "served.gz")
    let exported = try CTrace.run(
      "export", "--format", "perfetto", "x.ctrace", directory: view.folder.path)
    let served = try Program.run("gzip", "-dc", "served.gz", directory: view.folder.path)
    #expect(served.status == 0)
    #expect(served.output == exported.output)
    #expect(view.folder.names == ["served.gz", "x.ctrace"])
  }

  @Test func `Whoever does not know the whole link gets nothing`() throws {
    let view = try Viewing("--no-browser", "--port", try freePort(), "x.ctrace")
    let parts = view.path.split(separator: "/")
    let other = String(parts[0].reversed())
    for path in [
      "/", "/x.pftrace.gz", "/\(parts[0])", "/\(parts[0])/", "/\(other)/x.json.gz",
      "/\(parts[0])/x.ctrace", "/\(parts[0])/../\(parts[0])/x.pftrace.gz", "\(view.path)/",
      "/\(parts[0])//x.pftrace.gz", "/\(parts[0])/ui/", "/\(parts[0])/%2e%2e/etc/passwd",
    ] {
      let answer = try view.get(path, headers: ["Origin": viewer])
      #expect(answer.status == 404, "\(path)")
      #expect(answer.body.isEmpty, "\(path)")
      #expect(answer.headers["access-control-allow-origin"] == nil, "\(path)")
    }
    // Pages from elsewhere, and pages that make a name of theirs lead here.
    for origin in ["https://example.com", "null", "http://ui.perfetto.dev", viewer + ".evil.com"] {
      let answer = try view.get(headers: ["Origin": origin])
      #expect(answer.status == 403, "\(origin)")
      #expect(answer.body.isEmpty && answer.headers["access-control-allow-origin"] == nil)
    }
    for host in ["evil.com", "evil.com:9001", "127.0.0.1.evil.com"] {
      #expect(try view.get(headers: ["Host": host]).status == 403, "\(host)")
    }
    for method in ["POST", "PUT", "DELETE", "TRACE", "get"] {
      #expect(try view.get(nil, method, headers: ["Origin": viewer]).status == 405, "\(method)")
    }
    // None of that was a delivery.
    #expect(try view.get().status == 200)
    #expect(try view.program.result().status == 0)
  }

  @Test func `Only the whole trace counts as delivered`() throws {
    let folder = try TemporaryFolder()
    // More than the buffers between two sockets hold.
    let size = 32 << 20
    try folder.write([UInt8](repeating: 0x20, count: size), to: "big.json")
    let view = try Viewing("--no-browser", "--port", try freePort(), "big.json", in: folder)
    let head = try view.get(nil, "HEAD", headers: ["Origin": viewer])
    #expect(head.status == 200)
    #expect(head.headers["content-length"] == "\(size)")
    #expect(head.body.isEmpty)
    // Browsers ask first whether they may.
    let asked = try view.get(
      nil, "OPTIONS", headers: ["Origin": viewer, "Access-Control-Request-Method": "GET"])
    #expect(asked.status == 204)
    #expect(asked.headers["access-control-allow-origin"] == viewer)
    #expect(asked.headers["access-control-allow-private-network"] == "true")

    // One who hangs up in the middle, and one who says nothing and keeps nobody waiting.
    let request = "GET \(view.path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
    let part = try LoopbackClient.answer(to: request, port: view.port, most: 100_000)
    #expect(part?.count == 100_000)
    let silent = try #require(try LoopbackClient.connection(port: view.port))
    defer { close(silent) }
    let whole = try view.get()
    #expect(whole.body.count == size)
    #expect(try view.program.result().status == 0)
  }

  @Test func `Ctrl-C ends it, and --keep serves until then`() throws {
    let first = try Viewing("--no-browser", "--port", try freePort(), "x.ctrace")
    first.program.send(SIGINT)
    #expect(try first.program.result().status == 0)

    let view = try Viewing("--no-browser", "--keep", "--port", try freePort(), "x.ctrace")
    let answers = try (0..<3).map { _ in try view.get().body }
    #expect(Set(answers).count == 1)
    // Between requests it sleeps.
    var sleeping = 0
    try view.program.wait(for: "sleep") {
      sleeping = try isAsleep(view.program.pid) ? sleeping + 1 : 0
      return sleeping == 10
    }
    view.program.send(SIGTERM)
    #expect(try view.program.result().status == 0)
    // No two links are the same.
    #expect(first.path != view.path)
  }

  @Test func `Files that were exported before are served as they are`() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for name in ["a.json", "b.json.gz", "c.pftrace", "d.perfetto-trace", "e f%\"&#.json"] {
      try folder.write(bytes, to: name)
      let view = try Viewing("--no-browser", "--port", try freePort(), name, in: folder)
      let plain = name.map { $0.isLetter || "._-".contains($0) ? $0 : "_" }
      #expect(view.path.hasSuffix("/" + String(plain)))
      #expect(try view.get().body == bytes)
      #expect(try view.program.result().status == 0)
    }
  }

  @Test func `A viewer from a folder is served beside the trace`() throws {
    let folder = try TemporaryFolder()
    let ui = try viewerFolder(in: folder)
    let view = try Viewing("--no-browser", "--ui", ui, "x.ctrace", in: folder)
    let root = "/\(view.path.split(separator: "/")[0])/ui/"
    let here = "http://127.0.0.1:\(view.port)"
    #expect(view.link == "\(here)\(root)#!/?url=\(here)\(view.path)")

    let page = try view.get(root)
    #expect(page.status == 200)
    #expect(page.body == Array("<html>viewer</html>".utf8))
    #expect(page.headers["content-type"] == "text/html; charset=utf-8")
    let engine = try view.get(root + "v1/engine.wasm?v=1")
    #expect(engine.body == Array("engine".utf8))
    #expect(engine.headers["content-type"] == "application/wasm")
    #expect(try view.get(root + "inside").body == Array("engine".utf8))
    #expect(try view.get(root, "HEAD").headers["content-length"] == "19")
    #expect(try view.get(root, "POST").status == 405)
    for name in [
      "link", "../secret", "v1/../../secret", "..", ".", "v1", "v1/", "empty", "empty/",
      ".git/config", "/etc/passwd", "%2e%2e/secret", "..%2fsecret", "..\\secret", "missing",
      "index.html/", "v1//engine.wasm", String(repeating: "v1/", count: 3000) + "engine.wasm",
    ] {
      let answer = try view.get(root + name)
      #expect(answer.status == 404, "\(name.prefix(100))")
      #expect(answer.body.isEmpty, "\(name.prefix(100))")
    }
    // The folder is nobody's business who does not know the link, and nor is the trace for other pages.
    for path in ["/", "/index.html", "/ui/", "/ui/index.html"] {
      #expect(try view.get(path).status == 404, "\(path)")
    }
    #expect(try view.get(headers: ["Origin": viewer]).status == 403)

    let answer = try view.get(headers: ["Origin": here])
    #expect(answer.status == 200)
    #expect(answer.headers["access-control-allow-origin"] == nil)
    // The page may need more of its files behind the trace.
    #expect(try view.get(root + "v1/engine.wasm").status == 200)
    #expect(try view.program.result().status == 0)
  }

  @Test func `What is no request gets an answer or none, and does no harm`() throws {
    let view = try Viewing("--no-browser", "--port", try freePort(), "x.ctrace")
    for text in [
      "nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "\r\n\r\n",
      "GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", String(repeating: "x", count: 100_000),
      "GET \(view.path) HTTP/1.1\r\nA: " + String(repeating: "x", count: 100_000) + "\r\n\r\n",
    ] {
      let bytes = try? LoopbackClient.answer(to: text, port: view.port)
      if let bytes, !bytes.isEmpty { #expect(try HTTPAnswer(bytes).status == 400) }
    }
    // Without a host nobody knows whom it was for.
    #expect(try view.get(headers: ["Host": ""]).status == 403)
    #expect(try view.get().status == 200)
    #expect(try view.program.result().status == 0)
  }

  @Test func `The link is opened where there is a display, and the way from afar is told`() throws {
    let folder = try TemporaryFolder()
    let script =
      "#!/bin/sh\nprintf '%s' \"$1\" >\"$OPENED.tmp\" && mv \"$OPENED.tmp\" \"$OPENED\"\n"
    chmod(try folder.write(script.utf8, to: "xdg-open"), 0o755)
    let opened = folder.path + "/opened"
    let path = "\(folder.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
    let environment = ["DISPLAY": ":7", "PATH": path, "OPENED": opened]
    let ui = try viewerFolder(in: folder)
    let view = try Viewing("--ui", ui, "x.ctrace", in: folder, environment: environment)
    try view.program.wait(for: "the browser") { folder.names.contains("opened") }
    #expect(folder.text("opened") == view.link)
    view.program.send(SIGINT)
    let run = try view.program.result()
    #expect(run.status == 0)
    #expect(!run.errors.contains("ssh"))

    // Without a browser to be found, the link is there all the same.
    let none = try Viewing(
      "--ui", ui, "x.ctrace", in: folder, environment: ["DISPLAY": ":7", "PATH": "/nowhere"])
    none.program.send(SIGINT)
    #expect(try none.program.result().status == 0)

    let far = try Viewing(
      "--ui", ui, "x.ctrace", in: folder,
      environment: ["SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 2222"])
    far.program.send(SIGINT)
    let told = try far.program.result()
    #expect(told.errors.contains("ssh -L \(far.port):127.0.0.1:\(far.port) -p 2222 10.0.0.2\n"))
  }

  @Test func `What cannot be served is refused in one line`() throws {
    let folder = try TemporaryFolder()
    try folder.write(Viewing.recording(), to: "x.ctrace")
    try folder.write("no".utf8, to: "text")
    try folder.write([], to: "empty.json")
    let ui = try viewerFolder(in: folder)
    let taken = try Viewing("--no-browser", "--port", try freePort(), "x.ctrace", in: folder)
    let cases: [(arguments: [String], about: String)] = [
      (["text"], "text is not a ctrace recording"), (["missing"], "missing"),
      (["missing.json"], "missing.json"), (["empty.json"], "empty.json is empty"),
      (["."], "."), (["--port", "\(taken.port)", "x.ctrace"], "port \(taken.port) is taken"),
      (["--ui", ui, "--port", "\(taken.port)", "x.ctrace"], "port \(taken.port) is taken"),
      (["--ui", "nowhere", "x.ctrace"], "nowhere"), (["--ui", "x.ctrace", "x.ctrace"], "x.ctrace"),
      (["--ui", ui + "/empty", "x.ctrace"], "index.html"),
    ]
    for (arguments, about) in cases {
      let run = try Program(
        [CTrace.path, "view", "--no-browser"]
          + (arguments.contains { ["--port", "--ui"].contains($0) } ? [] : ["--ui", ui])
          + arguments, directory: folder.path
      ).result()
      #expect(run.status == 2, "\(arguments)")
      #expect(run.output.isEmpty, "\(arguments)")
      #expect(run.errors.hasPrefix("ctrace: ") && run.errors.contains(about), "\(run.errors)")
      #expect(run.errors.count { $0 == "\n" } == 1, "\(run.errors)")
    }
    for port in ["-1", "65536", "x", ""] {
      let run = try CTrace.run("view", "--port", port, "x.ctrace", directory: folder.path)
      #expect(run.status == 2)
      #expect(run.errors.contains("--port"), "\(run.errors)")
    }
    let nowhere = try Program(
      [CTrace.path, "view", "--no-browser", "--ui", ui, "x.ctrace"],
      environment: ["TMPDIR": "/no/such"], directory: folder.path
    ).result()
    #expect(nowhere.status == 2)
    #expect(nowhere.errors.contains("/no/such") && nowhere.errors.contains("TMPDIR"))
  }
}
