import TestSupport
import Testing
import TraceModel

@testable import TraceAnalysis

@Suite struct ChainTests {
  @Test func `A chain of three locks is followed to the thread that sleeps`() throws {
    var trace = TraceBuilder(duration: 2000, scheduling: .kernel)
    let threads = ["waiter", "first", "second", "third"].map { trace.thread($0) }
    let locks = ["m1", "m2", "m3"].map { trace.lock($0) }
    for (cpu, thread) in threads.enumerated() { trace.come(thread, on: Int64(cpu), at: 0) }
    trace.sleep(threads[3], from: 100, woken: 990, to: 992, on: 3)
    trace.release(threads[3], locks[2], from: 0, to: 1000)
    // Each waits for a lock that the next one holds, from 400, 300 and 200 on.
    for (index, start, end) in [(2, 200, 1010), (1, 300, 1110), (0, 400, 1210)]
      as [(Int, Int64, Int64)]
    {
      let (thread, holder, cpu) = (threads[index], threads[index + 1], Int64(index))
      trace.wait(thread, locks[index], from: start, to: end, owner: holder)
      trace.leave(thread, .blocked, on: cpu, at: start + 1)
      trace.wake(thread, by: holder, on: cpu, at: end - 8)
      trace.come(thread, on: cpu, at: end - 5)
      if index > 0 { trace.release(thread, locks[index - 1], from: 0, to: end + 90) }
    }
    let report = report(trace)
    let first = try split(report, "m1")
    #expect(first.holderInLockWait == 702 && first.holderPreempted == 3)
    #expect(first.holderRunning == 95 && first.runQueue == 3 && first.other == 7)
    let third = try split(report, "m3")
    #expect(third.holderSleeping == 790 && third.holderPreempted == 2)
    #expect(third.holderRunning == 8 && third.runQueue == 3 && third.other == 7)
    #expect(report.chains.count == 1)
    let chain = try #require(report.chains.first)
    #expect(chain.waitNs == 810)
    #expect(
      chain.links == [
        ChainLink(
          lock: 1, name: "m1", holder: "first", pid: 100, tid: 102, doing: "waiting for a lock",
          ns: 702),
        ChainLink(
          lock: 2, name: "m2", holder: "second", pid: 100, tid: 103, doing: "waiting for a lock",
          ns: 702),
        ChainLink(
          lock: 3, name: "m3", holder: "third", pid: 100, tid: 104, doing: "sleeping or I/O",
          ns: 790),
      ])
  }

  @Test func `Two that wait for each other are a chain of two links`() throws {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let (left, right) = (trace.lock("left"), trace.lock("right"))
    trace.come(a, on: 0, at: 0)
    trace.come(b, on: 1, at: 0)
    trace.wait(a, right, from: 100, to: 1000, outcome: .unfinished, owner: b)
    trace.leave(a, .blocked, on: 0, at: 105)
    trace.wait(b, left, from: 200, to: 1000, outcome: .unfinished, owner: a)
    trace.leave(b, .blocked, on: 1, at: 201)
    let report = report(trace)
    let first = try split(report, "right")
    #expect(first.holderRunning == 101 && first.holderInLockWait == 799)
    #expect(try split(report, "left").holderInLockWait == 800)
    #expect(report.chains.count == 1)
    let links = try #require(report.chains.first).links
    #expect(links.map(\.name) == ["right", "left"])
    #expect(links.map(\.holder) == ["b", "a"])
    #expect(links.map(\.ns) == [799, 800])
  }

  @Test func `A holder that runs, or is preempted, ends the chain`() throws {
    for (isPreempted, doing, time) in [(false, "running", 560), (true, "preempted", 500)]
      as [(Bool, String, Int64)]
    {
      var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
      let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
      let lock = trace.lock("mu")
      trace.come(holder, on: 0, at: 0)
      trace.come(waiter, on: 1, at: 0)
      trace.wait(waiter, lock, from: 300, to: 870, owner: holder)
      trace.leave(waiter, .blocked, on: 1, at: 300)
      if isPreempted { trace.sleep(holder, .preempted, from: 310, woken: nil, to: 810) }
      trace.release(holder, lock, from: 100, to: 860)
      trace.wake(waiter, by: holder, on: 1, at: 865)
      trace.come(waiter, on: 1, at: 866)
      let links = try #require(report(trace).chains.first).links
      #expect(links.map(\.doing) == [doing] && links.map(\.ns) == [time])
    }
  }
}
