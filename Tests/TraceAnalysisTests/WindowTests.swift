import TestSupport
import Testing
import TraceAnalysis
import TraceModel

/// Reports on parts of a recording.
@Suite struct WindowTests {
  private func report(_ trace: TraceBuilder, from: Int64?, to: Int64?) -> Report {
    var analyzer = TraceAnalyzer(
      definitions: trace.definitions, lostEvents: 0, isComplete: true, lastTime: .zero,
      window: TraceWindow(
        from: from.map { Timestamp(nanoseconds: $0) }, to: to.map { Timestamp(nanoseconds: $0) }))
    // In pieces, as a reader delivers them.
    let events = trace.delivered
    for start in stride(from: 0, to: events.count, by: 7) {
      analyzer.add(Array(events[start..<min(start + 7, events.count)]).span)
    }
    let first = analyzer.report()
    #expect(analyzer.report() == first)
    return first
  }

  // MARK: One thing at a time

  @Test func `A wait that crosses both borders is cut at both`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let lock = trace.lock("mu")
    let (get, put) = (trace.stack("get"), trace.stack("put"))
    trace.wait(a, lock, from: 100, to: 900, owner: b, stack: get)
    trace.release(b, lock, from: 50, to: 900, stack: put)
    let part = report(trace, from: 300, to: 700)
    #expect(part.recording.durationNs == 400)
    #expect(part.recording.fromNs == 300 && part.recording.toNs == 700)
    let found = try #require(part.locks.first)
    #expect(found.waitNs.total == 400 && found.waitNs.max == 400 && found.contended == 1)
    #expect(found.holdNs.total == 400 && found.utilisation == 1)
    #expect(found.waiters.first?.stack.first?.function == "get")
    #expect(found.holders.first?.blamedNs == 400)
    #expect(found.holders.first?.stack.first?.function == "put")
    let thread = try #require(part.threads.first)
    #expect(thread.startNs == 300 && thread.endNs == 700 && thread.lockWaitNs == 400)
    #expect(thread.waitedMostFor?.owner == "b" && thread.longestWait?.startNs == 300)
    #expect(thread.lockWaitTimeline.reduce(0, +) == 400)
    // Parts of so short a time are rounded up to nanoseconds.
    #expect(thread.states.prefix(37) == String(repeating: "l", count: 37))
  }

  @Test func `What is over before, or begins after, is not in it`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (a, b) = (trace.thread("a", to: 250), trace.thread("b", from: 800))
    let (lock, other) = (trace.lock("mu"), trace.lock("other"))
    let main = trace.thread("main")
    trace.wait(a, lock, from: 100, to: 200)
    trace.wait(b, other, from: 850, to: 900)
    trace.wait(main, lock, from: 400, to: 450)
    let part = report(trace, from: 300, to: 700)
    #expect(part.threads.map(\.name) == ["main"])
    #expect(part.locks.map(\.name) == ["mu"] && part.locks.first?.waitNs.total == 50)
    #expect(part.recording.events == 1)
  }

  @Test func `A wait that is only cut is no deadlock`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let (one, other) = (trace.lock("one"), trace.lock("other"))
    trace.wait(a, one, from: 100, to: 900, outcome: .timedOut, owner: b)
    trace.wait(b, other, from: 200, to: 800, outcome: .timedOut, owner: a)
    #expect(!report(trace, from: nil, to: 500).findings.contains { $0.kind == "deadlock" })
    // It would be one if nobody had given up.
    trace.wait(a, one, from: 920, to: 1000, outcome: .unfinished, owner: b)
    trace.wait(b, other, from: 920, to: 1000, outcome: .unfinished, owner: a)
    #expect(report(trace, from: 500, to: nil).findings.contains { $0.kind == "deadlock" })
  }

  @Test func `Counts of the whole say nothing of a part`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a", cpuTime: 600)
    let lock = trace.lock("mu")
    trace.wait(thread, lock, from: 400, to: 450)
    trace.define(
      .use(
        LockUse(
          thread: thread, lock: lock, acquisitions: 100, shortWaits: 60, shortWaitTime: 6000)))
    let part = report(trace, from: nil, to: 700)
    #expect(part.locks.first?.acquisitions == 1 && part.locks.first?.waitNs.total == 50)
    #expect(part.threads.first?.runNs == 0)
    #expect(part.recording.notes.contains { $0.hasPrefix("of a part of a recording only") })
    #expect(WholeReport.of(trace).locks.first?.acquisitions == 100)
  }

  @Test func `A queue keeps what is in it`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let queue = trace.lock("jobs", kind: .queue, capacity: 2)
    trace.enqueue(thread, queue, count: 2, at: 100)
    trace.dequeue(thread, queue, at: 500)
    trace.dequeue(thread, queue, at: 900)
    let part = try #require(report(trace, from: 300, to: 700).queues.first)
    #expect(part.enqueued == 0 && part.dequeued == 1)
    #expect(part.depth.mean == 1.5 && part.depth.max == 2 && part.depth.fullNs == 200)
    // Of what came out in it, as a whole.
    #expect(part.residenceNs?.total == 400)
    #expect(part.depth.timeline.prefix(18).allSatisfy { $0 > 1.9 })
  }

  @Test func `Steps and waits of tasks are cut, and keep their names`() throws {
    var trace = TraceBuilder(duration: 1000)
    let loop = trace.thread("loop")
    let fetch = trace.lock("fetch", kind: .task)
    let lock = trace.lock("cache", kind: .asyncioLock)
    trace.step(loop, fetch, task: 7, from: 50, to: 100)
    trace.taskWait(loop, lock, task: 7, from: 100, to: 900)
    trace.step(loop, fetch, task: 8, from: 200, to: 400)
    trace.step(loop, fetch, task: 8, from: 650, to: 800)
    let part = report(trace, from: 300, to: 700)
    let found = try #require(part.tasks.first)
    #expect(found.name == "fetch" && found.steps == 2 && found.tasks == 1 && found.runNs == 150)
    #expect(found.waitNs.total == 400)
    #expect(part.locks.first?.waitNs.total == 400)
  }

  @Test func `A sample is shared out by time`() throws {
    var trace = TraceBuilder(duration: 1000, scheduling: .procfs)
    let thread = trace.thread("a", from: 200)
    trace.sample(thread, ran: 400, waited: 100, at: 1000)
    let threads = [(200, 600), (600, 1000)].map {
      report(trace, from: $0.0, to: $0.1).threads.first
    }
    #expect(threads.map { $0?.runNs } == [200, 200])
    #expect(threads.map { $0?.runnableNs } == [50, 50])
    #expect(threads.map { $0?.idleNs } == [150, 150])
  }

  @Test func `What the kernel says later is true of before`() throws {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let thread = trace.thread("a")
    trace.leave(thread, .blocked, at: 900)
    #expect(report(trace, from: nil, to: 500).threads.first?.runNs == 500)
    #expect(report(trace, from: 500, to: nil).threads.first?.runNs == 400)
  }

  @Test func `A part that is all is like the whole`() throws {
    var whole = WholeReport.of(trace(seed: 1))
    var part = report(trace(seed: 1), from: 0, to: 1_000_000)
    #expect(part.recording.fromNs == 0 && part.recording.toNs == 1_000_000)
    // But for what is said of counts.
    (whole.recording, whole.findings) = (part.recording, part.findings)
    for place in part.locks.indices {
      part.locks[place].acquisitions = whole.locks[place].acquisitions
    }
    #expect(part == whole)
  }

  // MARK: Everything at once

  /// What sums over parts.
  private struct Sums: Equatable {
    var events: UInt64 = 0
    var path: Int64 = 0
    var threads: [Int32: [Int64]] = [:]
    var locks: [UInt32: [Int64]] = [:]
    var queues: [UInt32: [Int64]] = [:]
    var tasks: [String: [Int64]] = [:]

    mutating func add(_ report: Report) {
      events += report.recording.events
      path += report.criticalPath.reduce(0) { $0 + $1.ns }
      for thread in report.threads {
        let times = [
          thread.runNs, thread.runnableNs, thread.lockWaitNs, thread.queueWaitNs, thread.idleNs,
        ]
        #expect(times.reduce(0, +) == thread.endNs - thread.startNs)
        let switches = thread.switches
        Sums.sum(
          times + [
            Int64(switches?.voluntary ?? 0), Int64(switches?.preempted ?? 0),
            thread.lockWaitTimeline.reduce(0, +), thread.runQueueNs?.total ?? 0,
          ], to: &threads[thread.tid])
      }
      for lock in report.locks {
        let split = lock.waitSplitNs
        Sums.sum(
          [
            lock.waitNs.total, lock.holders.reduce(0) { $0 + $1.blamedNs },
            lock.pairs.reduce(0) { $0 + $1.waitNs }, lock.heldUpBy.reduce(0) { $0 + $1.blamedNs },
            split?.holderRunning ?? 0, split?.holderPreempted ?? 0, split?.holderInLockWait ?? 0,
            split?.holderInQueueWait ?? 0, split?.holderSleeping ?? 0,
          ], to: &locks[lock.id])
      }
      for queue in report.queues {
        Sums.sum(
          [
            Int64(queue.enqueued), Int64(queue.dequeued), queue.depth.emptyNs,
            queue.depth.fullNs ?? 0, queue.residenceNs?.total ?? 0,
          ], to: &queues[queue.id])
      }
      for task in report.tasks { Sums.sum([task.runNs, task.waitNs.total], to: &tasks[task.name]) }
    }

    private static func sum(_ numbers: [Int64], to sums: inout [Int64]?) {
      sums = zip(sums ?? Array(repeating: 0, count: numbers.count), numbers).map { $0 + $1 }
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `Parts that lie side by side sum to the whole`(seed: UInt64) {
    let trace = trace(seed: seed)
    var whole = Sums()
    whole.add(report(trace, from: nil, to: 1_000_000))
    #expect(whole.threads.values.contains { $0[2] > 0 } && whole.path > 0)
    var random = SeededGenerator(seed: seed)
    var cuts = (0..<6).map { _ in Int64.random(in: 1..<1_000_000, using: &random) }
    // Moments at which things happen, too.
    cuts += trace.events.prefix(40).map(\.time.nanoseconds).filter { $0 > 0 && $0 < 1_000_000 }
      .prefix(3)
    cuts = [0] + Set(cuts).sorted() + [1_000_000]
    var parts = Sums()
    for (from, to) in zip(cuts, cuts.dropFirst()) { parts.add(report(trace, from: from, to: to)) }
    #expect(parts == whole)
  }

  /// Threads that run, sleep and wait for locks that they take from each other, with a queue and tasks: a
  /// run on one CPU, as a kernel would tell it.
  private func trace(seed: UInt64) -> TraceBuilder {
    var random = SeededGenerator(seed: seed)
    var trace = TraceBuilder(duration: 1_000_000, scheduling: .kernel)
    let threads = (0..<4).map { trace.thread("t\($0)") }
    let locks = (0..<2).map { trace.lock("mu\($0)") }
    let jobs = trace.lock("jobs", kind: .queue, capacity: 3)
    let fetch = trace.lock("fetch", kind: .task)
    let stacks = (0..<3).map { trace.stack("f\($0)", "main") }
    // Each pair of threads shares a lock: one holds it while the other waits.
    var depth = 0
    for (number, lock) in locks.enumerated() {
      var (holder, waiter) = (threads[2 * number], threads[2 * number + 1])
      let cpu = Int64(number)
      var time: Int64 = 0
      trace.come(holder, on: cpu, at: time)
      while time < 940_000 {
        let held = time
        let asked = time + .random(in: 100...8000, using: &random)
        // The holder is preempted by the waiter, which runs until it has to wait.
        trace.change(from: holder, to: waiter, .preempted, on: cpu, at: asked - 50)
        trace.change(from: waiter, to: holder, .blocked, on: cpu, at: asked + 20)
        let freed = asked + .random(in: 100...20000, using: &random)
        let slept = Bool.random(using: &random) && freed - asked > 200
        if slept {
          trace.leave(holder, .blocked, on: cpu, at: asked + 60)
          trace.wake(holder, on: cpu, at: freed - 80)
          trace.come(holder, on: cpu, at: freed - 40)
        }
        trace.release(holder, lock, from: held, to: freed, stack: stacks[number])
        trace.wake(waiter, by: holder, on: cpu, at: freed + 5)
        let got = freed + .random(in: 20...3000, using: &random)
        trace.change(from: holder, to: waiter, .blocked, on: cpu, at: got - 5)
        trace.wait(
          waiter, lock, from: asked, to: got, owner: holder,
          stack: stacks[.random(in: stacks.indices, using: &random)]
        )
        if depth < 3, Bool.random(using: &random) {
          depth += 1
          trace.enqueue(waiter, jobs, at: got + 1)
        } else if depth > 0 {
          depth -= 1
          trace.dequeue(waiter, jobs, at: got + 1)
        }
        trace.step(waiter, fetch, task: Int64(number + 1), from: asked - 40, to: got)
        swap(&holder, &waiter)
        trace.wake(waiter, on: cpu, at: got + 10)
        time = got
      }
    }
    return trace
  }
}

/// A report on all of a recording.
private enum WholeReport {
  static func of(_ trace: TraceBuilder) -> Report { report(trace) }
}
