import TestSupport
import TraceAnalysis
import TraceModel
import Testing

/// What reports conclude of how locks go from thread to thread.
@Suite struct LockFindingTests {
  private func finding(_ kind: String, _ trace: TraceBuilder) -> Finding? {
    report(trace).findings.first { $0.kind == kind }
  }

  /// Four threads that have a lock by turns, 200 times in all, for so long at a time, and it takes so long
  /// from one to the next.
  private func turns(held: Int64, handover: Int64, acquisitions: UInt64 = 200) -> TraceBuilder {
    let turn = held + handover
    var trace = TraceBuilder(duration: 210 * turn)
    let threads = (0..<4).map { trace.thread("t\($0)") }
    let mu = trace.lock("mu")
    for number in 0..<Int64(200) {
      let thread = threads[Int(number % 4)]
      let start = (number + 4) * turn
      trace.wait(thread, mu, from: start - 3 * turn - handover, to: start, owner: threads[0])
      trace.release(thread, mu, from: start, to: start + held)
    }
    trace.use(threads[0], mu, acquisitions: acquisitions)
    return trace
  }

  @Test func `A lock that is mostly on its way from one to the next has a convoy`() throws {
    let found = try #require(finding("lock-convoy", turns(held: 100, handover: 900)))
    #expect(found.severity == "warning" && found.text.hasPrefix("mu has a convoy: 200 of 200 "))
    #expect(found.evidence["medianHoldNs"] == 100)
    let (waited, handover) = (found.evidence["waitNs"] ?? 0, found.evidence["handoverNs"] ?? 0)
    #expect(waited > 0 && handover * 10 >= waited * 6 && handover < waited)
  }

  @Test func `A lock that is held for long, or seldom waited for, has none`() {
    #expect(finding("lock-convoy", turns(held: 900, handover: 100)) == nil)
    #expect(finding("lock-convoy", turns(held: 100, handover: 900, acquisitions: 100_000)) == nil)
  }

  @Test func `Two threads that pass a lock to each other are no convoy`() {
    var trace = TraceBuilder(duration: 300_000)
    let threads = [trace.thread("a"), trace.thread("b")]
    let mu = trace.lock("mu")
    for number in 0..<Int64(200) {
      let start = 1000 * (number + 1)
      let thread = threads[Int(number % 2)]
      trace.wait(thread, mu, from: start - 950, to: start)
      trace.release(thread, mu, from: start, to: start + 100)
    }
    trace.use(threads[0], mu, acquisitions: 200)
    #expect(finding("lock-convoy", trace) == nil)
  }

  /// A holder that is without a CPU for so long of the 800 that each of so many others waits for it.
  private func preempted(for time: Int64, waiters: Int64 = 10) -> TraceBuilder {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let holder = trace.thread("holder")
    let mu = trace.lock("mu")
    trace.come(holder, at: 0)
    for cpu in 1...waiters {
      let waiter = trace.thread("waiter")
      trace.come(waiter, on: cpu, at: 0)
      trace.sleep(waiter, from: 100, woken: 900, by: holder, to: 900, on: cpu)
      trace.wait(waiter, mu, from: 100, to: 900, owner: holder)
    }
    trace.leave(holder, .preempted, at: 200)
    trace.come(holder, at: 200 + time)
    trace.release(holder, mu, from: 50, to: 900)
    return trace
  }

  @Test func `A holder that lost its CPU is told where it cost much of the waits`() throws {
    let found = try #require(finding("holder-preempted", preempted(for: 600)))
    #expect(found.severity == "warning" && found.text.contains("who held mu was without a CPU"))
    #expect(found.evidence["holderPreemptedNs"] == 6000 && found.evidence["waitNs"] == 8000)
    #expect(finding("holder-preempted", preempted(for: 100)) == nil)
    #expect(finding("oversubscribed", preempted(for: 600)) == nil)
  }

  @Test func `Where CPUs were short for all, that a holder had none is told with it`() throws {
    // The holder runs for 400 and the waiter for 200; the holder could have for 600 more.
    let trace = preempted(for: 600, waiters: 1)
    #expect(finding("holder-preempted", trace) == nil)
    let found = try #require(finding("oversubscribed", trace))
    #expect(found.severity == "info" && found.text.hasPrefix("CPUs were short"))
    #expect(
      found.text.contains(
        "; so who held mu was without a CPU during 600 ns of the 800 ns that others waited for it"))
    #expect(found.evidence["runnableNs"] == 600 && found.evidence["runNs"] == 600)
    #expect(found.evidence["holderPreemptedNs"] == 600 && found.evidence["lockWaitNs"] == 800)
    #expect(found.evidence["lock"] == report(trace).locks.first.map { Int64($0.id) })
  }

  /// A writer that waits for the whole run while readers come and go: so many after it had asked.
  private func readers(_ count: Int64, asking operation: Event.Operation = .write) -> TraceBuilder {
    var trace = TraceBuilder(duration: 10_000)
    let (writer, reader) = (trace.thread("writer"), trace.thread("reader"))
    let table = trace.lock("table", kind: .rwlock)
    trace.release(reader, table, from: 50, to: 150, operation: .read)
    for number in 0..<count {
      let start = 200 + number * 100
      trace.release(reader, table, from: start, to: start + 150, operation: .read)
    }
    trace.wait(writer, table, from: 100, to: 9000, operation: operation)
    return trace
  }

  @Test func `A writer that readers pass starves`() throws {
    let found = try #require(finding("writer-starvation", readers(80)))
    #expect(
      found.severity == "warning" && found.text.hasPrefix("readers of table starved its writers"))
    // The one that had the lock when the writer asked has not passed it.
    #expect(found.evidence["overtakingReaders"] == 80 && found.evidence["longestNs"] == 8900)
  }

  @Test func `A writer that waits for readers that were there before does not`() {
    #expect(finding("writer-starvation", readers(5)) == nil)
    #expect(finding("writer-starvation", readers(80, asking: .read)) == nil)
  }

  @Test func `What several locks have is told once, of the worst`() throws {
    var trace = TraceBuilder(duration: 10_000)
    let (writer, reader) = (trace.thread("writer"), trace.thread("reader"))
    for (name, end) in [("first", Int64(4000)), ("second", 9000)] {
      let table = trace.lock(name, kind: .rwlock)
      for number in 0..<Int64(30) {
        trace.release(
          reader, table, from: 200 + number * 100, to: 250 + number * 100, operation: .read)
      }
      trace.wait(writer, table, from: 100, to: end, operation: .write)
    }
    let found = report(trace).findings.filter { $0.kind == "writer-starvation" }
    #expect(found.count == 1 && found[0].evidence["count"] == 2)
    #expect(
      found[0].text.contains("readers of second") && found[0].text.contains("worst of 2 such"))
  }
}
