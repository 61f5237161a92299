import TestSupport
import TraceAnalysis
import TraceModel
import Testing

/// What reports conclude of waits for conditions.
@Suite struct ConditionFindingTests {
  private func finding(_ kind: String, _ trace: TraceBuilder) -> Finding? {
    report(trace).findings.first { $0.kind == kind }
  }

  /// What threads do after a broadcast has woken them, each after the one before.
  private enum Afterwards {
    /// All but the first wait again at once, with the mutex as they were given it.
    case waitAgain
    /// All of them let go of the mutex, and wait again later.
    case work
  }

  /// Eight threads that wait for a condition, and are woken 50 times, by broadcasts or one after the other.
  private func herd(_ operation: Event.Operation, _ afterwards: Afterwards) -> TraceBuilder {
    let us: Int64 = 1000
    var trace = TraceBuilder(duration: 50_000 * us)
    let boss = trace.thread("boss")
    let workers = (0..<8).map { trace.thread("w\($0)") }
    let (ready, mu) = (trace.lock("ready", kind: .condition), trace.lock("mu"))
    var since = [Int64](repeating: 0, count: 8)
    for round in 1...Int64(50) {
      let start = round * 900 * us
      trace.signal(boss, ready, operation, at: start)
      for (place, worker) in workers.enumerated() {
        let woken = start + Int64(place + 1) * 10 * us
        trace.wait(worker, ready, from: since[place], to: woken, operation: .wait, partner: mu)
        let works = afterwards == .work || place == 0
        trace.release(
          worker, mu, from: woken, to: woken + 2 * us, operation: works ? .lock : .wait)
        since[place] = woken + 2 * us
        if works {
          since[place] = start + 500 * us + Int64(place) * us
          trace.release(worker, mu, from: since[place] - 500, to: since[place], operation: .wait)
        }
      }
    }
    return trace
  }

  @Test func `Threads that are woken and find nothing are a thundering herd`() throws {
    let found = try #require(finding("thundering-herd", herd(.broadcast, .waitAgain)))
    #expect(found.text.hasPrefix("ready has a thundering herd: 50 broadcasts woke 400 threads"))
    // The last time that each was woken it did not come to wait again.
    #expect(found.evidence["wokenInVain"] == 343 && found.evidence["woken"] == 400)
    #expect(found.severity == "warning")
  }

  @Test func `Threads that all find work, or are woken by signals, are none`() {
    #expect(finding("thundering-herd", herd(.broadcast, .work)) == nil)
    #expect(finding("thundering-herd", herd(.signal, .waitAgain)) == nil)
  }

  @Test func `A wakeup that was missed and cost a timeout is told, with where`() throws {
    for outcome in [Event.Outcome.missed, .timedOut] {
      var trace = TraceBuilder(duration: 1000)
      let a = trace.thread("a")
      trace.wait(
        a, trace.lock("ready", kind: .condition), from: 100, to: 900, operation: .wait,
        outcome: outcome, stack: trace.stack("await_job"))
      guard outcome == .missed else {
        #expect(finding("lost-wakeup", trace) == nil)
        continue
      }
      let found = try #require(finding("lost-wakeup", trace))
      #expect(found.severity == "warning" && found.evidence["waitNs"] == 800)
      #expect(found.text.hasPrefix("a wakeup of ready came just before the thread began to wait"))
      #expect(found.places?.first?.stack.functions == ["await_job"])
    }
  }

  @Test func `Timeouts that a program counts on are only good to know`() throws {
    var trace = TraceBuilder(duration: 100_000)
    let (a, ready) = (trace.thread("a"), trace.lock("ready", kind: .condition))
    trace.wait(a, ready, from: 100, to: 900, operation: .wait, outcome: .missed)
    #expect(finding("lost-wakeup", trace)?.severity == "info")
    trace.wait(a, ready, from: 1000, to: 1300, operation: .wait, outcome: .missed)
    let found = try #require(finding("lost-wakeup", trace))
    #expect(found.severity == "warning" && found.text.hasPrefix("2 wakeups of ready came"))
  }
}
