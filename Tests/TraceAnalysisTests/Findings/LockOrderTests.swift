import TestSupport
import TraceAnalysis
import TraceModel
import Testing

@Suite struct LockOrderTests {
  private func order(_ trace: TraceBuilder) -> Finding? {
    report(trace).findings.first { $0.kind == "lock-order" }
  }

  /// Two threads beside the main one, and three locks.
  private func scene() -> (trace: TraceBuilder, threads: [ThreadID], locks: [LockID]) {
    var trace = TraceBuilder(duration: 1000)
    let main = trace.thread("main", tid: 100)
    let threads = [main] + ["a", "b", "c"].map { trace.thread($0, from: 100, to: 800) }
    let locks = ["mu1", "mu2", "mu3"].map { trace.lock($0) }
    return (trace, threads, locks)
  }

  @Test func `Two threads that take two locks in opposite orders can deadlock`() throws {
    var (trace, t, mu) = scene()
    trace.nesting(t[1], [mu[0]], wants: mu[1], at: 200, stack: trace.stack("forwards", "run"))
    trace.nesting(t[2], [mu[1]], wants: mu[0], at: 300, stack: trace.stack("backwards", "run"))
    let found = try #require(report(trace).findings.first)
    #expect(found.kind == "lock-order" && found.severity == "warning")
    #expect(
      found.text.contains(
        "a takes mu1 and then mu2 in forwards, b takes mu2 and then mu1 in backwards"))
    let places = try #require(found.places)
    #expect(places.map(\.thread) == ["a", "b"])
    #expect(places.map(\.stack.functions) == [["forwards", "run"], ["backwards", "run"]])
    #expect(found.evidence["locks"] == 2 && found.evidence["count"] == 1)
  }

  @Test func `One order everywhere, or one thread alone, can't`() {
    var (trace, t, mu) = scene()
    trace.nesting(t[1], [mu[0]], wants: mu[1], at: 200)
    trace.nesting(t[2], [mu[0]], wants: mu[1], at: 200)
    trace.nesting(t[3], [mu[1]], wants: mu[2], at: 200)
    #expect(order(trace) == nil)
    trace.nesting(t[1], [mu[1]], wants: mu[2], at: 300)
    trace.nesting(t[1], [mu[2]], wants: mu[1], at: 300)
    // The second time it is another thread.
    #expect(order(trace) != nil)
    (trace, t, mu) = scene()
    trace.nesting(t[1], [mu[0]], wants: mu[1], at: 300)
    trace.nesting(t[1], [mu[1]], wants: mu[0], at: 300)
    #expect(order(trace) == nil)
  }

  @Test func `A lock held at both keeps them from meeting`() {
    var (trace, t, mu) = scene()
    let gate = trace.lock("gate")
    trace.nesting(t[1], [gate, mu[0]], wants: mu[1], at: 200)
    trace.nesting(t[2], [gate, mu[1]], wants: mu[0], at: 200)
    #expect(order(trace) == nil)
    // Once without it is enough.
    trace.nesting(t[2], [mu[1]], wants: mu[0], at: 300)
    #expect(order(trace) != nil)
  }

  @Test func `Three threads and three locks make a circle too`() throws {
    var (trace, t, mu) = scene()
    for place in 0..<3 {
      trace.nesting(t[place + 1], [mu[place]], wants: mu[(place + 1) % 3], at: 200)
    }
    let found = try #require(order(trace))
    #expect(found.evidence["locks"] == 3 && found.places?.count == 3)
    (trace, t, mu) = scene()
    // Two of the three steps by one thread: it is not in two places at once.
    for (place, thread) in [t[1], t[1], t[2]].enumerated() {
      trace.nesting(thread, [mu[place]], wants: mu[(place + 1) % 3], at: 200)
    }
    #expect(order(trace) == nil)
  }

  @Test func `What the main thread did before others began, or after they ended, meets nobody`() {
    for (time, isMet) in [(Int64(50), false), (500, true), (900, false)] {
      var (trace, t, mu) = scene()
      trace.nesting(t[0], [mu[0]], wants: mu[1], at: time)
      trace.nesting(t[1], [mu[1]], wants: mu[0], at: 200)
      #expect((order(trace) != nil) == isMet)
    }
  }

  @Test func `Readers keep no readers out`() {
    for (oneReads, otherReads) in [(true, true), (true, false), (false, true)] {
      var (trace, t, _) = scene()
      let (mu, table) = (trace.lock("mu"), trace.lock("table", kind: .rwlock))
      trace.define(
        .nesting(
          Nesting(
            thread: t[1], held: [.init(lock: table, isShared: oneReads)], wanted: mu,
            time: Timestamp(nanoseconds: 200))))
      trace.define(
        .nesting(
          Nesting(
            thread: t[2], held: [.init(lock: mu)], wanted: table, isShared: otherReads,
            time: Timestamp(nanoseconds: 200))))
      #expect((order(trace) == nil) == (oneReads && otherReads))
    }
  }

  @Test func `A lock that another thread than its owner released counts for nothing`() {
    var (trace, t, mu) = scene()
    trace.nesting(t[1], [mu[0]], wants: mu[1], at: 200)
    trace.nesting(t[2], [mu[1]], wants: mu[0], at: 300)
    trace.nesting(t[3], [], wants: mu[0], at: 400)
    #expect(order(trace) == nil)
  }

  @Test func `A tangle of locks is looked through to an end`() {
    var random = SeededGenerator(seed: 5)
    var trace = TraceBuilder(duration: 1000)
    let threads = (0..<40).map { trace.thread("t\($0)") }
    let locks = (0..<200).map { trace.lock("mu\($0)") }
    for _ in 0..<20_000 {
      let two = [0, 1].map { _ in locks.randomElement(using: &random) ?? .unknown }
      trace.nesting(threads.randomElement(using: &random) ?? .unknown, [two[0]], wants: two[1])
    }
    #expect(order(trace) != nil)
  }
}
