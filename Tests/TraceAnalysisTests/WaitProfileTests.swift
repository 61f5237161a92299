import TestSupport
import Testing
import TraceAnalysis
import TraceModel

/// The samples of a recording made by hand.
private func samples(
  _ trace: TraceBuilder, by side: WaitProfile.Side, in window: Range<Int64> = 0..<Int64.max,
  isOfLocksOnly: Bool = true
) -> [WaitSample] {
  var profile = WaitProfile(
    definitions: trace.definitions, by: side, in: window, isOfLocksOnly: isOfLocksOnly)
  profile.add(trace.delivered.span)
  return profile.samples()
}

@Suite struct WaitProfileTests {
  @Test func `Waits are summed by thread, lock and place`() {
    var trace = TraceBuilder()
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let (lock, queue) = (trace.lock("mu"), trace.lock("ready", kind: .condition))
    let (get, put) = (trace.stack("get"), trace.stack("put"))
    trace.wait(a, lock, from: 100, to: 300, stack: get)
    trace.wait(a, lock, from: 400, to: 500, stack: get)
    trace.wait(b, lock, from: 100, to: 150, stack: get)
    trace.wait(b, lock, from: 600, to: 610, outcome: .timedOut, stack: put)
    trace.wait(a, queue, from: 600, to: 900, operation: .wait, stack: get)
    trace.define(
      .use(
        LockUse(
          thread: a, lock: lock, shortWaits: 4, shortWaitTime: 40, lostWaits: 1, lostWaitTime: 7)))
    let found = samples(trace, by: .waiter)
    #expect(
      found == [
        WaitSample(lock: lock, thread: a, stack: get, count: 2, time: 300),
        WaitSample(lock: lock, thread: b, stack: get, count: 1, time: 50),
        WaitSample(lock: lock, thread: .unknown, stack: .unknown, count: 5, time: 47),
        WaitSample(lock: lock, thread: b, stack: put, count: 1, time: 10),
      ])
    let all = samples(trace, by: .waiter, isOfLocksOnly: false)
    #expect(
      all.contains(WaitSample(lock: queue, thread: a, stack: get, count: 1, time: 300)))
    #expect(all.count == found.count + 1)
  }

  @Test func `Holders are charged with the waits that lie within their holds`() {
    var trace = TraceBuilder()
    let threads = ["owner", "first", "second"].map { trace.thread($0) }
    let lock = trace.lock("mu")
    let (slow, fast) = (trace.stack("slow"), trace.stack("fast"))
    // Held from 0 to 1000 while two wait from 200 and from 600: 800 + 400; then for 290 while one waits.
    trace.wait(threads[1], lock, from: 200, to: 1010)
    trace.wait(threads[2], lock, from: 600, to: 1310)
    trace.release(threads[0], lock, from: 0, to: 1000, stack: slow)
    trace.release(threads[1], lock, from: 1010, to: 1300, stack: fast)
    // Nobody waits.
    trace.release(threads[2], lock, from: 1310, to: 1400, stack: fast)
    #expect(
      samples(trace, by: .holder) == [
        WaitSample(lock: lock, thread: threads[0], stack: slow, count: 1, time: 1200),
        WaitSample(lock: lock, thread: threads[1], stack: fast, count: 1, time: 290),
      ])
  }

  @Test func `Tasks that hold a lock are charged too`() {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let lock = trace.lock("cache", kind: .asyncioLock)
    let (slow, place) = (trace.stack("slow"), trace.stack("get"))
    trace.taskRelease(thread, lock, task: 1, from: 0, to: 300, stack: slow)
    trace.taskWait(thread, lock, task: 2, from: 100, to: 310, stack: place)
    #expect(
      samples(trace, by: .holder) == [
        WaitSample(lock: lock, thread: .unknown, stack: slow, count: 1, time: 200)
      ])
    #expect(
      samples(trace, by: .waiter) == [
        WaitSample(lock: lock, thread: thread, stack: place, count: 1, time: 210)
      ])
  }

  @Test func `Of a part of the recording, only what lies in it counts`() {
    var trace = TraceBuilder()
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let lock = trace.lock("mu")
    let (get, put) = (trace.stack("get"), trace.stack("put"))
    trace.wait(a, lock, from: 100, to: 500, stack: get)
    trace.release(b, lock, from: 0, to: 490, stack: put)
    trace.wait(a, lock, from: 600, to: 700, stack: get)
    trace.define(.use(LockUse(thread: a, lock: lock, shortWaits: 4, shortWaitTime: 40)))
    #expect(
      samples(trace, by: .waiter, in: 200..<300)
        == [WaitSample(lock: lock, thread: a, stack: get, count: 1, time: 100)])
    #expect(
      samples(trace, by: .holder, in: 200..<300)
        == [WaitSample(lock: lock, thread: b, stack: put, count: 1, time: 100)])
    #expect(samples(trace, by: .waiter, in: 510..<590).isEmpty)
    #expect(samples(trace, by: .holder, in: 510..<590).isEmpty)
    // Two neighbouring parts make up the whole.
    for side in WaitProfile.Side.allCases {
      let parts = [0..<333 as Range<Int64>, 333..<2000].map { samples(trace, by: side, in: $0) }
      let sum = parts.joined().reduce(0) { $0 + $1.time }
      #expect(sum == (side == .waiter ? 500 : 390))
    }
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `The sums are those of the report`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var trace = TraceBuilder(duration: 100_000)
    let threads = (0..<4).map { trace.thread("t\($0)") }
    let locks = [LockKind.mutex, .rwlock, .asyncioLock].map { trace.lock("\($0)", kind: $0) }
    let stacks = (0..<5).map { trace.stack("f\($0)") }
    for _ in 0..<300 {
      let start = Int64.random(in: 0..<90_000, using: &generator)
      let end = start + Int64.random(in: 0..<5000, using: &generator)
      let thread = threads[Int.random(in: 0..<4, using: &generator)]
      let place = Int.random(in: 0..<3, using: &generator)
      let stack = stacks[Int.random(in: 0..<5, using: &generator)]
      let outcome: Event.Outcome = Bool.random(using: &generator) ? .acquired : .timedOut
      switch (place, Bool.random(using: &generator)) {
      case (2, true):
        trace.taskWait(
          thread, locks[2], task: 1, from: start, to: end, outcome: outcome, stack: stack)
      case (2, false):
        trace.taskRelease(thread, locks[2], task: 1, from: start, to: end, stack: stack)
      case (_, true):
        trace.wait(thread, locks[place], from: start, to: end, outcome: outcome, stack: stack)
      default: trace.release(thread, locks[place], from: start, to: end, stack: stack)
      }
    }
    let report = report(trace)
    #expect(report.locks.count == 3)
    for lock in report.locks {
      func sum(_ side: WaitProfile.Side) -> Int64 {
        samples(trace, by: side).filter { $0.lock.rawValue == lock.id }.reduce(0) { $0 + $1.time }
      }
      #expect(sum(.waiter) == lock.waitNs.total)
      #expect(sum(.holder) == lock.holders.reduce(0) { $0 + $1.blamedNs })
    }
  }
}
