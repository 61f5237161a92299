import TestSupport
import Testing
import TraceAnalysis
import TraceModel

/// The report of a recording made by hand.
func report(_ trace: TraceBuilder, lost: UInt64 = 0, isComplete: Bool = true) -> Report {
  var analyzer = TraceAnalyzer(
    definitions: trace.definitions, lostEvents: lost, isComplete: isComplete,
    lastTime: trace.events.map(\.time).max() ?? .zero)
  analyzer.add(trace.delivered.span)
  return analyzer.report()
}

@Suite struct LockAnalysisTests {
  @Test func `A report changes nothing that a later one is made of`() throws {
    var trace = TraceBuilder()
    let thread = trace.thread("a")
    let lock = trace.lock("mu")
    for step in 0..<100 as Range<Int64> {
      trace.wait(thread, lock, from: step * 2000, to: step * 2000 + 1000)
    }
    // Counted twice, these would be the greater part.
    trace.define(
      .use(LockUse(thread: thread, lock: lock, shortWaits: 60, shortWaitTime: 6000)))
    var analyzer = TraceAnalyzer(
      definitions: trace.definitions, lostEvents: 0, isComplete: true, lastTime: .zero)
    analyzer.add(trace.delivered.span)
    let first = analyzer.report()
    #expect(try #require(first.locks.first).waitNs.p50 >= 1000)
    #expect(analyzer.report() == first)
  }

  @Test func `Waits are summed by lock and by place`() throws {
    var trace = TraceBuilder()
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let lock = trace.lock("cache_mu")
    let (get, put) = (trace.stack("get", "main"), trace.stack("put"))
    trace.wait(a, lock, from: 100, to: 300, stack: get)
    trace.wait(a, lock, from: 400, to: 500, stack: put)
    trace.wait(b, lock, from: 100, to: 1100, stack: get)
    trace.use(a, lock, acquisitions: 10)
    trace.use(b, lock, acquisitions: 5)
    let found = try #require(report(trace).locks.first)
    #expect(found.name == "cache_mu" && found.kind == "mutex")
    #expect(found.acquisitions == 15 && found.contended == 3)
    #expect(found.waitNs.total == 1300 && found.waitNs.max == 1000)
    #expect(found.waitNs.p50 == 200 && found.waitNs.p99 == 1000)
    #expect(found.waiters.map(\.waitNs) == [1200, 100])
    #expect(found.waiters.map(\.count) == [2, 1])
    #expect(found.waiters[0].stack.map(\.function) == ["get", "main"])
  }

  @Test func `A hold is blamed for the waits that lie within it`() throws {
    var trace = TraceBuilder()
    let threads = ["owner", "first", "second"].map { trace.thread($0) }
    let lock = trace.lock("mu")
    let (slow, fast) = (trace.stack("slow"), trace.stack("fast"))
    // Held from 0 to 1000 while two wait from 200 and from 600: 800 + 400.
    trace.wait(threads[1], lock, from: 200, to: 1010)
    trace.wait(threads[2], lock, from: 600, to: 1310)
    trace.release(threads[0], lock, from: 0, to: 1000, stack: slow)
    // The first has it from 1010 to 1300 while the second goes on waiting: 290.
    trace.release(threads[1], lock, from: 1010, to: 1300, stack: fast)
    let found = try #require(report(trace).locks.first)
    #expect(found.holders.map(\.blamedNs) == [1200, 290])
    #expect(found.holders.map { $0.stack[0].function } == ["slow", "fast"])
    #expect(found.holdNs.total == 1290 && found.holdNs.max == 1000)
  }

  @Test func `No wait is blamed twice where readers share a lock`() throws {
    var trace = TraceBuilder()
    let readers = (0..<3).map { trace.thread("reader \($0)") }
    let writer = trace.thread("writer")
    let lock = trace.lock("rw", kind: .rwlock)
    let stack = trace.stack("read")
    trace.wait(writer, lock, from: 100, to: 1000)
    for (index, reader) in readers.enumerated() {
      trace.release(reader, lock, from: 0, to: 500 + 100 * Int64(index), stack: stack)
    }
    let found = try #require(report(trace).locks.first)
    // From 100 to the last release at 700.
    #expect(found.holders.map(\.blamedNs) == [600])
  }

  @Test func `A wait that times out is blamed on the hold it was for`() throws {
    var trace = TraceBuilder()
    let (owner, waiter) = (trace.thread("owner"), trace.thread("waiter"))
    let lock = trace.lock("mu")
    let stack = trace.stack("hold")
    trace.wait(waiter, lock, from: 100, to: 300, outcome: .timedOut)
    trace.release(owner, lock, from: 50, to: 900, stack: stack)
    let found = try #require(report(trace).locks.first)
    #expect(found.contended == 1)
    #expect(found.holders.map(\.blamedNs) == [200])
  }

  @Test func `Blame never exceeds waiting, whatever the events`() {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<50 {
      var trace = TraceBuilder()
      let threads = (0..<4).map { trace.thread("\($0)") }
      let locks = [trace.lock("a"), trace.lock("b")]
      for thread in threads {
        var time: Int64 = 0
        for _ in 0..<40 {
          let start = time + Int64.random(in: 0...50, using: &random)
          time = start + Int64.random(in: 0...200, using: &random)
          let lock = locks[Int.random(in: 0...1, using: &random)]
          if Bool.random(using: &random) {
            trace.wait(thread, lock, from: start, to: time)
          } else {
            trace.release(thread, lock, from: start, to: time)
          }
        }
      }
      for lock in report(trace).locks {
        let blamed = lock.holders.reduce(0) { $0 + $1.blamedNs }
        #expect(blamed <= lock.waitNs.total)
        #expect(lock.holders.allSatisfy { $0.blamedNs >= 0 })
      }
    }
  }

  @Test func `Waits that were only counted are part of the totals`() throws {
    var trace = TraceBuilder()
    let thread = trace.thread("a")
    let lock = trace.lock("mu")
    trace.wait(thread, lock, from: 0, to: 5000)
    trace.define(
      .use(
        LockUse(
          thread: thread, lock: lock, acquisitions: 100, shortWaits: 9, shortWaitTime: 900,
          lostWaits: 2, lostWaitTime: 100_000, longestUnrecordedWait: 60_000)))
    let summary = report(trace)
    let found = try #require(summary.locks.first)
    #expect(found.contended == 12)
    #expect(found.waitNs.total == 105_900)
    #expect(found.waitNs.max == 60_000)
    #expect(summary.threads[0].lockWaitNs == 105_900)
  }

  @Test func `Utilisation adds a sample of the holds that nobody waited for`() throws {
    var trace = TraceBuilder(duration: 1_000_000)
    let thread = trace.thread("a")
    let lock = trace.lock("mu")
    trace.release(thread, lock, from: 0, to: 100_000)
    // 1000 acquires, one hold of them measured above; of the others ten took 300 ns each.
    trace.define(
      .use(
        LockUse(
          thread: thread, lock: lock, acquisitions: 1001, sampledHolds: 10,
          sampledHoldTime: 3000)))
    let found = try #require(report(trace).locks.first)
    #expect(abs((found.utilisation ?? 0) - 0.4) < 1e-9)
  }

  @Test func `Percentiles are those of the values, within a histogram's two digits`() throws {
    var trace = TraceBuilder(duration: 1_000_000_000)
    let thread = trace.thread("a")
    let lock = trace.lock("mu")
    var time: Int64 = 0
    for length in 1...10_000 {
      trace.wait(thread, lock, from: time, to: time + Int64(length))
      time += Int64(length) + 1
    }
    let waits = try #require(report(trace).locks.first).waitNs
    #expect(abs(Double(waits.p50) - 5000) < 5000 * 0.01)
    #expect(abs(Double(waits.p99) - 9900) < 9900 * 0.01)
    #expect(waits.max == 10_000)
  }
}

@Suite struct ThreadAnalysisTests {
  @Test func `The times of a thread sum to its lifetime`() {
    var random = SeededGenerator(seed: 7)
    var trace = TraceBuilder(duration: 100_000)
    let locks = [
      trace.lock("mu"), trace.lock("cv", kind: .condition), trace.lock("t", kind: .thread),
      trace.lock("sem", kind: .semaphore),
    ]
    for number in 0..<20 {
      let start = Int64.random(in: 0...1000, using: &random)
      let thread = trace.thread(
        "\(number)", from: start, to: start + 50_000,
        cpuTime: Bool.random(using: &random)
          ? Int64.random(in: 0...200_000, using: &random) : nil)
      var time = start
      while time < start + 60_000 {
        let end = time + Int64.random(in: 1...5000, using: &random)
        trace.wait(thread, locks.randomElement(using: &random) ?? locks[0], from: time, to: end)
        time = end
      }
    }
    for thread in report(trace).threads {
      let parts = [
        thread.runNs, thread.runnableNs, thread.lockWaitNs, thread.queueWaitNs, thread.idleNs,
      ]
      #expect(parts.allSatisfy { $0 >= 0 })
      #expect(parts.reduce(0, +) == thread.endNs - thread.startNs)
    }
  }

  @Test func `What kind of thing was waited for decides what the time is called`() throws {
    var trace = TraceBuilder(duration: 10_000)
    let thread = trace.thread("a", from: 0, to: 10_000, cpuTime: 1000)
    trace.wait(thread, trace.lock("mu"), from: 0, to: 2000)
    trace.wait(thread, trace.lock("cv", kind: .condition), from: 2000, to: 5000)
    trace.wait(thread, trace.lock("other", kind: .thread), from: 5000, to: 9000)
    let found = try #require(report(trace).threads.first)
    #expect(found.lockWaitNs == 2000)
    #expect(found.queueWaitNs == 3000)
    #expect(found.runNs == 1000)
    #expect(found.idleNs == 4000)
  }

  @Test func `The lock and the owner that cost a thread most are named`() throws {
    var trace = TraceBuilder()
    let (a, b, c) = (trace.thread("a"), trace.thread("b"), trace.thread("c"))
    let (small, large) = (trace.lock("small"), trace.lock("large"))
    trace.wait(a, small, from: 0, to: 10, owner: c)
    trace.wait(a, large, from: 10, to: 20, owner: c)
    trace.wait(a, large, from: 20, to: 100, owner: b)
    trace.wait(a, large, from: 100, to: 130, owner: c)
    let block = try #require(report(trace).threads.first?.waitedMostFor)
    #expect(block.name == "large" && block.waitNs == 120 && block.owner == "b")
  }

  @Test func `The timeline holds every nanosecond of lock waits`() throws {
    var trace = TraceBuilder(duration: 4000)
    let thread = trace.thread("a")
    let lock = trace.lock("mu")
    trace.wait(thread, lock, from: 0, to: 1000)
    trace.wait(thread, lock, from: 3990, to: 4000)
    let timeline = try #require(report(trace).threads.first).lockWaitTimeline
    #expect(timeline.reduce(0, +) == 1010)
    #expect(timeline.first ?? 0 > 0 && timeline[timeline.count / 2] == 0)
  }
}

@Suite struct FindingTests {
  @Test func `The most contended lock is the verdict`() throws {
    var trace = TraceBuilder()
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    trace.wait(a, trace.lock("other"), from: 0, to: 1000)
    trace.wait(a, trace.lock("cache_mu"), from: 10_000, to: 500_000)
    trace.wait(b, trace.lock("join", kind: .thread), from: 0, to: 1_000_000)
    let finding = try #require(report(trace).findings.first)
    #expect(finding.kind == "contention" && finding.severity == "warning")
    #expect(finding.text.hasPrefix("cache_mu is the most contended lock"))
  }

  @Test func `A healthy run is called one, and waiting for conditions is no problem`() throws {
    var trace = TraceBuilder()
    let a = trace.thread("a")
    let lock = trace.lock("mu")
    trace.wait(a, trace.lock("cv", kind: .condition), from: 0, to: 1_000_000)
    trace.wait(a, lock, from: 0, to: 500)
    trace.use(a, lock, acquisitions: 1000)
    let finding = try #require(report(trace).findings.first)
    #expect(finding.kind == "no-contention" && finding.severity == "info")
  }

  @Test func `A recording of nothing says so`() throws {
    let finding = try #require(report(TraceBuilder()).findings.first)
    #expect(finding.kind == "not-recorded")
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `Numbers without a definition, and absurd ones, do no harm`(seed: UInt64) {
    let trace = TraceBuilder.hostile(seed: seed)
    // In order as the reader delivers them, and in no order at all.
    for events in [trace.events, trace.delivered] {
      var analyzer = TraceAnalyzer(
        definitions: trace.definitions, lostEvents: .max, isComplete: false,
        lastTime: Timestamp(nanoseconds: .max))
      analyzer.add(events.span)
      let report = analyzer.report()
      // Sums of times are never less than nothing.
      #expect(report.locks.allSatisfy { $0.waitNs.total >= 0 && $0.holdNs.total >= 0 })
      #expect(report.locks.allSatisfy { (0...1).contains($0.utilisation ?? 0) })
      #expect(report.gil.allSatisfy { $0.heldNs >= 0 && (0...1).contains($0.utilisation) })
      #expect(report.gil.flatMap(\.pairs).allSatisfy { $0.waitNs >= 0 })
      #expect(report.gil.flatMap(\.threads).allSatisfy { $0.heldNs >= 0 })
      #expect(report.tasks.allSatisfy { $0.runNs >= 0 && $0.longSteps.ns >= 0 })
    }
  }
}
