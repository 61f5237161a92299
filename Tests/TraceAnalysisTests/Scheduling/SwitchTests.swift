import TestSupport
import Testing
import TraceModel

@testable import TraceAnalysis

@Suite struct SwitchTests {
  @Test func `Switches, migrations and the way from a wakeup to a CPU are counted`() throws {
    var trace = TraceBuilder(duration: 2000, scheduling: .kernel)
    let thread = trace.thread("a")
    trace.come(thread, on: 0, at: 0)
    // 10, 30 and 20 nanoseconds without a CPU.
    trace.sleep(thread, from: 100, woken: 200, to: 210, on: 0)
    trace.leave(thread, .blocked, on: 0, at: 300)
    trace.wake(thread, on: 1, at: 400)
    trace.come(thread, on: 1, at: 430)
    trace.leave(thread, .preempted, on: 1, at: 500)
    trace.come(thread, on: 1, at: 520)
    trace.leave(thread, .uninterruptible, on: 1, at: 600)
    // Of this one nothing says when it could run.
    trace.come(thread, on: 0, at: 700)
    trace.leave(thread, .ended, on: 0, at: 800)
    let found = try #require(report(trace).threads.first)
    #expect(found.switches == SwitchCounts(voluntary: 3, preempted: 1))
    #expect(found.migrations == 2)
    #expect(found.runQueueNs == TimeSummary(total: 60, max: 30, p50: 20, p99: 30))
  }

  @Test func `Whoever woke a thread is counted, interrupts and strangers too`() throws {
    var trace = TraceBuilder(duration: 2000, scheduling: .kernel)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let stranger = trace.thread("sshd", of: trace.foreignProcess("sshd"), tid: 901)
    trace.come(b, on: 1, at: 0)
    var time: Int64 = 0
    for (waker, count) in [(ThreadID.unknown, 3), (b, 2), (stranger, 1)] {
      for _ in 0..<count {
        trace.sleep(a, from: time + 10, woken: time + 20, by: waker, to: time + 30)
        time += 100
      }
    }
    // Of one that could run already.
    trace.leave(a, .preempted, at: time + 10)
    trace.wake(a, by: b, at: time + 20)
    let report = report(trace)
    #expect(
      report.threads.first?.wakers == [
        WakerSummary(pid: 0, tid: 0, name: "interrupt", count: 3),
        WakerSummary(pid: 100, tid: 102, name: "b", count: 2),
        WakerSummary(pid: 900, tid: 901, name: "sshd", count: 1),
      ])
    #expect(report.threads.map(\.name) == ["a", "b"])
    #expect(report.processes.map(\.pid) == [100])
  }

  @Test func `A release is a waker where nothing tells of wakeups`() throws {
    var trace = TraceBuilder(duration: 2000, scheduling: .switches)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let lock = trace.lock("mu")
    trace.come(a, on: 0, at: 0)
    trace.come(b, on: 1, at: 0)
    trace.wait(a, lock, from: 100, to: 320, owner: b)
    trace.leave(a, .blocked, on: 0, at: 110)
    trace.release(b, lock, from: 50, to: 290)
    trace.come(a, on: 0, at: 310)
    let found = try #require(report(trace).threads.first)
    #expect(found.wakers == [WakerSummary(pid: 100, tid: 102, name: "b", count: 1)])
    #expect(found.runQueueNs?.total == 20 && found.runnableNs == 20 && found.lockWaitNs == 180)
  }
}
