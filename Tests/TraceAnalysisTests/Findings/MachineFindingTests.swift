import TestSupport
import TraceAnalysis
import TraceModel
import Testing

/// What reports conclude of queues, CPUs and the interpreter's lock.
@Suite struct MachineFindingTests {
  private func finding(_ kind: String, _ trace: TraceBuilder) -> Finding? {
    report(trace).findings.first { $0.kind == kind }
  }

  /// A queue for one item, into which a thread puts the next as soon as one was taken, and has waited for
  /// that; after the last of 40 nothing happens for as long again.
  private func full(
    kind: LockKind = .pythonQueue, capacity: UInt64 = 1, waits: Bool = true
  ) -> TraceBuilder {
    var trace = TraceBuilder(duration: 8000)
    let (producer, consumer) = (trace.thread("producer"), trace.thread("consumer"))
    let jobs = trace.lock("jobs", kind: kind, capacity: capacity)
    trace.enqueue(producer, jobs, at: 0)
    for number in 1...Int64(40) {
      if waits {
        trace.wait(producer, jobs, from: number * 100 - 90, to: number * 100, operation: .put)
      }
      trace.dequeue(consumer, jobs, at: number * 100 - 1, stack: trace.stack("handle"))
      if number < 40 { trace.enqueue(producer, jobs, at: number * 100) }
    }
    return trace
  }

  @Test func `A queue that is always full says who is slow`() throws {
    let found = try #require(finding("queue-full", full()))
    #expect(
      found.severity == "warning"
        && found.text.contains(
          "jobs was full 50 % of the run (99 % of the time it was in use), and")
    )
    // 40 times 99 of 8000.
    #expect(report(full()).queues.first?.depth.fullNs == 3960)
    #expect(found.text.contains("who takes out of it in handle is the bottleneck"))
    #expect(found.evidence["waitNs"] == 3600 && found.evidence["usedNs"] == 3999)
  }

  @Test
  func `One that has room, or for which nobody waits, says nothing, and a pipe's is no warning`() {
    #expect(finding("queue-full", full(capacity: 9)) == nil)
    #expect(finding("queue-full", full(capacity: 0)) == nil)
    #expect(finding("queue-full", full(waits: false)) == nil)
    #expect(finding("queue-full", full(kind: .pipe))?.severity == "info")
  }

  /// A queue out of which each item is taken at once, by one who has waited for it.
  private func empty(kind: LockKind = .queue, producerRuns: Int64, waits: Bool = true)
    -> TraceBuilder
  {
    var trace = TraceBuilder(duration: 4000)
    let producer = trace.thread("producer", cpuTime: producerRuns)
    let consumer = trace.thread("consumer")
    let jobs = trace.lock("jobs", kind: kind)
    for number in 1...Int64(39) {
      if waits {
        trace.wait(consumer, jobs, from: number * 100 - 90, to: number * 100, operation: .take)
      }
      trace.enqueue(producer, jobs, at: number * 100 - 2, stack: trace.stack("parse"))
      trace.dequeue(consumer, jobs, at: number * 100)
    }
    return trace
  }

  @Test func `A queue that is always empty is a problem only where who fills it is busy`() throws {
    let found = try #require(finding("queue-empty", empty(producerRuns: 3900)))
    // From the first to the last, 3802, for 98 of each 100; then to the end at 4000.
    #expect(
      found.severity == "warning"
        && found.text.contains(
          "jobs was empty 96 % of the run (98 % of the time it was in use), and")
    )
    #expect(found.text.contains("who puts into it in parse is the bottleneck"))
    #expect(finding("queue-empty", empty(producerRuns: 200))?.severity == "info")
    #expect(finding("queue-empty", empty(producerRuns: 3900, waits: false)) == nil)
    #expect(finding("queue-empty", empty(kind: .socket, producerRuns: 3900)) == nil)
  }

  /// Threads on two CPUs, all of which want to run all the time, and each of which does for this part of it.
  private func crowd(_ count: Int, run: Int64) -> TraceBuilder {
    var trace = TraceBuilder(duration: 1000, scheduling: .procfs)
    for number in 1...UInt32(count) {
      trace.define(
        .thread(
          Thread(
            id: ThreadID(rawValue: number), process: ProcessID(rawValue: 1), tid: Int32(number),
            start: .zero, cpuTime: run, runnableTime: 1000 - run)))
    }
    return trace
  }

  @Test func `More threads than CPUs are too many`() throws {
    let found = try #require(finding("oversubscribed", crowd(6, run: 333)))
    #expect(found.severity == "warning" && found.text.contains("6.0 at a time on 2 CPUs"))
    #expect(found.evidence["runNs"] == 6 * 333 && found.evidence["runnableNs"] == 6 * 667)
    #expect(finding("oversubscribed", crowd(3, run: 667))?.severity == "info")
    #expect(finding("oversubscribed", crowd(2, run: 950)) == nil)
  }

  @Test func `Other programs on the machine are not the program's fault`() throws {
    let found = try #require(finding("oversubscribed", crowd(2, run: 500)))
    #expect(found.severity == "info" && found.text.hasPrefix("CPUs were short"))
    #expect(found.evidence["lock"] == nil && !found.text.contains("held"))
  }

  /// Two threads of Python's: one has the interpreter's lock for so long of each 1000, and the other wants it
  /// all that time.
  private func interpreter(_ held: Int64) -> TraceBuilder {
    var trace = TraceBuilder(duration: 100_000)
    let (burner, server) = (trace.thread("burner"), trace.thread("server"))
    let gil = trace.lock("GIL", kind: .gil)
    for start in stride(from: Int64(0), to: 100_000, by: 1000) {
      trace.wait(server, gil, from: start, to: start + held, owner: burner)
      trace.release(burner, gil, from: start, to: start + held)
      trace.wait(burner, gil, from: start + held, to: start + 1000, owner: server)
      trace.release(server, gil, from: start + held, to: start + 1000)
    }
    return trace
  }

  @Test func `A thread that hardly gets the interpreter's lock starves`() throws {
    let found = try #require(finding("gil-starvation", interpreter(950)))
    #expect(found.severity == "warning" && found.text.hasPrefix("server starved for the GIL"))
    #expect(found.text.contains("mostly for burner") && found.evidence["count"] == 1)
    #expect(finding("gil-starvation", interpreter(500)) == nil)
  }

  @Test func `Warnings come by what they cost, and what is only good to know behind the verdict`() {
    var trace = crowd(2, run: 500)
    #expect(report(trace).findings.map(\.kind) == ["no-contention", "oversubscribed"])
    trace.wait(
      ThreadID(rawValue: 1), trace.lock("ready", kind: .condition), from: 10, to: 20,
      outcome: .missed)
    #expect(
      report(trace).findings.map(\.kind) == ["lost-wakeup", "no-contention", "oversubscribed"])
  }
}
