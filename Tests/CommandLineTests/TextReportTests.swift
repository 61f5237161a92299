import TestSupport
import Testing
import TraceAnalysis
import TraceModel

/// What the first screen shows, and what it leaves out.
@Suite struct TextReportTests {
  private static let ms: Int64 = 1_000_000

  /// Of one second: worker-1 and worker-2 wait for cache_mu, which worker-3 holds while it waits for
  /// log_mu, which writer holds while it runs; jobs is full for half of the time.
  private func trace() -> TraceBuilder {
    let ms = TextReportTests.ms
    var trace = TraceBuilder(duration: 1000 * ms, scheduling: .kernel)
    let names = ["worker-1", "worker-2", "worker-3", "writer", "idler"]
    let threads = names.map { trace.thread($0) }
    let (cache, log) = (trace.lock("cache_mu"), trace.lock("log_mu"))
    let jobs = trace.lock("jobs", kind: .queue, capacity: 4)
    let (get, evict) = (trace.stack("cache_get", "serve"), trace.stack("cache_evict", "sweep"))
    let write = trace.stack("log_write", "main")
    for (cpu, thread) in threads.dropLast().enumerated() {
      trace.come(thread, on: Int64(cpu), at: 0)
    }
    // What happens in one moment in several threads has no order in a file: it is microseconds apart.
    let us: Int64 = 1000
    trace.wait(threads[0], cache, from: 100 * ms, to: 700 * ms, owner: threads[2], stack: get)
    trace.sleep(
      threads[0], from: 100 * ms + us, woken: 700 * ms - 3 * us, by: threads[2],
      to: 700 * ms - us, on: 0)
    trace.wait(threads[1], cache, from: 400 * ms, to: 710 * ms, owner: threads[2], stack: get)
    trace.sleep(
      threads[1], from: 400 * ms + us, woken: 700 * ms - 2 * us, by: threads[2],
      to: 710 * ms - us, on: 1)
    trace.wait(threads[2], log, from: 200 * ms, to: 600 * ms, owner: threads[3], stack: evict)
    trace.sleep(
      threads[2], from: 200 * ms + us, woken: 600 * ms - 2 * us, by: threads[3],
      to: 600 * ms - us, on: 2)
    trace.release(threads[3], log, from: 50 * ms, to: 600 * ms - 3 * us, stack: write)
    trace.release(threads[2], cache, from: 50 * ms, to: 700 * ms - 4 * us, stack: evict)
    trace.enqueue(threads[3], jobs, count: 4, at: 500 * ms, stack: write)
    for thread in threads[0..<3] { trace.use(thread, cache, acquisitions: 1) }
    for thread in threads[2...3] { trace.use(thread, log, acquisitions: 2) }
    for name in ["a_mu", "b_mu"] { trace.use(threads[3], trace.lock(name), acquisitions: 7) }
    return trace
  }

  private func run(
    _ trace: TraceBuilder, _ options: [String], terminal: [String: String]? = nil, columns: Int = 80
  ) throws -> ProgramResult {
    let folder = try TemporaryFolder()
    try folder.write(try trace.fileByCPU(), to: "t.ctrace")
    var command = [CTrace.path, "report"] + options + ["t.ctrace"]
    if terminal != nil {
      let line = command.joined(separator: " ")
      command = ["script", "-qec", "stty columns \(columns); \(line)", "/dev/null"]
    }
    return try Program(command, environment: terminal ?? [:], directory: folder.path).result()
  }

  private func text(
    _ trace: TraceBuilder, _ options: String..., terminal: [String: String]? = nil,
    columns: Int = 80
  ) throws -> [String] {
    let result = try run(trace, options, terminal: terminal, columns: columns)
    #expect(result.status == 0, "\(result.errors)")
    return result.output.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
  }

  private func section(_ title: String, _ lines: [String]) -> [String] {
    Array(lines.drop { !$0.hasPrefix(title) }.prefix { !$0.isEmpty })
  }

  private func words(_ line: String?) -> String {
    (line ?? "").split(separator: " ").joined(separator: " ")
  }

  // MARK: The first screen

  @Test func `The first screen has its sections in order, and fits`() throws {
    let lines = try text(trace())
    let titles = lines.compactMap { $0.split(separator: " ").first.map(String.init) }
      .filter { $0.allSatisfy(\.isUppercase) }
    #expect(
      titles == [
        "VERDICT", "TIME", "LOCKS", "THREADS", "CHAIN", "QUEUES", "NEXT",
      ])
    #expect(lines.count <= 40 && lines.allSatisfy { $0.count <= 80 }, "\(lines)")
    #expect(
      lines.first == "ctrace: prog exited 0 after 1.0 s · 5 threads on 2 CPUs · 19 events, 0 lost")
    #expect(section("VERDICT", lines).first?.contains("cache_mu is the most contended") == true)
    // 910 + 400 of 5000 ms waited; the idler's second is the rest.
    #expect(section("TIME", lines).joined().contains("waiting for locks 26 %"))
  }

  @Test func `Locks that were waited for have rows, and the others are counted`() throws {
    let locks = section("LOCKS", try text(trace()))
    #expect(locks.count == 4)
    #expect(
      words(locks[1]) == "cache_mu 65 % 910 ms 310 ms 600 ms 3 67 % cache_evict", "\(locks)")
    #expect(words(locks[2]) == "log_mu 55 % 400 ms 400 ms 400 ms 4 25 % log_write")
    #expect(locks[3] == "2 locks that nobody waited for")
  }

  @Test func `A thread's strip is what it did, and its row says whom it waited for`() throws {
    let threads = section("THREADS", try text(trace()))
    let first = try #require(threads.first { $0.hasPrefix("worker-1") })
    let strip = first.filter { "█░".contains($0) }
    #expect(strip == "██░░░░░░░░░░░░██████", "\(first)")
    #expect(first.hasSuffix("  40 %  60 %  cache_mu ← worker-3"), "\(first)")
    #expect(threads[0].hasPrefix("THREADS   0 ") && threads[0].contains(" 1.0 s "))
    #expect(!threads.contains { $0.hasPrefix("idler") })
    #expect(threads.last == "1 thread idle nearly all the time; █ running, ░ waiting for a lock")
  }

  @Test func `A chain says who waited for whom, how often and how long`() throws {
    let chain = section("CHAIN", try text(trace())).map { words($0) }.joined(separator: " ")
    #expect(
      chain
        == "CHAIN worker-1 → cache_mu (worker-3) → log_mu (writer): 2 times, longest 600 ms",
      "\(chain)")
  }

  @Test func `Queues have a depth and how long they were full`() throws {
    let queues = section("QUEUES", try text(trace()))
    #expect(words(queues.last).hasPrefix("jobs 4 4 50 % 0 %"), "\(queues)")
  }

  @Test func `What comes next is named so that it can be pasted`() throws {
    let lines = section("NEXT", try text(trace())).map { words($0) }
    #expect(
      lines.prefix(3) == [
        "NEXT ctrace report --lock cache_mu t.ctrace", "ctrace report --thread worker-1 t.ctrace",
        "ctrace report --queue jobs t.ctrace",
      ])
    #expect(lines.dropFirst(3) == ["ctrace view t.ctrace (the timeline, in Perfetto)"])
    for line in lines.prefix(3) {
      let options = line.split(separator: " ").drop { $0 != "report" }.dropFirst().dropLast()
      #expect(try run(trace(), options.map(String.init)).status == 0, "\(line)")
    }
  }

  @Test func `Where nothing is wrong that is what it says`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    for name in ["x_mu", "y_mu"] { trace.use(thread, trace.lock(name), acquisitions: 5) }
    let lines = try text(trace)
    #expect(section("VERDICT", lines).first?.hasPrefix("VERDICT  no lock problem found") == true)
    #expect(section("LOCKS", lines) == ["LOCKS    2 locks: nobody had to wait for any of them"])
    #expect(section("THREADS", lines) == ["THREADS  1 thread, idle nearly all the time"])
    for title in ["CHAIN", "CRITICAL", "QUEUES", "TASKS", "LOOPS", "WAITS", "WORK", "COUNTERS"] {
      #expect(section(title, lines).isEmpty, "\(title)")
    }
    #expect(lines.contains { $0.contains("--top 50") })
  }

  // MARK: Looks

  @Test func `A terminal without Unicode gets ASCII, and one that wants no colour none`() throws {
    let plain = ["LC_ALL": "C", "TERM": "xterm", "NO_COLOR": "1"]
    let lines = try text(trace(), terminal: plain)
    #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 < 0x7f && $0 >= 0x20 } }, "\(lines)")
    let row = try #require(lines.first { $0.hasPrefix("worker-1") })
    #expect(row.contains("##xxxx") && row.contains("cache_mu <- worker-3"))
    #expect(section("CHAIN", lines).first?.contains("worker-1 -> cache_mu (worker-3)") == true)
    for options in [["--lock", "cache_mu"], ["--thread", "worker-1"], ["--queue", "jobs"]] {
      let result = try run(trace(), options, terminal: plain)
      #expect(result.output.utf8.allSatisfy { $0 < 0x7f }, "\(options)")
    }
    let coloured = try text(
      trace(), terminal: ["LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": ""])
    #expect(coloured.contains { $0.contains("\u{1b}[") } && coloured.contains { $0.contains("█") })
  }

  @Test(arguments: [80, 100, 120])
  func `Nothing but commands is wider than the terminal`(columns: Int) throws {
    var trace = trace()
    let long = trace.thread(String(repeating: "a_very_long_name_", count: 5))
    let lock = trace.lock(String(repeating: "namespace::", count: 12) + "mutex_")
    trace.wait(
      long, lock, from: 0, to: 900 * TextReportTests.ms, owner: ThreadID(rawValue: 1),
      stack: trace.stack(String(repeating: "function_of_a_template_", count: 9), "main"))
    for options in [[], ["--lock", "mutex_"], ["--thread", "a_very"], ["--queue", "jobs"]] {
      let result = try run(
        trace, options, terminal: ["LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"],
        columns: columns)
      #expect(result.status == 0)
      let lines = result.output.split(whereSeparator: \.isNewline)
      for line in lines.prefix(while: { !$0.hasPrefix("NEXT") }) {
        #expect(line.count <= columns, "\(line)")
      }
      // Both ends of a name can be read.
      #expect(lines.contains { $0.contains("names") && $0.contains("mutex_") } || !options.isEmpty)
    }
  }

  @Test func `Names do nothing to a terminal, and keep to their columns`() throws {
    var trace = TraceBuilder(duration: 1000)
    let hostile = "\u{1b}[31mred\u{7}\n\u{202e}evil\u{0}"
    let (wide, marked) = ("日本語の錠前", "e" + String(repeating: "\u{301}", count: 50) + "x")
    let owner = trace.thread("שלום")
    for name in [hostile, wide, marked] {
      let thread = trace.thread(name, cpuTime: 500)
      trace.wait(
        thread, trace.lock(name), from: 0, to: 500, owner: owner, stack: trace.stack(name, "main"))
    }
    for options in [[], ["--thread", "red"], ["--lock", "red"], ["--format", "markdown"]] {
      let result = try run(trace, options)
      #expect(result.status == 0, "\(result.errors)")
      let scalars = result.output.unicodeScalars
      #expect(
        !scalars.contains {
          $0 != "\n" && [.control, .format].contains($0.properties.generalCategory)
        }, "\(options)")
      #expect(result.output.contains("\\u{1b}") || result.output.contains("u{1b}"))
      #expect(scalars.count(where: { $0 == "\u{301}" }) < 60)
    }
    // The strips of all stand in one column, whatever the names' letters take.
    let rows = try text(trace).filter { $0.contains("░") && $0.contains(" %") }
    let starts = Set(
      rows.map { row in
        row.prefix { $0 != "░" }.reduce(0) { $0 + ($1 > "\u{3000}" && $1 < "\u{a000}" ? 2 : 1) }
      })
    #expect(rows.count == 3 && starts.count == 1, "\(rows)")
    let error = try run(trace, ["--lock", "\u{1b}[2J"]).errors
    #expect(!error.contains("\u{1b}") && error.contains("\\u{1b}[2J"))
  }

  // MARK: One thing

  @Test func `A report on a lock has its figures, threads, places and chains`() throws {
    let lines = try text(trace(), "--lock", "cache_mu")
    let head = section("LOCK ", lines).map { words($0) }.joined(separator: " ")
    #expect(head.hasPrefix("LOCK cache_mu · mutex · busy 65 % of the run · acquired 3 times"))
    #expect(head.contains("waited 910 ms in all · p50 310 ms · p99 600 ms · max 600 ms"))
    #expect(section("BECAUSE", lines).first?.contains("holder waiting for a lock") == true)
    #expect(section("BECAUSE", lines).joined().contains("log_mu"))
    let threads = section("THREADS", lines).map { words($0) }
    #expect(threads.contains("worker-1 600 ms 1 600 ms"))
    #expect(threads.contains("worker-3 910 ms 2"))
    let pairs = section("WHO FOR WHOM", lines).map { words($0) }
    #expect(
      pairs.dropFirst() == [
        "worker-1 ← worker-3 600 ms 1 600 ms", "worker-2 ← worker-3 310 ms 1 310 ms",
      ])
    #expect(
      section("WAITED", lines)
        == ["WAITED", "  910 ms (100 %) in 2 times", "      cache_get", "      serve"])
    #expect(section("HELD UP", lines).suffix(2) == ["      cache_evict", "      sweep"])
    #expect(section("CHAIN", lines).first?.contains("worker-1 → cache_mu") == true)
    let sizes =
      section(" SHORTER THAN", lines).isEmpty
      ? section("SHORTER THAN", lines) : section(" SHORTER THAN", lines)
    #expect(sizes.count == 3, "\(sizes)")
  }

  @Test func `A report on a thread says what it waited for and whom it kept waiting`() throws {
    let lines = try text(trace(), "--thread", "worker-3")
    #expect(section("THREAD ", lines).joined().contains("waiting for locks 400 ms (40 %)"))
    #expect(section("LIFE", lines).dropFirst().first?.hasSuffix("░░░████████████████") == true)
    let longest = section("LONGEST", lines)
    #expect(
      longest.dropFirst() == [
        "  waited 400 ms at 0.2 s for log_mu ← writer", "      cache_evict", "      sweep",
      ])
    #expect(words(section("WAITED FOR", lines).last) == "log_mu mutex 400 ms 1 400 ms writer")
    #expect(
      section("KEPT WAITING", lines).dropFirst().map { words($0) } == [
        "worker-1 cache_mu 600 ms 1 600 ms", "worker-2 cache_mu 310 ms 1 310 ms",
      ])
    #expect(section("WOKEN BY", lines).first == "WOKEN BY writer 1 time")
    #expect(section("CPU", lines).first?.contains("left its CPU 1 time to wait") == true)
  }

  @Test func `A report on a queue has its curve and who filled it`() throws {
    let lines = try text(trace(), "--queue", "jobs")
    #expect(
      section("QUEUE ", lines).first == "QUEUE    jobs · queue · 4 in, 0 out · room for 4")
    let depth = section("DEPTH", lines)
    #expect(depth.count == 7 && depth[0].hasPrefix("DEPTH    "))
    #expect(
      depth[0].hasSuffix(
        "┤" + String(repeating: " ", count: 20) + String(repeating: "█", count: 20)))
    #expect(
      section("PUT IN", lines) == ["PUT IN", "  4 in 1 time", "      log_write", "      main"])
  }

  @Test func `A name may be a part of one, and what is not found is told with what is near`() throws
  {
    #expect(try run(trace(), ["--lock", "cache"]).status == 0)
    func error(_ options: String..., of trace: TraceBuilder) throws -> String {
      let result = try run(trace, options)
      #expect(result.status == 2 && result.output.isEmpty)
      #expect(result.errors.hasPrefix("ctrace: ") && result.errors.count { $0 == "\n" } == 1)
      return result.errors
    }
    #expect(
      try error("--lock", "cachemu", of: trace())
        == "ctrace: no lock is called cachemu; the nearest: cache_mu, a_mu, b_mu, log_mu\n")
    #expect(
      try error("--thread", "worker", of: trace())
        == "ctrace: --thread worker may be any of 3: worker-1, worker-2, worker-3\n")
    #expect(try error("--task", "x", of: trace()).contains("the recording has no tasks"))
    #expect(try error("--queue", "", of: trace()).contains("no queue is called"))
    var trace = trace()
    for _ in 0..<2 { trace.use(trace.thread("twin"), trace.lock("twin_mu"), acquisitions: 1) }
    #expect(try error("--thread", "twin", of: trace).contains("twin/106, twin/107"))
    #expect(try error("--lock", "twin_mu", of: trace).contains("may be any of 2: twin_mu"))
    for options in [["--thread", "twin/107"], ["--thread", "107"], ["--lock", "#7"]] {
      #expect(try run(trace, options).status == 0, "\(options)")
    }
    let both = try run(trace, ["--lock", "a", "--thread", "b"])
    #expect(both.status == 2 && both.errors.contains("give one of"))
  }

  @Test func `JSON on one thing has the same schema with only that`() throws {
    let result = try run(trace(), ["--lock", "log_mu", "--format", "json"])
    let report = try #require(try? Report(json: result.output))
    #expect(report.locks.map(\.name) == ["log_mu"])
    #expect(Set(report.threads.map(\.name)) == ["worker-3", "writer"])
    #expect(report.chains.count == 1 && report.queues.isEmpty)
    let thread = try Report(
      json: try run(trace(), ["--thread", "worker-3", "--format", "json"]).output)
    #expect(thread.threads.map(\.name) == ["worker-3"])
    #expect(Set(thread.locks.map(\.name)) == ["cache_mu", "log_mu"])
  }

  @Test func `JSON on one thing has what is concluded of it`() throws {
    // Full from the start on, but for a moment in each 100.
    var trace = TraceBuilder(duration: 4000)
    let (producer, consumer) = (trace.thread("producer"), trace.thread("consumer"))
    let (jobs, other) = (trace.lock("jobs", kind: .queue, capacity: 1), trace.lock("mu"))
    for number in 1...Int64(40) {
      trace.enqueue(producer, jobs, at: number * 100 - 100)
      trace.wait(producer, jobs, from: number * 100 - 90, to: number * 100 - 1, operation: .put)
      trace.dequeue(consumer, jobs, at: number * 100 - 2)
    }
    trace.wait(consumer, other, from: 0, to: 3000, owner: producer)
    func findings(_ options: String...) throws -> [String] {
      try Report(json: try run(trace, options + ["--format", "json"]).output).findings.map(\.kind)
    }
    #expect(try findings() == ["contention", "queue-full"])
    #expect(try findings("--queue", "jobs") == ["queue-full"])
    #expect(try findings("--lock", "mu") == ["contention"])
    // Who waited at a queue comes with it, as who waited for a lock does.
    let report = try Report(json: try run(trace, ["--queue", "jobs", "--format", "json"]).output)
    #expect(report.threads.map(\.name) == ["producer"] && report.queues.map(\.name) == ["jobs"])
  }

  // MARK: Parts, order and length

  @Test func `A part is told as what it is`() throws {
    let lines = try text(trace(), "--from", "0.2s", "--to", "300ms")
    #expect(lines.first?.hasPrefix("ctrace: prog: only 0.2 s to 0.3 s of the recording") == true)
    let locks = section("LOCKS", lines)
    #expect(words(locks.dropFirst().first).hasPrefix("cache_mu 100 % 100 ms"), "\(locks)")
    #expect(section("THREADS", lines).first?.contains(" 0.2 s ") == true)
    for (options, message) in [
      (["--from", "2s"], "is behind the end of the recording, which is 1.0 s long"),
      (["--from", "0.5", "--to", "0.2"], "--from must be before --to"),
      (["--from", "x"], "--from"), (["--to", "0"], "--to must be more than 0"),
      (["--sort", "size"], "--sort"),
    ] {
      let result = try run(trace(), options)
      #expect(result.status == 2 && result.errors.contains(message), "\(result.errors)")
    }
  }

  @Test(arguments: [
    ("wait", ["cache_mu", "log_mu"], ["worker-1", "worker-3", "worker-2"]),
    ("busy", ["cache_mu", "log_mu"], []), ("count", ["a_mu", "b_mu", "log_mu", "cache_mu"], []),
    ("contended", ["cache_mu", "log_mu"], []), ("hold", ["cache_mu", "log_mu"], []),
    ("name", ["a_mu", "b_mu", "cache_mu", "log_mu"], ["idler", "worker-1", "worker-2"]),
    ("run", [], ["writer", "worker-2", "worker-3", "worker-1"]), ("idle", [], ["idler"]),
    ("switches", [], []), ("runnable", [], ["worker-2"]), ("start", [], ["worker-1"]),
    ("max", ["cache_mu", "log_mu"], ["worker-1", "worker-3", "worker-2"]),
  ])
  func `Locks and threads can be sorted`(key: String, locks: [String], threads: [String]) throws {
    let json = try run(trace(), ["--sort", key, "--format", "json"]).output
    let report = try Report(json: json)
    #expect(report.locks.map(\.name).starts(with: locks), "\(report.locks.map(\.name))")
    #expect(report.threads.map(\.name).starts(with: threads), "\(report.threads.map(\.name))")
    // Nothing is left out then.
    let lines = try text(trace(), "--sort", key)
    for (title, rows) in [("LOCKS", 4), ("THREADS", 5)] {
      let names = section(title, lines).dropFirst().filter { $0.contains(" %") }
      #expect(names.count == rows, "\(names)")
    }
    #expect(
      section("LOCKS", lines).dropFirst().map { String($0.prefix { $0 != " " }) }.starts(
        with: locks))
  }

  @Test func `Tables have so many rows, and say how many more there are`() throws {
    let lines = try text(trace(), "--top", "1")
    #expect(
      section("LOCKS", lines).last == "and 1 more lock (--top); 2 locks that nobody waited for")
    let report = try Report(json: try run(trace(), ["--top", "1", "--format", "json"]).output)
    #expect(report.locks.count == 1 && report.threads.count == 1)
  }

  // MARK: Markdown

  @Test func `Markdown has the sections as tables`() throws {
    let lines = try text(trace(), "--format", "markdown")
    #expect(lines.first?.hasPrefix("**ctrace**: prog exited 0 after 1.0 s · 5 threads") == true)
    #expect(lines.contains { $0.hasPrefix("⚠️ **VERDICT** cache\\_mu is the most contended") })
    let table = try #require(lines.firstIndex { $0.hasPrefix("| LOCKS |") })
    #expect(lines[table + 1] == "| :-- | --: | --: | --: | --: | --: | --: | :-- |")
    #expect(
      lines[table + 2]
        == "| cache\\_mu | 65 % | 910 ms | 310 ms | 600 ms | 3 | 67 % | cache\\_evict |")
    // As many cells in each row, and a heading for each.
    for line in lines where line.hasPrefix("|") {
      #expect(line.hasSuffix("|") && !line.contains("\n"))
    }
    #expect(lines.contains { $0.contains("<code>████░░░░") })
    let lock = try text(trace(), "--lock", "cache_mu", "--format", "markdown")
    #expect(lock.contains("cache_get") && lock.contains("```") && lock.contains("**WAITED**"))
  }

  @Test func `Names cannot break out of Markdown`() throws {
    let evil = "<img src=x>|`@all` #1 [a](http://b) **x** ```"
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread(evil, cpuTime: 100)
    trace.wait(
      thread, trace.lock(evil), from: 0, to: 500, owner: trace.thread("o"),
      stack: trace.stack("```\u{a}# head", evil))
    for options in [[], ["--lock", "img"], ["--thread", "img"]] {
      let result = try run(trace, options + ["--format", "markdown"])
      #expect(result.status == 0)
      var (fence, cells) = ("", 0)
      for line in result.output.split(separator: "\n", omittingEmptySubsequences: false) {
        if fence.isEmpty, line.hasPrefix("```") {
          fence = String(line)
        } else if !fence.isEmpty {
          // A fence ends only with its own length.
          if line == fence { fence = "" }
        } else {
          for mark in ["<img", "@all", " #1", "[a]", "**x", "http://"] {
            #expect(!line.contains(mark), "\(line)")
          }
          // Each row of a table has as many cells as its heading.
          let bars = line.hasPrefix("|") ? line.count { $0 == "|" } : 0
          #expect(bars == 0 || cells == 0 || bars == cells, "\(line)")
          #expect(bars == 0 || !line.replacing("\\`", with: "").contains("`"), "\(line)")
          cells = bars
        }
      }
      #expect(fence.isEmpty)
    }
  }
}
