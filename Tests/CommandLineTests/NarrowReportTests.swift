import Glibc
import TestSupport
import Testing
import TraceModel

/// What reports look like on terminals of any width, whatever is in names.
@Suite struct NarrowReportTests {
  private static let ms: Int64 = 1_000_000

  /// Everything that has a table, under names that are long, or take more or fewer columns than letters.
  private static let names = [
    String(repeating: "a_very_long_name_", count: 6), "日本語の錠前日本語の錠前日本語の錠前", "🔒🔑🧵🔒🔑🧵🔒🔑🧵🔒🔑",
    "e\u{301}te\u{301} a\u{30a}\u{323}ngstro\u{308}m nai\u{308}ve", "한국어 자물쇠 이름이 깁니다",
    "🇩🇪🇫🇷 ½-width ｶﾀｶﾅ", "plain",
  ]

  private func trace() -> TraceBuilder {
    let ms = NarrowReportTests.ms
    var trace = TraceBuilder(
      duration: 1000 * ms, program: "program_of_some_length", scheduling: .kernel)
    let owner = trace.thread("所有者_" + NarrowReportTests.names[0])
    let loop = trace.lock("loop " + NarrowReportTests.names[1], kind: .eventLoop)
    let gil = trace.lock("GIL", kind: .gil)
    trace.come(owner, on: 0, at: 0)
    trace.value(owner, loop, 30, at: 0, operation: .unknown)
    trace.dequeue(owner, loop, at: 400 * ms, since: 150 * ms)
    for (place, name) in NarrowReportTests.names.enumerated() {
      let (cpu, at) = (Int64(place + 1), Int64(place) * 100_000)
      let thread = trace.thread(name)
      let stack = trace.stack("calls " + name, "main")
      let lock = trace.lock(name)
      trace.come(thread, on: cpu, at: at)
      trace.sleep(
        thread, from: 100 * ms + at, woken: 900 * ms + at, by: owner, to: 900 * ms + at, on: cpu)
      trace.wait(
        thread, lock, from: 100 * ms + at, to: 900 * ms + at, owner: owner, stack: stack)
      trace.release(owner, lock, from: 50 * ms, to: 900 * ms + at, stack: stack)
      trace.use(thread, lock, acquisitions: 8_123_456)
      let queue = trace.lock("queue " + name, kind: .queue, capacity: 12_345)
      trace.enqueue(thread, queue, count: 12_345, at: 150 * ms + at, stack: stack)
      trace.dequeue(thread, queue, at: 950 * ms + at, since: 150 * ms + at)
      let task = trace.lock("task " + name, kind: .task)
      trace.step(thread, task, task: at + 7, from: 10 * ms + at, to: 99 * ms + at, stack: stack)
      trace.taskWait(
        thread, trace.lock("future " + name, kind: .future), task: at + 7, from: 120 * ms + at,
        to: 800 * ms + at, stack: stack)
      trace.wait(thread, gil, from: 950 * ms + at, to: 960 * ms + at, owner: owner, stack: stack)
      let work = trace.lock("work " + name, kind: .label)
      trace.step(thread, work, task: 0, from: 20 * ms + at, to: 30 * ms + at)
    }
    return trace
  }

  /// The C library's word on how many columns a character takes, which Swift does not import.
  private static let wcwidth: @convention(c) (wchar_t) -> CInt = {
    setlocale(LC_CTYPE, "C.UTF-8")
    return unsafeBitCast(dlsym(nil, "wcwidth"), to: (@convention(c) (wchar_t) -> CInt).self)
  }()

  /// Columns of a text without joined pictures.
  private func columns(_ line: some StringProtocol) -> Int {
    line.unicodeScalars.reduce(0) {
      $0 + max(0, Int(NarrowReportTests.wcwidth(wchar_t($1.value))))
    }
  }

  private func text(_ options: [String], columns: Int) throws -> [String] {
    let folder = try TemporaryFolder()
    try folder.write(try trace().fileByCPU(), to: "t.ctrace")
    let line = ([CTrace.path, "report"] + options + ["t.ctrace"]).joined(separator: " ")
    let run = try Program(
      ["script", "-qec", "stty columns \(columns); \(line)", "/dev/null"],
      environment: ["LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"],
      directory: folder.path
    ).result()
    #expect(run.status == 0, "\(run.output)")
    return run.output.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
  }

  @Test(arguments: [40, 60, 80, 120])
  func `Nothing but commands is wider than the terminal`(width: Int) throws {
    for options in [
      [], ["--lock", NarrowReportTests.names[0]], ["--lock", "GIL"], ["--thread", "plain"],
      ["--queue", "queue\\ plain"], ["--queue", "loop"], ["--task", "task\\ plain"],
      ["--timeline"], ["--timeline", "--lock", NarrowReportTests.names[0]],
      ["--sort", "name", "--top", "99"],
    ] {
      let lines = try text(options, columns: width)
      #expect(lines.count > 8, "\(lines)")
      for line in lines.prefix(while: { !$0.hasPrefix("NEXT") }) {
        #expect(columns(line) <= width, "\(options): \(columns(line)) columns: \(line)")
      }
    }
  }

  @Test func `Columns leave in one order, and the name stays`() throws {
    let tables = [
      ("LOCKS", ["acquired", "p50", "contended", "p99"], ["busy", "held"]),
      ("THREADS", ["run", "0"], ["lock", "waited"]),
      ("QUEUES", ["p99", "depth", "p50"], ["max", "full", "empty"]),
      ("TASKS", ["tasks", "steps", "most"], ["longest", "waited"]),
    ]
    let widths = [120, 100, 80, 70, 60, 50, 40]
    let texts = try widths.map { try text([], columns: $0) }
    for (title, leaving, staying) in tables {
      let headings = try texts.map { lines in
        try #require(lines.first { $0.hasPrefix("\(title) ") }).split(separator: " ").map(
          String.init)
      }
      #expect(headings[0].contains { $0 == leaving[0] }, "\(headings[0])")
      for (heading, width) in zip(headings, widths) {
        #expect(staying.allSatisfy(heading.contains), "\(title) at \(width): \(heading)")
        // What is gone is the beginning of the list.
        let gone = leaving.filter { !heading.contains($0) }
        #expect(gone == Array(leaving.prefix(gone.count)), "\(title) at \(width): \(heading)")
      }
      #expect(zip(headings, headings.dropFirst()).allSatisfy { $0.count >= $1.count })
      #expect(headings.last.map { $0.count } ?? 0 < headings[0].count)
    }
  }

  @Test func `Cells stand below their headings, whatever the letters of a row take`() throws {
    let lines = try text(["--sort", "name", "--top", "99"], columns: 80)
    let rows = Array(lines.drop { !$0.hasPrefix("LOCKS") }.prefix { !$0.isEmpty })
    #expect(rows.count > NarrowReportTests.names.count)
    let end = try #require(rows.first?.firstRange(of: "waited")).upperBound
    let width = columns(rows[0][..<end])
    for row in rows.dropFirst() where row.contains("800 ms") {
      let cell = try #require(row.firstRange(of: "800 ms")).upperBound
      #expect(columns(row[..<cell]) == width, "\(row)")
    }
  }
}
