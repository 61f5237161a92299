import TestSupport
import Testing
import TraceAnalysis
import TraceModel

@Suite struct GILTests {
  private static let ms: Int64 = 1_000_000

  /// Two threads that compute and one that mostly sleeps, for a second:
  ///
  ///     burner  holds 0–400, 600–900    waits 400–600
  ///     main    holds 400–600, 900–990  waits 100–400 and 650–900
  ///     io      never gets it           waits 50–1000
  private func trace() -> (trace: TraceBuilder, gil: LockID) {
    let ms = GILTests.ms
    var trace = TraceBuilder(duration: 1000 * ms)
    let (main, burner, io) = (
      trace.thread("MainThread"), trace.thread("burner"), trace.thread("io")
    )
    let gil = trace.lock("GIL", kind: .gil)
    let (spin, match) = (
      trace.python(("spin", "/srv/app.py", 5)),
      trace.python(
        ("match", "/usr/lib/python3.11/re.py", 100), ("parse", "/srv/app.py", 9),
        ("run", "/usr/lib/python3.11/threading.py", 975))
    )
    trace.wait(io, gil, from: 50 * ms, to: 1000 * ms, owner: burner, stack: spin)
    trace.wait(main, gil, from: 100 * ms, to: 400 * ms, owner: burner, stack: spin)
    trace.release(burner, gil, from: 0, to: 400 * ms, stack: match)
    trace.wait(burner, gil, from: 400 * ms, to: 600 * ms, owner: main, stack: spin)
    trace.release(main, gil, from: 400 * ms, to: 600 * ms, stack: spin)
    trace.wait(main, gil, from: 650 * ms, to: 900 * ms, owner: burner, stack: spin)
    trace.release(burner, gil, from: 600 * ms, to: 900 * ms, stack: match)
    // Nobody waited for these; one lock beside it is no interpreter's.
    trace.define(
      .use(
        LockUse(
          thread: main, lock: gil, acquisitions: 7, releases: 30, sampledHolds: 5,
          sampledHoldTime: UInt64(90 * ms))))
    trace.define(.use(LockUse(thread: burner, lock: gil, acquisitions: 2, releases: 12)))
    trace.define(.use(LockUse(thread: io, lock: gil, shortWaits: 2, shortWaitTime: 800)))
    trace.define(
      .use(
        LockUse(
          thread: main, lock: trace.lock("mu"), acquisitions: 1000, sampledHolds: 9,
          sampledHoldTime: 5000)))
    return (trace, gil)
  }

  @Test func `Holds are summed by thread, those that nobody waited for too`() throws {
    let ms = GILTests.ms
    let found = try #require(report(trace().trace).gil.first)
    #expect(found.pid == 100 && found.wallNs == 1000 * ms)
    // Who starved comes first.
    #expect(found.threads.map(\.name) == ["io", "burner", "MainThread"])
    #expect(found.threads.map(\.heldNs) == [0, 700 * ms, 290 * ms])
    #expect(found.threads.map(\.longestHoldNs) == [0, 400 * ms, 200 * ms])
    #expect(found.heldNs == 990 * ms && abs(found.utilisation - 0.99) < 1e-9)
    #expect(found.acquisitions == 9 && found.dropRequests == 42)
    #expect(found.threads.map(\.acquisitions) == [0, 2, 7])
  }

  @Test func `Waits are told by thread, and for whom`() throws {
    let ms = GILTests.ms
    let found = try #require(report(trace().trace).gil.first)
    #expect(found.contended == 6 && found.waitNs.total == 1700 * ms + 800)
    #expect(found.threads.map(\.waits) == [3, 1, 2])
    #expect(found.threads.map(\.waitNs.total) == [950 * ms + 800, 200 * ms, 550 * ms])
    #expect(found.pairs.map(\.waiter) == ["io", "MainThread", "burner"])
    #expect(found.pairs.map(\.owner) == ["burner", "burner", "MainThread"])
    #expect(found.pairs.map(\.count) == [1, 2, 1])
    #expect(found.pairs.map(\.waitNs) == [950 * ms, 550 * ms, 200 * ms])
    #expect(found.threads.map(\.starved) == [true, false, false])
    #expect(found.threads.map(\.waitedMostFor?.name) == ["burner", "MainThread", "burner"])
    #expect(found.threads.map(\.waitedMostFor?.waitNs) == [950 * ms, 200 * ms, 550 * ms])
    #expect(found.threads.map(\.waitedMostFor?.count) == [1, 1, 2])
  }

  @Test func `Whom a thread starved for is told, however many wait for others longer`() throws {
    let ms = GILTests.ms
    var trace = TraceBuilder(duration: 1000 * ms)
    let gil = trace.lock("GIL", kind: .gil)
    let (main, hog) = (trace.thread("main"), trace.thread("hog"))
    let starved = trace.thread("starved")
    trace.release(main, gil, from: 0, to: 500 * ms)
    trace.release(hog, gil, from: 500 * ms, to: 1000 * ms)
    // More pairs than are told of one process, each of which waited for longer than those of this one.
    for number in 0..<10 as Range<Int64> {
      let other = trace.thread("t\(number)")
      trace.wait(other, gil, from: 0, to: 290 * ms, owner: main)
      trace.release(other, gil, from: 0, to: 80 * ms)
    }
    trace.wait(starved, gil, from: 0, to: 100 * ms, owner: main)
    trace.wait(starved, gil, from: 500 * ms, to: 760 * ms, owner: hog)
    let report = report(trace)
    let found = try #require(report.gil.first)
    #expect(found.pairs.count == 8 && !found.pairs.contains { $0.waiter == "starved" })
    #expect(found.threads.map(\.starved) == [true] + Array(repeating: false, count: 12))
    let thread = try #require(found.threads.first)
    #expect(thread.name == "starved" && thread.waitedMostFor?.name == "hog")
    #expect(thread.waitedMostFor?.waitNs == 260 * ms && thread.waitedMostFor?.count == 1)
    #expect(
      report.findings.first?.text.contains(
        "; starved waited once for hog and had it for 0 ns while it waited 360 ms") == true,
      "\(report.findings.map(\.text))")
  }

  @Test func `Of long holds in several processes the worst is told, with how many there are`()
    throws
  {
    let ms = GILTests.ms
    var trace = TraceBuilder(duration: 1000 * ms)
    for number in 1...3 as ClosedRange<UInt32> {
      let process = ProcessID(rawValue: number + 1)
      trace.define(
        .process(Process(id: process, pid: Int32(number) * 100, parentPID: 100, start: .zero)))
      let id = LockID(rawValue: number)
      trace.define(.lock(Lock(id: id, process: process, kind: .gil, address: 64, name: "GIL")))
      let (holder, waiter) = (
        trace.thread("holder \(number)", of: process), trace.thread("waiter", of: process)
      )
      // 100 ms in one, 200 ms in another and 49 ms, which is not long, in the last.
      let waited = [100, 200, 49][Int(number) - 1] * ms
      trace.wait(waiter, id, from: 300 * ms - waited, to: 300 * ms + 1, owner: holder)
      trace.release(holder, id, from: 0, to: 300 * ms)
    }
    let findings = report(trace).findings.filter { $0.kind == "gil-hold" }
    #expect(
      findings.map(\.text) == [
        "holder 2 kept the GIL for 300 ms while others waited 200 ms for it: C code that does not let go; "
          + "it was so in 2 processes"
      ])
    #expect(findings.first?.evidence["processes"] == 2 && findings.first?.evidence["lock"] == 2)
    #expect(findings.first?.evidence["holds"] == 2)
    #expect(findings.first?.evidence["waitNs"] == 300 * ms)
  }

  @Test func `Sums of absurd times are no less than nothing`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let gil = trace.lock("GIL", kind: .gil)
    for _ in 0..<3 {
      trace.wait(b, gil, from: 0, to: .max, owner: a)
      trace.release(a, gil, from: 0, to: .max)
      trace.define(.use(LockUse(thread: a, lock: gil, releases: .max, sampledHoldTime: .max)))
      trace.define(.use(LockUse(thread: b, lock: gil, releases: .max, shortWaits: .max)))
    }
    let found = try #require(report(trace).gil.first)
    #expect(found.heldNs == .max && found.utilisation == 1 && found.dropRequests == .max)
    #expect(found.pairs.map(\.waitNs) == [.max] && found.threads.map(\.heldNs).max() == .max)
    #expect(found.waitNs.total == .max)
  }

  @Test func `The worst hold is the one that kept another waiting, not the longest`() throws {
    let ms = GILTests.ms
    let found = try #require(report(trace().trace).gil.first)
    let worst = try #require(found.worstHold)
    // io waited 350 of the first, and 300, all of it, of the last.
    #expect(worst.thread == "burner" && worst.startNs == 0 && worst.ns == 400 * ms)
    #expect(worst.waitedForNs == 350 * ms)
    #expect(worst.stack.first?.function == "parse" && worst.stack.first?.line == 9)
    #expect(found.longHolds.map(\.ns) == [650 * ms, 200 * ms])
    #expect(found.longHolds.map(\.count) == [2, 1])

    var alone = TraceBuilder(duration: 1000 * ms)
    let (a, b) = (alone.thread("a"), alone.thread("b"))
    let gil = alone.lock("GIL", kind: .gil)
    // It had it long before anybody else was there.
    alone.wait(b, gil, from: 895 * ms, to: 900 * ms + 1, owner: a)
    alone.release(a, gil, from: 0, to: 900 * ms)
    alone.wait(a, gil, from: 900 * ms, to: 906 * ms + 1, owner: b)
    alone.release(b, gil, from: 900 * ms, to: 906 * ms)
    let other = report(alone)
    #expect(other.gil.first?.worstHold?.thread == "b")
    #expect(other.gil.first?.longHolds.isEmpty == true)
    #expect(!other.findings.contains { $0.kind == "gil-hold" })
  }

  @Test func `A long hold that nobody waited for in vain is no finding`() throws {
    let ms = GILTests.ms
    var trace = TraceBuilder(duration: 1000 * ms)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let gil = trace.lock("GIL", kind: .gil)
    trace.wait(b, gil, from: 895 * ms, to: 900 * ms + 1, owner: a)
    trace.release(a, gil, from: 0, to: 900 * ms)
    let report = report(trace)
    #expect(report.gil.first?.worstHold?.ns == 900 * ms)
    #expect(report.gil.first?.worstHold?.waitedForNs == 5 * ms)
    #expect(!report.findings.contains { $0.kind == "gil-hold" })
  }

  @Test func `Where its process lived for a part of the run, it was busy for a part of both`()
    throws
  {
    let ms = GILTests.ms
    var trace = TraceBuilder(duration: 2000 * ms)
    trace.define(
      .process(
        Process(
          id: ProcessID(rawValue: 1), pid: 100, parentPID: 1, name: "python3",
          arguments: ["python3"],
          start: .zero, end: Timestamp(nanoseconds: 1000 * ms), runtime: .loaded)))
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let gil = trace.lock("GIL", kind: .gil)
    trace.release(a, gil, from: 0, to: 800 * ms)
    trace.wait(b, gil, from: 0, to: 800 * ms, owner: a)
    let report = report(trace)
    #expect(report.gil.first?.utilisation == 0.8 && report.locks.first?.utilisation == 0.4)
    let text = try #require(report.findings.first { $0.kind == "gil" }).text
    #expect(
      text.hasPrefix(
        "the GIL was busy 40 % of the run (80 % of the time that its process lived): threads lost"),
      "\(text)")
  }

  @Test func `The verdict tells what the lock cost, who starved and who did not let go`() throws {
    let findings = report(trace().trace).findings
    #expect(findings.map(\.kind) == ["gil", "gil-starvation", "gil-hold"])
    #expect(findings.allSatisfy { $0.severity == "warning" })
    #expect(
      findings.first?.text
        == "the GIL was busy 99 % of the run: threads lost 1.7 s of 3.0 s to it; io waited once for burner and had "
        + "it for 0 ns while it waited 950 ms")
    #expect(
      findings.last?.text
        == "burner kept the GIL for 400 ms while others waited 350 ms for it: C code that does not let "
        + "go in parse app.py:9")
    #expect(findings.first?.evidence["starvedThreads"] == 1)
  }

  @Test func `Threads that share it evenly do not starve, however many they are`() throws {
    let ms = GILTests.ms
    var trace = TraceBuilder(duration: 1000 * ms)
    let gil = trace.lock("GIL", kind: .gil)
    for number in 0..<10 as Range<Int64> {
      let thread = trace.thread("t\(number)")
      trace.wait(thread, gil, from: 0, to: number * 100 * ms)
      trace.release(thread, gil, from: number * 100 * ms, to: (number + 1) * 100 * ms)
    }
    let found = try #require(report(trace).gil.first)
    #expect(found.threads.allSatisfy { !$0.starved && $0.heldNs == 100 * ms })
    #expect(found.heldNs == 1000 * ms)
  }

  @Test func `A process that lived for a part of the run had its lock for a part of its life`()
    throws
  {
    var trace = TraceBuilder(duration: 1000)
    let child = ProcessID(rawValue: 2)
    trace.define(
      .process(
        Process(
          id: child, pid: 200, parentPID: 100, start: Timestamp(nanoseconds: 500),
          end: Timestamp(nanoseconds: 900))))
    let thread = trace.thread("a", from: 500, to: 900, of: child)
    trace.define(
      .lock(Lock(id: LockID(rawValue: 9), process: child, kind: .gil, address: 64, name: "GIL")))
    trace.define(
      .use(
        LockUse(
          thread: thread, lock: LockID(rawValue: 9), acquisitions: 1, sampledHolds: 1,
          sampledHoldTime: 100)))
    let found = try #require(report(trace).gil.first)
    #expect(found.pid == 200 && found.wallNs == 400 && found.utilisation == 0.25)
    #expect(found.worstHold == nil && found.pairs.isEmpty)
  }

  @Test func `A daemon thread is told as one`() throws {
    var trace = TraceBuilder(duration: 1000)
    _ = trace.thread("main")
    trace.define(
      .thread(
        Thread(
          id: ThreadID(rawValue: 8), process: ProcessID(rawValue: 1), tid: 108, name: "poller",
          start: .zero, isDaemon: true)))
    #expect(report(trace).threads.map(\.daemon) == [nil, true])
  }
}
