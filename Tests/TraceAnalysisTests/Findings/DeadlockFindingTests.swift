import TestSupport
import TraceAnalysis
import TraceModel
import Testing

@Suite struct DeadlockFindingTests {
  /// Threads that each wait from a moment on, to the end, for a lock that the next has; the last for one that
  /// the first has.
  private func ring(_ count: Int) -> (trace: TraceBuilder, threads: [ThreadID], locks: [LockID]) {
    var trace = TraceBuilder(duration: 1000)
    let threads = (0..<count).map { trace.thread("t\($0)") }
    let locks = (0..<count).map { trace.lock("mu\($0)") }
    for place in 0..<count {
      let next = (place + 1) % count
      trace.wait(
        threads[place], locks[next], from: 100 + Int64(place), to: 1000, outcome: .unfinished,
        owner: threads[next], stack: trace.stack("take\(place)", "run"))
    }
    return (trace, threads, locks)
  }

  private func deadlock(_ trace: TraceBuilder) -> Finding? {
    report(trace).findings.first { $0.kind == "deadlock" }
  }

  @Test(arguments: [2, 3, 9])
  func `Threads that wait for each other in a circle are the verdict`(count: Int) throws {
    let finding = try #require(report(ring(count).trace).findings.first)
    #expect(finding.kind == "deadlock" && finding.severity == "warning")
    #expect(finding.text.hasPrefix("deadlock: t0 waits for mu1, held by t1, which waits for mu"))
    #expect(finding.evidence["threads"] == Int64(count))
    // The last wait closed the circle.
    #expect(finding.evidence["startNs"] == 100 + Int64(count) - 1)
    let places = try #require(finding.places)
    #expect(places.map(\.thread) == (0..<count).map { "t\($0)" })
    #expect(places[1].stack.functions == ["take1", "run"])
    #expect(places[count - 1].what == "waits for mu0, held by t0")
  }

  @Test func `A thread that waits for itself is one too`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (a, mu) = (trace.thread("a"), trace.lock("mu"))
    trace.wait(a, mu, from: 10, to: 1000, outcome: .unfinished, owner: a)
    let finding = try #require(deadlock(trace))
    #expect(finding.text == "deadlock: a waits for mu, which it holds itself: do not lock it twice")
  }

  @Test func `That its locks were waited for is not told beside it, and other problems are`() {
    var (trace, threads, _) = ring(2)
    trace.wait(
      threads[0], trace.lock("ready", kind: .condition), from: 10, to: 90, outcome: .missed)
    trace.wait(threads[1], trace.lock("other"), from: 0, to: 20)
    #expect(report(trace).findings.map(\.kind) == ["deadlock", "lost-wakeup"])
  }

  @Test func `A thread of Python's may wait for its own lock, which any may release`() {
    for (kind, isDeadlock) in [(LockKind.pythonLock, false), (.spinlock, true)] {
      var trace = TraceBuilder(duration: 1000)
      let (a, mu) = (trace.thread("a"), trace.lock("mu", kind: kind))
      trace.wait(a, mu, from: 10, to: 1000, outcome: .unfinished, owner: a)
      trace.nesting(a, [mu], at: 1000)
      #expect((deadlock(trace) != nil) == isDeadlock)
    }
  }

  @Test func `A thread that joins one which wants its lock is in a circle`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (main, worker) = (trace.thread("main"), trace.thread("worker"))
    let mu = trace.lock("mu")
    let end = LockID(rawValue: 50)
    trace.define(
      .lock(
        Lock(id: end, process: ProcessID(rawValue: 1), kind: .thread, address: 1, thread: worker)))
    trace.wait(main, end, from: 10, to: 1000, operation: .join, outcome: .unfinished)
    trace.wait(worker, mu, from: 20, to: 1000, outcome: .unfinished, owner: main)
    let finding = try #require(deadlock(trace))
    #expect(
      finding.text.contains("main waits for the end of worker, which waits for mu, held by main"))
  }

  @Test func `Who waits behind a circle is counted, and a long queue is none`() throws {
    var (trace, _, locks) = ring(2)
    var before = trace.thread("behind")
    trace.wait(
      before, locks[0], from: 500, to: 1000, outcome: .unfinished, owner: ThreadID(rawValue: 1))
    #expect(deadlock(trace)?.evidence["waitingBehind"] == 1)

    trace = TraceBuilder(duration: 1000)
    before = trace.thread("first")
    for place in 1..<5000 {
      let next = trace.thread("t\(place)")
      trace.wait(
        next, trace.lock("mu\(place)"), from: Int64(5000 - place) % 900, to: 1000,
        outcome: .unfinished, owner: before)
      before = next
    }
    #expect(deadlock(trace) == nil)
  }

  @Test func `Waits that ended, and owners that released since, close no circle`() throws {
    for isReleased in [false, true] {
      var trace = TraceBuilder(duration: 1000)
      let (a, b) = (trace.thread("a"), trace.thread("b"))
      let (mu, other) = (trace.lock("mu"), trace.lock("other"))
      trace.wait(
        a, mu, from: 100, to: isReleased ? 1000 : 900,
        outcome: isReleased ? .unfinished : .timedOut,
        owner: b)
      if isReleased { trace.release(b, mu, from: 50, to: 150) }
      trace.wait(b, other, from: 200, to: 1000, outcome: .unfinished, owner: a)
      #expect(deadlock(trace) == nil)
    }
  }

  @Test func `What threads are known to hold is believed before who had it once`() throws {
    var (trace, threads, locks) = ring(2)
    // It went to a third without a trace, and that one runs.
    let third = trace.thread("third")
    trace.nesting(third, [locks[0]], at: 1000)
    trace.nesting(threads[1], [locks[1]], at: 1000)
    #expect(deadlock(trace) == nil)
    trace.nesting(threads[0], [locks[0]], at: 1000)
    // Then it has two holders, as for reading, of which one is in the circle.
    #expect(deadlock(trace)?.evidence["threads"] == 2)
  }
}
