import TestSupport
import Testing
import TraceAnalysis
import TraceModel

extension WaitSplitSummary {
  /// Nanoseconds of all parts.
  var sum: Int64 {
    holderRunning + holderPreempted + holderInLockWait + holderInQueueWait + holderSleeping
      + runQueue + other
  }
}

/// The split of the waits for a lock, of which the parts are checked to sum to the waits.
func split(
  _ report: Report, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws -> WaitSplitSummary {
  let lock = try #require(
    report.locks.first { $0.name == name }, sourceLocation: sourceLocation)
  let split = try #require(lock.waitSplitNs, sourceLocation: sourceLocation)
  #expect(split.waits == lock.contended, sourceLocation: sourceLocation)
  #expect(split.sum == lock.waitNs.total, sourceLocation: sourceLocation)
  return split
}

@Suite struct WaitSplitTests {
  /// One waits for `mu` from 200 to 1100, which another holds from 100 to 1000 and meanwhile does
  /// everything that a holder can do.
  private func trace(_ source: SchedulingSource) -> TraceBuilder {
    let hasWakeups = source == .kernel
    var trace = TraceBuilder(duration: 2000, scheduling: source)
    let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
    let third = trace.thread("third")
    let lock = trace.lock("mu")
    let inner = trace.lock("inner")
    let condition = trace.lock("cv", kind: .condition)
    func woken(_ time: Int64) -> Int64? { hasWakeups ? time : nil }
    trace.come(holder, on: 0, at: 10)
    trace.come(waiter, on: 1, at: 10)
    trace.come(third, on: 2, at: 10)
    trace.wait(waiter, lock, from: 200, to: 1100, owner: holder)
    trace.leave(waiter, .blocked, on: 1, at: 210)
    // 150 without a CPU.
    trace.sleep(holder, .preempted, from: 300, woken: nil, to: 450)
    // 15 for a disk, and 5 without a CPU.
    trace.sleep(holder, .uninterruptible, from: 500, woken: woken(515), to: 520)
    // 26 asleep, and 4.
    trace.sleep(holder, from: 530, woken: woken(556), to: 560)
    // 85 for another lock, and 5; its waker released that lock 10 earlier.
    trace.wait(holder, inner, from: 600, to: 700, owner: third)
    trace.sleep(holder, from: 605, woken: woken(690), by: third, to: 695)
    trace.release(third, inner, from: 590, to: 680)
    // 38 for a condition, and 1; the signal was 10 earlier.
    trace.wait(holder, condition, from: 750, to: 800)
    trace.sleep(holder, from: 752, woken: woken(790), by: third, to: 791)
    trace.signal(third, condition, at: 780)
    trace.release(holder, lock, from: 100, to: 1000)
    if hasWakeups { trace.wake(waiter, by: holder, on: 1, at: 1020) }
    trace.come(waiter, on: 1, at: 1090)
    return trace
  }

  @Test func `With wakeups each nanosecond of a wait has its reason`() throws {
    let report = report(trace(.kernel))
    let found = try split(report, "mu")
    #expect(found.holderPreempted == 150 + 5 + 4 + 5 + 1)
    #expect(found.holderSleeping == 15 + 26)
    #expect(found.holderInLockWait == 85)
    #expect(found.holderInQueueWait == 38)
    #expect(found.holderRunning == 800 - 165 - 41 - 85 - 38)
    // Woken 20 after the release, on a CPU for the last 10.
    #expect(found.runQueue == 70)
    #expect(found.other == 30)
    let inner = try split(report, "inner")
    #expect(inner.holderRunning == 80 && inner.runQueue == 5 && inner.other == 15)
    // Waits for conditions have no holder.
    #expect(report.locks.first { $0.name == "cv" }?.waitSplitNs == nil)
  }

  @Test func `Without wakeups the release says from when on a waiter could run`() throws {
    let report = report(trace(.switches))
    let found = try split(report, "mu")
    // Nothing tells when the disk, or the timer, was ready.
    #expect(found.holderPreempted == 150 + 15 + 11)
    #expect(found.holderSleeping == 20 + 30)
    #expect(found.holderInLockWait == 75)
    #expect(found.holderInQueueWait == 28)
    #expect(found.holderRunning == 800 - 176 - 50 - 75 - 28)
    #expect(found.runQueue == 90)
    #expect(found.other == 10)
    let inner = try split(report, "inner")
    #expect(inner.holderRunning == 80 && inner.runQueue == 15 && inner.other == 5)
  }

  @Test func `What a holder waited for itself is named`() throws {
    let lock = try #require(report(trace(.kernel)).locks.first { $0.name == "mu" })
    #expect(lock.heldUpBy.map(\.name) == ["inner", "cv", "sleeping or I/O"])
    #expect(lock.heldUpBy.map(\.kind) == ["mutex", "condition", "sleep"])
    #expect(lock.heldUpBy.map(\.blamedNs) == [100, 50, 41])
  }

  @Test func `Without scheduling there is no split`() throws {
    var trace = TraceBuilder()
    let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
    let lock = trace.lock("mu")
    trace.wait(waiter, lock, from: 200, to: 1100, owner: holder)
    trace.release(holder, lock, from: 100, to: 1000)
    let report = report(trace)
    let found = try #require(report.locks.first)
    #expect(found.waitSplitNs == nil && found.heldUpBy.isEmpty)
    #expect(report.chains.isEmpty)
    #expect(report.threads.allSatisfy { $0.switches == nil && $0.wakers.isEmpty })
  }

  @Test func `Samples split a wait by what the holder did on the whole`() throws {
    var trace = TraceBuilder(duration: 2000, scheduling: .procfs)
    let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
    let (lock, inner) = (trace.lock("mu"), trace.lock("inner"))
    trace.sample(holder, ran: 100, waited: 0, at: 100)
    trace.sample(waiter, ran: 100, waited: 0, at: 100)
    trace.wait(waiter, lock, from: 200, to: 1700)
    trace.wait(holder, inner, from: 300, to: 500)
    // Of this 1000, six parts running, two without a CPU and two in the wait.
    trace.sample(holder, ran: 600, waited: 200, at: 1100)
    trace.sample(waiter, ran: 100, waited: 0, at: 1100)
    // The latest 500 are taken to have gone on like that.
    trace.release(holder, lock, from: 100, to: 1600)
    let found = try split(report(trace), "mu")
    #expect(found.holderRunning == 540 + 300)
    #expect(found.holderPreempted == 180 + 100)
    #expect(found.holderInLockWait == 180 + 100)
    #expect(found.runQueue == 0 && found.other == 100)
  }

  @Test func `Between two samples, every wait is split whole`() throws {
    // 7 does not divide what was sampled, and the holder's waits lie before and after the last sample.
    var trace = TraceBuilder(duration: 20_000, scheduling: .procfs)
    let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
    let (lock, inner) = (trace.lock("mu"), trace.lock("inner"))
    for step in 1...5 as ClosedRange<Int64> {
      trace.sample(holder, ran: 301, waited: 199, at: 1000 * step)
      trace.sample(waiter, ran: 10, waited: 3, at: 1000 * step)
    }
    for step in 0..<40 as Range<Int64> {
      let start = 1010 + 203 * step
      trace.wait(waiter, lock, from: start + 2, to: start + 157)
      trace.release(holder, lock, from: start, to: start + 149)
      trace.wait(holder, inner, from: start + 151, to: start + 163)
    }
    let found = try split(report(trace), "mu")
    #expect(found.waits == 40)
    #expect(found.runQueue + found.other == 40 * 8)
  }

  @Test func `A hold of which nothing is known is no holder's time`() throws {
    var trace = TraceBuilder(duration: 2000, scheduling: .kernel)
    let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
    let lock = trace.lock("mu")
    trace.come(waiter, at: 10)
    trace.wait(waiter, lock, from: 200, to: 700)
    trace.leave(waiter, .blocked, at: 200)
    trace.release(holder, lock, from: 100, to: 600)
    trace.wake(waiter, at: 620)
    trace.come(waiter, at: 650)
    let found = try split(report(trace), "mu")
    #expect(found.runQueue == 30 && found.other == 470 && found.sum == 500)
  }

  @Test func `A holder that had run since it began is blamed for no more than the wait`() throws {
    for isSampled in [false, true] {
      var trace = TraceBuilder(duration: 2000, scheduling: isSampled ? .procfs : .kernel)
      let (holder, waiter) = (trace.thread("holder"), trace.thread("waiter"))
      let lock = trace.lock("mu")
      if isSampled {
        trace.sample(holder, ran: 800, waited: 0, at: 800)
        trace.sample(waiter, ran: 200, waited: 0, at: 800)
      } else {
        trace.come(waiter, on: 1, at: 5)
        // The first word of it.
        trace.sleep(holder, from: 800, woken: 800, to: 800)
        trace.leave(waiter, .blocked, on: 1, at: 200)
        trace.wake(waiter, by: holder, on: 1, at: 900)
        trace.come(waiter, on: 1, at: 900)
      }
      trace.wait(waiter, lock, from: 200, to: 900, owner: holder)
      trace.release(holder, lock, from: 100, to: 900)
      let found = try split(report(trace), "mu")
      #expect(found.holderRunning == 700 && found.sum == 700)
    }
  }

  @Test func `Where no release is seen, the owner that the lock named had it until the wakeup`()
    throws
  {
    var trace = TraceBuilder(duration: 2000, scheduling: .kernel)
    let other = ProcessID(rawValue: 2)
    trace.define(.process(Process(id: other, pid: 200, parentPID: 1, name: "o", start: .zero)))
    let waiter = trace.thread("waiter")
    let owner = trace.thread("owner", of: other)
    let lock = trace.lock("shared")
    trace.come(owner, on: 1, at: 10)
    trace.come(waiter, on: 0, at: 10)
    trace.wait(waiter, lock, from: 200, to: 900, owner: owner)
    trace.leave(waiter, .blocked, on: 0, at: 210)
    trace.sleep(owner, from: 500, woken: 700, to: 720, on: 1)
    trace.wake(waiter, by: owner, on: 0, at: 850)
    trace.come(waiter, on: 0, at: 880)
    let found = try split(report(trace), "shared")
    #expect(found.holderRunning == 300 + 130)
    #expect(found.holderSleeping == 200 && found.holderPreempted == 20)
    #expect(found.runQueue == 30 && found.other == 20)
  }

  @Test func `Every wait is split whole, whatever the events`() throws {
    for seed in 0..<60 as Range<UInt64> {
      let source: SchedulingSource = seed % 2 == 0 ? .kernel : .switches
      for lock in report(randomScheduling(seed: seed, source)).locks {
        guard let split = lock.waitSplitNs else { continue }
        #expect(split.waits <= lock.contended)
        if split.waits == lock.contended { #expect(split.sum == lock.waitNs.total) }
        #expect(split.sum <= lock.waitNs.total)
        let parts = [
          split.holderRunning, split.holderPreempted, split.holderInLockWait,
          split.holderInQueueWait, split.holderSleeping, split.runQueue, split.other,
        ]
        #expect(parts.allSatisfy { $0 >= 0 })
      }
    }
  }
}

/// Threads of which the kernel says anything in any order, with waits and holds of any length.
func randomScheduling(seed: UInt64, _ source: SchedulingSource) -> TraceBuilder {
  var random = SeededGenerator(seed: seed)
  var trace = TraceBuilder(duration: 10_000, scheduling: source)
  let threads = (0..<4).map { number in
    trace.thread(
      "\(number)", from: Int64(number) * 300, to: number == 2 ? 8000 : nil)
  }
  let locks = [trace.lock("a"), trace.lock("b"), trace.lock("cv", kind: .condition)]
  for thread in threads {
    var time: Int64 = 100
    while time < 10_500 {
      let start = time + Int64.random(in: 0...300, using: &random)
      time = start + Int64.random(in: 1...600, using: &random)
      let lock = locks.randomElement(using: &random) ?? locks[0]
      let owner = threads.randomElement(using: &random) ?? .unknown
      if Bool.random(using: &random) {
        trace.wait(thread, lock, from: start, to: time, owner: owner)
      } else {
        trace.release(thread, lock, from: start, to: time)
      }
    }
  }
  var time: Int64 = 0
  while time < 10_500 {
    time += Int64.random(in: 1...60, using: &random)
    let thread = threads.randomElement(using: &random) ?? .unknown
    let other = Bool.random(using: &random) ? ThreadID.unknown : threads[0]
    let cpu = Int64.random(in: 0...1, using: &random)
    switch Int.random(in: 0...(source == .kernel ? 3 : 2), using: &random) {
    case 0: trace.come(thread, on: cpu, at: time)
    case 1: trace.leave(thread, .blocked, on: cpu, at: time)
    case 2: trace.change(from: thread, to: other, .preempted, on: cpu, at: time)
    default: trace.wake(thread, by: other, on: cpu, at: time)
    }
  }
  return trace
}
