import TestSupport
import Testing
import TraceAnalysis
import TraceModel

@Suite struct LeftLockedTests {
  private func left(_ trace: TraceBuilder) -> Finding? {
    report(trace).findings.first { $0.kind == "left-locked" }
  }

  @Test func `A thread that ends with a lock while its process lives on has left it locked`() throws
  {
    var trace = TraceBuilder(duration: 1000)
    _ = trace.thread("main", tid: 100)
    let worker = trace.thread("worker", from: 100, to: 400)
    let mu = trace.lock("mu")
    trace.nesting(worker, [mu], at: 400)
    let found = try #require(left(trace))
    #expect(found.severity == "warning")
    #expect(found.text.contains("worker ended and left mu locked"))
    #expect(found.evidence["lock"] == Int64(mu.rawValue) && found.evidence["endNs"] == 400)
    #expect(found.evidence["count"] == 1)
  }

  @Test func `The first is told, and how many more locks there are`() throws {
    var trace = TraceBuilder(duration: 1000)
    _ = trace.thread("main", tid: 100)
    let late = trace.thread("late", from: 100, to: 600)
    let early = trace.thread("early", from: 100, to: 300)
    let locks = ["one", "two", "three"].map { trace.lock($0) }
    trace.nesting(late, [locks[0]], at: 600)
    trace.nesting(early, [locks[1], locks[2]], at: 300)
    let found = try #require(left(trace))
    #expect(found.text.contains("early ended and left two locked (and 2 more locks"))
    #expect(found.evidence["count"] == 3)
  }

  @Test func `What the end of the process ended has left nothing`() {
    var trace = TraceBuilder(duration: 1000)
    let main = trace.thread("main", tid: 100)
    let worker = trace.thread("worker", from: 100, to: 1000)
    let mu = trace.lock("mu")
    trace.nesting(main, [mu], at: 1000)
    trace.nesting(worker, [mu], at: 1000)
    #expect(left(trace) == nil)
  }

  @Test func `A lock that another thread released was handed over`() {
    var trace = TraceBuilder(duration: 1000)
    _ = trace.thread("main", tid: 100)
    let worker = trace.thread("worker", from: 100, to: 400)
    let other = trace.thread("other", from: 100, to: 800)
    let mu = trace.lock("mu")
    trace.nesting(worker, [mu], at: 400)
    #expect(left(trace) != nil)
    trace.nesting(other, [], wants: mu, at: 500)
    #expect(left(trace) == nil)
  }

  @Test func `Only mutexes and reader-writer locks can be left`() {
    for (kind, isLeft) in [
      (LockKind.mutex, true), (.rwlock, true), (.spinlock, false), (.pythonLock, false),
    ] {
      var trace = TraceBuilder(duration: 1000)
      _ = trace.thread("main", tid: 100)
      let worker = trace.thread("worker", from: 100, to: 400)
      trace.nesting(worker, [trace.lock("it", kind: kind)], at: 400)
      #expect((left(trace) != nil) == isLeft, "\(kind)")
    }
  }
}
