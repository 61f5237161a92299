import TestSupport
import Testing
import TraceModel

/// What the text says of tasks, event loops and the interpreter's lock.
@Suite struct TaskReportTests {
  private static let ms: Int64 = 1_000_000

  /// A loop in MainThread with two sorts of tasks, beside a thread that computes.
  private func trace() -> TraceBuilder {
    let ms = TaskReportTests.ms
    var trace = TraceBuilder(duration: 1000 * ms, program: "python3")
    let (main, burner) = (trace.thread("MainThread"), trace.thread("burner"))
    let gil = trace.lock("GIL", kind: .gil)
    let loop = trace.lock("main loop", kind: .eventLoop)
    let (fetch, report) = (trace.lock("fetch", kind: .task), trace.lock("report", kind: .task))
    let cache = trace.lock("app.py:41 cache_lock", kind: .asyncioLock)
    let sleep = trace.lock("time.sleep", kind: .call)
    let (bad, spin) = (
      trace.python(("load", "/srv/app.py", 17), ("report", "/srv/app.py", 20)),
      trace.python(
        ("spin", "/srv/app.py", 5), ("run", "/usr/lib/python3.11/threading.py", 975))
    )
    trace.value(main, loop, 3, at: 0, operation: .unknown)
    trace.value(main, loop, 0, at: 500 * ms, operation: .unknown)
    trace.dequeue(main, loop, at: 400 * ms, since: 150 * ms)
    for task in 1...50 as ClosedRange<Int64> {
      trace.step(main, fetch, task: task, from: task * ms, to: task * ms + 500_000)
      trace.taskWait(main, cache, task: task, from: task * ms + 500_000, to: 410 * ms, stack: bad)
    }
    trace.taskWait(main, sleep, task: 0, from: 150 * ms, to: 390 * ms, stack: bad)
    trace.step(main, report, task: 77, from: 150 * ms, to: 400 * ms)
    trace.taskRelease(main, cache, task: 77, from: 0, to: 405 * ms, stack: bad)
    trace.wait(main, gil, from: 600 * ms, to: 700 * ms + 1, owner: burner, stack: bad)
    trace.release(burner, gil, from: 550 * ms, to: 700 * ms, stack: spin)
    trace.define(
      .use(
        LockUse(
          thread: main, lock: gil, acquisitions: 1234, releases: 20, sampledHolds: 1234,
          sampledHoldTime: UInt64(400 * ms))))
    return trace
  }

  private func text(_ trace: TraceBuilder, _ options: String...) throws -> [String] {
    let folder = try TemporaryFolder()
    let file = try folder.write(try trace.file(), to: "t.ctrace")
    let run = try Program([CTrace.path, "report"] + options + [file]).result()
    #expect(run.status == 0, "\(run.errors)")
    return run.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// The lines from a heading to the next empty one.
  private func section(_ title: String, _ lines: [String]) -> [String] {
    Array(lines.drop { !$0.hasPrefix(title) }.prefix { !$0.isEmpty })
  }

  private func words(_ line: String?) -> [String] {
    (line ?? "").split(separator: " ").map(String.init)
  }

  @Test func `Tasks, steps that blocked, and the loop have their sections`() throws {
    let lines = try text(trace())
    #expect(lines.prefix { !$0.hasPrefix("NEXT") }.allSatisfy { $0.count <= 80 }, "\(lines)")
    let tasks = section("TASKS", lines)
    #expect(tasks.count == 4, "\(tasks)")
    #expect(words(tasks.dropFirst().first) == ["report", "1", "1", "250", "ms", "!250", "ms"])
    let fetch = tasks.dropFirst(2).first ?? ""
    #expect(words(fetch).prefix(7) == ["fetch", "50", "50", "25.0", "ms", "500", "us"])
    #expect(fetch.contains("19.2 s") && fetch.contains("cache_lock"))
    #expect(tasks.dropFirst(3).joined(separator: " ").contains("! a step of 100 ms or more"))
    #expect(lines.contains { $0.contains("report --task report ") })
    let loops = section("LOOPS", lines)
    #expect(
      words(loops.last).prefix(13).joined(separator: " ")
        == "main loop 1 250 ms 250 ms 250 ms 1.5 3 3 █████")
  }

  @Test func `A loop of gevent's is no task to be told of`() throws {
    var trace = TraceBuilder()
    let thread = trace.thread("main")
    for (number, name) in ["Hub", "worker"].enumerated() {
      let id = LockID(rawValue: UInt32(50 + number))
      trace.define(
        .lock(
          Lock(
            id: id, process: ProcessID(rawValue: 1), kind: .greenlet, address: UInt64(number + 1),
            name: name)))
      trace.step(thread, id, task: Int64(number + 1), from: 0, to: 10)
    }
    let tasks = section("TASKS", try text(trace))
    #expect(tasks.count == 2 && tasks.last?.hasPrefix("worker") == true, "\(tasks)")
  }

  @Test func `Who starved is told of first, and for whom`() throws {
    var trace = trace()
    let (io, gil) = (trace.thread("io"), LockID(rawValue: 1))
    trace.wait(
      io, gil, from: 0, to: 400 * TaskReportTests.ms, owner: ThreadID(rawValue: 2))
    let lines = section("GIL", try text(trace, "--lock", "GIL", "--top", "1"))
    #expect(lines.contains { $0.hasPrefix("io ") && $0.contains("starved  burner, 1 time") })
    #expect(lines.contains("and 2 more threads (--top)"), "\(lines)")
  }

  @Test func `What tasks of a name did is told by a report on them`() throws {
    let lines = try text(trace(), "--task", "report")
    let longest = section("LONGEST", lines)
    #expect(
      longest.dropFirst().first
        == "  250 ms at 0.15 s in MainThread, 240 ms of it in a call without the GIL")
    #expect(longest.suffix(2) == ["      load app.py:17", "      report app.py:20"])
    let blocking = section("BLOCKING", lines)
    #expect(blocking.first?.hasPrefix("BLOCKING 1 step of 100 ms or more, 250 ms in all") == true)
    #expect(
      blocking.suffix(3)
        == ["  250 ms in 1 time", "      load app.py:17", "      report app.py:20"])
    let waited = section("WAITED FOR", try text(trace(), "--task", "fetch"))
    #expect(
      words(waited.last).joined(separator: " ")
        == "app.py:41 cache_lock asyncio-lock 19.2 s 50")
  }

  @Test func `The interpreter's lock is one like any other, and has more to tell`() throws {
    let lines = try text(trace())
    let locks = section("LOCKS", lines)
    #expect(
      words(locks.last).joined(separator: " ")
        == "GIL 55 % 100 ms 100 ms 100 ms 1,234 <1 % app.py:5",
      "\(locks)")
    // As one of tasks is.
    let lock = locks.dropFirst().first ?? ""
    // There is no room for the file that its name begins with.
    #expect(lock.hasPrefix("cache_lock "), "\(lock)")
    #expect(lock.hasSuffix(" app.py:17"), "\(lock)")
    let gil = section("GIL", try text(trace(), "--lock", "GIL"))
    let main = try #require(gil.first { $0.hasPrefix("MainThread") })
    #expect(words(main).joined(separator: " ") == "MainThread 40 % 100 ms 1 100 ms burner, 1 time")
    #expect(gil.contains { $0.contains("asked to let go 20 times") })
    let worst = gil.firstIndex { $0.hasPrefix("  longest waited for: 100 ms of 150 ms") }
    #expect(worst.map { gil[$0] + gil[$0 + 1] }?.hasSuffix("in burner      spin app.py:5") == true)
  }

  @Test func `All that is wrong stands at the top`() throws {
    let lines = try text(trace())
    let verdict = section("VERDICT", lines).joined(separator: " ").split(separator: " ")
      .joined(separator: " ")
    #expect(
      verdict.hasPrefix(
        "VERDICT the GIL was busy 55 % of the run: threads lost 100 ms of 2.0 s to it"))
    #expect(verdict.contains("and burner kept the GIL for 150 ms while others waited 100 ms"))
    #expect(verdict.contains("and report blocked its event loop for 250 ms in load app.py:17"))
    #expect(
      verdict.contains(
        "and tasks waited 19.2 s in 50 waits for app.py:41 cache_lock, mostly until it was released in "
          + "load app.py:17"))
  }

  @Test func `A daemon thread is marked`() throws {
    var trace = trace()
    trace.define(
      .thread(
        Thread(
          id: ThreadID(rawValue: 8), process: ProcessID(rawValue: 1), tid: 108, name: "poller",
          start: .zero, isDaemon: true)))
    #expect(try text(trace, "--thread", "poller").contains { $0.contains("poller (daemon) · ") })
  }

  @Test func `A program without Python has none of it`() throws {
    var trace = TraceBuilder()
    let thread = trace.thread("a")
    trace.wait(thread, trace.lock("mu"), from: 0, to: 100_000)
    let lines = try text(trace)
    for title in ["GIL", "TASKS", "BLOCKING", "LOOPS"] {
      #expect(section(title, lines).isEmpty, "\(title)")
    }
  }
}
