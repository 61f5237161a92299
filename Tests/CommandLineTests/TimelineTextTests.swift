import TestSupport
import Testing
import TraceModel

/// The whole run as a picture in the terminal.
@Suite struct TimelineTextTests {
  private static let ms: Int64 = 1_000_000

  /// worker waits for most of the run for what holder has; later both work, and jobs fill up.
  private func trace() -> TraceBuilder {
    let ms = TimelineTextTests.ms
    var trace = TraceBuilder(duration: 1000 * ms, scheduling: .kernel)
    let (holder, worker) = (trace.thread("holder"), trace.thread("worker"))
    let idler = trace.thread("idler", from: 500 * ms)
    let (lock, jobs) = (trace.lock("cache_mu"), trace.lock("jobs", kind: .queue, capacity: 8))
    trace.come(holder, on: 0, at: 0)
    trace.come(worker, on: 1, at: 0)
    trace.wait(worker, lock, from: 0, to: 600 * ms, owner: holder)
    trace.sleep(worker, from: 0, woken: 600 * ms, by: holder, to: 600 * ms, on: 1)
    trace.release(holder, lock, from: 0, to: 600 * ms)
    trace.come(idler, on: 0, at: 500 * ms)
    trace.leave(idler, .blocked, on: 0, at: 501 * ms)
    trace.enqueue(worker, jobs, count: 8, at: 750 * ms)
    return trace
  }

  private func draw(
    _ trace: TraceBuilder, terminal: [String: String]? = nil, _ options: String...
  ) throws -> [String] {
    let folder = try TemporaryFolder()
    let file = try folder.write(try trace.file(), to: "t.ctrace")
    var command = [CTrace.path, "report", "--timeline"] + options + [file]
    if terminal != nil {
      let line = command.joined(separator: " ")
      command = ["script", "-qec", "stty columns 100; \(line)", "/dev/null"]
    }
    let run = try Program(command, environment: terminal ?? [:]).result()
    #expect(run.status == 0, "\(run.errors)")
    return run.output.split(whereSeparator: \.isNewline).map(String.init)
  }

  private func row(_ label: String, _ lines: [String]) throws -> String {
    try #require(lines.first { $0.hasPrefix(label) }, "\(lines)")
  }

  /// How often each mark stands in a row.
  private func counts(_ marks: String, _ line: String) -> [Int] {
    marks.map { mark in line.filter { $0 == mark }.count }
  }

  @Test func `Each thread has a line of what it did, and who blocked it`() throws {
    let lines = try draw(trace())
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines)")
    #expect(lines.first?.hasPrefix("ctrace: prog exited 0 after 1.0 s") == true)
    #expect(lines.contains { $0.hasPrefix("VERDICT  cache_mu is the most contended") })
    let worker = try row("worker", lines)
    #expect(worker.hasSuffix("  60 % cache_mu ← holder"))
    // As wide as all three have it.
    let width = try row("holder", lines).filter { $0 == "█" }.count
    #expect(width >= 40)
    let waited = worker.filter { $0 == "░" }.count
    #expect(abs(waited - width * 6 / 10) <= 1 && counts("█", worker) == [width - waited])
    let idler = try row("idler", lines)
    #expect(abs(counts("·", idler)[0] - width / 2) <= 1 && counts("█░", idler) == [0, 0])
    #expect(idler.hasPrefix("idler  " + String(repeating: " ", count: width / 2)))
    let axis = try row("TIMELINE", lines)
    #expect(axis.contains("╷0") && axis.contains("╷400 ms"), "\(axis)")
    let legend = try #require(lines.last)
    #expect(legend == "█ running   ░ waiting for a lock   · idle or I/O")
  }

  @Test func `Waiters and depths stand below, at the same moments`() throws {
    let lines = try draw(trace())
    let width = try row("holder", lines).filter { $0 == "█" }.count
    let waiters = try #require(lines.drop { $0 != "WAITERS" }.dropFirst().first)
    #expect(waiters.hasPrefix("cache_mu  █") && waiters.hasSuffix("  max 1"))
    #expect(abs(counts("█", waiters)[0] - width * 6 / 10) <= 1)
    let depth = try #require(lines.drop { $0 != "DEPTH" }.dropFirst().first)
    #expect(depth.hasPrefix("jobs      ") && depth.hasSuffix("  max 8 of 8"))
    #expect(abs(counts("█", depth)[0] - width / 4) <= 1)
  }

  @Test func `Only the top threads are drawn, and the others counted`() throws {
    let lines = try draw(trace(), "--top", "1")
    #expect(lines.contains { $0.hasPrefix("worker") })
    #expect(!lines.contains { $0.hasPrefix("holder") })
    #expect(lines.contains("and 2 more threads (--top)"))
  }

  @Test func `Of one thing it draws who had to do with it`() throws {
    func labels(_ options: String...) throws -> [String] {
      let folder = try TemporaryFolder()
      let file = try folder.write(try trace().file(), to: "t.ctrace")
      let run = try Program([CTrace.path, "report", "--timeline"] + options + [file]).result()
      #expect(run.status == 0, "\(run.errors)")
      let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
      // The first line of the thing itself, then the picture.
      let sections = lines.split(separator: "").map(Array.init)
      #expect(
        sections[1][0].hasPrefix(options.first.map { $0.dropFirst(2).uppercased() } ?? "VERDICT"))
      return sections[2].dropFirst().compactMap { $0.split(separator: " ").first.map(String.init) }
    }
    #expect(
      try labels()
        == ["worker", "holder", "idler", "WAITERS", "cache_mu", "DEPTH", "jobs"])
    #expect(try labels("--lock", "cache_mu") == ["worker", "holder", "WAITERS", "cache_mu"])
    #expect(try labels("--thread", "worker") == ["worker", "WAITERS", "cache_mu"])
    #expect(try labels("--thread", "idler") == ["idler"])
    #expect(try labels("--queue", "jobs") == ["DEPTH", "jobs"])
    #expect(
      try labels("--lock", "cache_mu", "--top", "1")
        == ["worker", "and", "WAITERS", "cache_mu"])
  }

  @Test func `A part of the life of a thread, and its lock, are those of the report`() throws {
    // Who had the lock when the wait began lets go of it soon; another has it for the rest.
    let ms = TimelineTextTests.ms
    var trace = TraceBuilder(duration: 1000 * ms)
    let threads = ["first", "second", "waiter"].map { trace.thread($0) }
    let mu = trace.lock("mu")
    trace.wait(threads[2], mu, from: 0, to: 600 * ms, owner: threads[0])
    trace.release(threads[0], mu, from: 0, to: 100 * ms)
    trace.release(threads[1], mu, from: 100 * ms, to: 600 * ms)
    let folder = try TemporaryFolder()
    let file = try folder.write(try trace.file(), to: "t.ctrace")
    let picture = try row("waiter", try draw(trace))
    let table = try row(
      "waiter",
      try CTrace.run("report", file).output.split(separator: "\n").map(String.init))
    #expect(picture.hasSuffix("  60 % mu ← first"), "\(picture)")
    #expect(table.hasSuffix("  60 %  mu ← first"), "\(table)")
  }

  @Test func `A terminal has colours and is filled`() throws {
    let lines = try draw(
      trace(), terminal: ["TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "", "NO_COLOR": ""])
    let worker = try row("worker", lines)
    #expect(worker.contains("\u{1b}[31m░") && worker.contains("\u{1b}[32m█"), "\(lines)")
    let plain = worker.replacing(/\u{1b}\[[0-9;]*m/, with: "")
    #expect(plain.count > 80 && plain.count <= 100)
  }

  @Test func `A plain terminal has letters and no colours`() throws {
    let lines = try draw(
      trace(), terminal: ["TERM": "xterm", "LANG": "C", "LC_ALL": "C", "NO_COLOR": "1"])
    #expect(!lines.contains { $0.contains("\u{1b}") })
    #expect(lines.allSatisfy { $0.allSatisfy(\.isASCII) }, "\(lines)")
    let worker = try row("worker", lines)
    #expect(worker.contains("LLLL") && worker.contains("####"))
    #expect(worker.hasSuffix("60 % cache_mu <- holder"))
    #expect(lines.last == "# running   L waiting for a lock   . idle or I/O")
  }

  @Test func `Names do nothing to a terminal, however wide they are`() throws {
    let ms = TimelineTextTests.ms
    var trace = TraceBuilder(duration: 100 * ms)
    let (a, b) = (trace.thread("\u{1b}[2J"), trace.thread("線程線程線程線程線程線程"))
    trace.wait(a, trace.lock("mu\u{1b}]0;x\u{7}"), from: 0, to: 90 * ms, owner: b)
    let lines = try draw(trace)
    #expect(!lines.contains { $0.contains("\u{1b}") || $0.contains("\u{7}") })
    let hostile = try #require(lines.first { $0.contains("░") })
    #expect(hostile.hasPrefix("\\u{1b}[2J"), "\(lines)")
    // Wide letters take two columns: what stands behind them begins where the others' does.
    let wide = try row("線", lines)
    let (label, rest) = (wide.prefix { $0 != " " }, wide.drop { $0 != " " })
    let start = 2 * label.filter { !$0.isASCII }.count + label.filter(\.isASCII).count
    #expect(
      start + rest.prefix { $0 == " " }.count
        == lines.first { $0.contains("╷0") }.map {
          $0.prefix { $0 != "╷" }.count
        })
  }

  @Test func `It is a form of the text`() throws {
    let run = try CTrace.run("report", "--timeline", "--format", "json", "t.ctrace")
    #expect(run.status == 2)
    #expect(run.errors.contains("--timeline is a text; leave --format away"))
    for (options, words) in [
      (["--timeline", "--sort", "run"], "leave --sort away"),
      (["--format", "html", "-o", "t.html", "--sort", "run"], "leave --sort away"),
      (["--format", "html", "-o", "t.html", "--queue", "x"], "behind its row; leave --queue away"),
    ] {
      let run = try Program([CTrace.path, "report"] + options + ["t.ctrace"]).result()
      #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
    }
  }
}
