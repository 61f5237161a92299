import TestSupport
import Testing
import TraceAnalysis
import TraceModel

/// A part of a path in short.
private struct Part: Hashable, CustomStringConvertible {
  var name: String
  var doing: String
  var ns: Int64
  var description: String { "\(name) \(doing) \(ns)" }

  init(_ name: String, _ doing: String, _ ns: Int64) {
    (self.name, self.doing, self.ns) = (name, doing, ns)
  }
}

@Suite struct CriticalPathTests {
  private func path(_ trace: TraceBuilder) -> [Part] {
    report(trace).criticalPath.map { Part($0.name, $0.doing, $0.ns) }
  }

  /// One waits until the other hands a lock over, and ends last.
  private func handOver(_ source: SchedulingSource, cpus: Int32 = 2) -> TraceBuilder {
    var trace = TraceBuilder(duration: 1000, cpus: cpus, scheduling: source)
    let main = trace.thread("main", from: 0, to: 1000)
    let other = trace.thread("other", from: 100, to: 900)
    let lock = trace.lock("mu")
    trace.come(main, on: 0, at: 0)
    if source == .kernel { trace.wake(other, by: main, on: 1, at: 100) }
    trace.come(other, on: 1, at: 110)
    trace.wait(main, lock, from: 200, to: 600, owner: other)
    trace.leave(main, .blocked, on: 0, at: 205)
    trace.release(other, lock, from: 150, to: 500)
    if source == .kernel { trace.wake(main, by: other, on: 0, at: 505) }
    trace.come(main, on: 0, at: 520)
    trace.leave(other, .ended, on: 1, at: 900)
    trace.leave(main, .ended, on: 0, at: 1000)
    return trace
  }

  @Test func `The path leads through who handed the lock over, and who created that one`() {
    #expect(
      path(handOver(.kernel)) == [
        Part("main", "running", 100 + 480), Part("other", "running", 395),
        Part("main", "runnable", 15), Part("other", "runnable", 10),
      ])
  }

  @Test func `Without wakeups the release hands over`() {
    #expect(
      path(handOver(.switches)) == [
        Part("main", "running", 100 + 480), Part("other", "running", 400),
        Part("main", "runnable", 20),
      ])
  }

  @Test func `Without scheduling too, as far as waits tell`() {
    var trace = TraceBuilder(duration: 1000)
    let main = trace.thread("main", from: 0, to: 1000)
    let other = trace.thread("other", from: 100, to: 900)
    let lock = trace.lock("mu")
    trace.wait(other, trace.lock("free"), from: 120, to: 130)
    trace.wait(main, lock, from: 200, to: 600, owner: other)
    trace.release(other, lock, from: 150, to: 500)
    // From the release on, nothing tells what the waiter did.
    #expect(
      path(trace) == [
        Part("main", "running or asleep", 100 + 500),
        Part("other", "running or asleep", 20 + 370), Part("other", "waiting for a lock", 10),
      ])
  }

  @Test func `The end of a thread that is joined is handed over`() {
    for source in [SchedulingSource.kernel, .switches] {
      var trace = TraceBuilder(duration: 1000, scheduling: source)
      let main = trace.thread("main", from: 0, to: 1000)
      let other = trace.thread("other", from: 100, to: 900)
      let end = LockID(rawValue: 50)
      trace.define(
        .lock(
          Lock(id: end, process: ProcessID(rawValue: 1), kind: .thread, address: 1, thread: other)))
      trace.come(main, on: 0, at: 0)
      if source == .kernel { trace.wake(other, by: main, on: 1, at: 100) }
      trace.come(other, on: 1, at: 100)
      trace.wait(main, end, from: 200, to: 905)
      trace.leave(main, .blocked, on: 0, at: 205)
      if source == .kernel { trace.wake(main, by: other, on: 0, at: 899) }
      trace.leave(other, .ended, on: 1, at: 900)
      trace.come(main, on: 0, at: 903)
      let (running, runnable): (Int64, Int64) = source == .kernel ? (799, 4) : (800, 3)
      #expect(
        path(trace) == [
          Part("other", "running", running), Part("main", "running", 100 + 97),
          Part("main", "runnable", runnable),
        ])
    }
  }

  @Test func `What an interrupt ends was nobody's doing`() {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let main = trace.thread("main", from: 0, to: 1000)
    let condition = trace.lock("cv", kind: .condition)
    trace.come(main, at: 0)
    trace.sleep(main, from: 100, woken: 300, to: 310)
    trace.wait(main, condition, from: 400, to: 900, outcome: .timedOut)
    trace.sleep(main, from: 400, woken: 880, to: 890)
    #expect(
      path(trace) == [
        Part("main", "waiting for a condition or queue", 480),
        Part("main", "running", 100 + 90 + 110), Part("main", "sleeping or I/O", 200),
        Part("main", "runnable", 20),
      ])
    #expect(report(trace).criticalPath.first?.lock == "cv")
  }

  @Test func `What a thread beside the program ends was none of the program's doing`() {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let main = trace.thread("main", from: 0, to: 1000)
    let beside = trace.thread("sshd", of: trace.foreignProcess("sshd"), tid: 901)
    trace.come(main, on: 0, at: 0)
    trace.come(beside, on: 1, at: 50)
    trace.sleep(main, from: 100, woken: 300, by: beside, to: 300)
    #expect(
      path(trace) == [Part("main", "running", 800), Part("main", "sleeping or I/O", 200)])
  }

  @Test func `A thread that still sleeps at the end has slept to it`() {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let main = trace.thread("main", from: 0)
    trace.come(main, at: 0)
    trace.leave(main, .blocked, at: 300)
    #expect(
      path(trace) == [Part("main", "sleeping or I/O", 700), Part("main", "running", 300)])
  }

  @Test func `Parts beyond eight are told together, and nothing is lost`() throws {
    var trace = TraceBuilder(duration: 10_000, scheduling: .kernel)
    let threads = (0..<12).map { trace.thread("t\($0)", from: 0, to: $0 < 11 ? 9000 : 10_000) }
    trace.come(threads[0], at: 0)
    for index in 0..<11 {
      // Each works a little longer than the one before, the third much longer, and wakes the next.
      let time = Int64(index + 1) * 100 + Int64(index) * 7 + (index >= 2 ? 5000 : 0)
      trace.wake(threads[index + 1], by: threads[index], at: time)
      trace.change(from: threads[index], to: threads[index + 1], .blocked, at: time + 1)
    }
    let path = path(trace)
    #expect(path.count == 9)
    #expect(path.last?.name == "others" && path.last?.doing.isEmpty == true)
    #expect(path.reduce(0) { $0 + $1.ns } == 10_000)
    // 5107 from one wakeup to the next, of which the first nanosecond without a CPU.
    #expect(path.first == Part("t2", "running", 5106))
  }

  @Test func `Paths are whole, whatever the events`() {
    for seed in 0..<60 as Range<UInt64> {
      let sources = SchedulingSource.allCases
      let source = sources[Int(seed) % sources.count]
      let report = report(randomScheduling(seed: seed, source))
      // The threads have one start of all their paths: that of the first.
      #expect(report.criticalPath.reduce(0) { $0 + $1.ns } == 10_000)
    }
  }

  @Test func `A thread begins with the path of the task that created it`() {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let main = trace.thread("main", from: 0, to: 800, tid: 100)
    let first = trace.thread("first", from: 100, to: 400, tid: 7)
    let second = trace.thread("second", from: 300, to: 700, tid: 8)
    // It has the number of one that has ended, and another creator.
    let third = trace.thread("third", from: 600, to: 1000, tid: 7)
    for (number, tid, start, end, parent) in [
      (1, 100, 0, 800, 0), (2, 7, 100, 400, 1), (3, 8, 300, 700, 2), (4, 7, 600, 1000, 3),
    ] as [(UInt32, Int32, Int64, Int64, UInt32)] {
      trace.define(
        .task(
          KernelTask(
            id: KernelTaskID(rawValue: number), tid: tid, start: Timestamp(nanoseconds: start),
            end: Timestamp(nanoseconds: end), parent: KernelTaskID(rawValue: parent))))
    }
    // No wakeup tells of any of it.
    trace.come(main, on: 0, at: 0)
    trace.come(first, on: 1, at: 100)
    trace.come(second, on: 2, at: 300)
    trace.leave(first, .ended, on: 1, at: 400)
    trace.come(third, on: 3, at: 600)
    trace.leave(second, .ended, on: 2, at: 700)
    trace.leave(main, .ended, on: 0, at: 800)
    #expect(
      path(trace) == [
        Part("third", "running", 400), Part("second", "running", 300),
        Part("first", "running", 200), Part("main", "running", 100),
      ])
  }

  @Test func `An image begins with the path of the image before`() {
    var trace = TraceBuilder(duration: 1000, scheduling: .switches)
    let before = trace.thread("sh", from: 0, to: 300, tid: 100)
    let image = ProcessID(rawValue: 2)
    trace.define(
      .process(
        Process(
          id: image, pid: 100, parentPID: 1, name: "prog", start: Timestamp(nanoseconds: 300))))
    let after = trace.thread("prog", from: 300, to: 1000, of: image, tid: 100)
    trace.come(before, at: 0)
    trace.leave(after, .ended, at: 1000)
    #expect(path(trace) == [Part("prog", "running", 700), Part("sh", "running", 300)])
  }

  // MARK: What a free lock would save

  @Test func `A free lock saves its waits, as far as the CPUs could do the work earlier`() {
    func saved(_ cpus: Int32) -> Int64? { report(handOver(.kernel, cpus: cpus)).locks[0].ifFreeNs }
    // 685 and 790 on a CPU.
    #expect(saved(1) == 0)
    #expect(saved(2) == 263)
    #expect(saved(4) == 400)
  }

  /// `last` waits for a thread that had waited 300 for `first_mu` itself, and sleeps from `start` on.
  private func twoLocks(from start: Int64) -> Report {
    var trace = TraceBuilder(duration: 1000, cpus: 4, scheduling: .kernel)
    let last = trace.thread("last", from: 0, to: 1000)
    let middle = trace.thread("middle", from: 0, to: 700)
    let holder = trace.thread("holder", from: 0, to: 410)
    let (first, second) = (trace.lock("first_mu"), trace.lock("second_mu"))
    for (cpu, thread) in [last, middle, holder].enumerated() {
      trace.come(thread, on: Int64(cpu), at: 0)
    }
    trace.wait(middle, first, from: 100, to: 400, owner: holder)
    trace.leave(middle, .blocked, on: 1, at: 100)
    trace.release(holder, first, from: 20, to: 395)
    trace.wake(middle, by: holder, on: 1, at: 396)
    trace.come(middle, on: 1, at: 398)
    trace.leave(holder, .ended, on: 2, at: 410)
    trace.wait(last, second, from: start, to: 610, owner: middle)
    trace.leave(last, .blocked, on: 0, at: start)
    trace.release(middle, second, from: 50, to: 600)
    trace.wake(last, by: middle, on: 0, at: 601)
    trace.come(last, on: 0, at: 605)
    trace.leave(middle, .ended, on: 1, at: 700)
    return report(trace)
  }

  private func saved(_ report: Report, _ name: String) -> Int64? {
    report.locks.first { $0.name == name }?.ifFreeNs
  }

  @Test func `A waiter is as much earlier as its waker, but not earlier than it slept`() {
    // The waker would be there 300 earlier, and finds the waiter still awake 251 before.
    let short = twoLocks(from: 350)
    #expect(saved(short, "first_mu") == 251)
    #expect(saved(short, "second_mu") == 260)
    // The waiter slept for 451.
    let long = twoLocks(from: 150)
    #expect(saved(long, "first_mu") == 300)
    #expect(saved(long, "second_mu") == 460)
  }

  @Test func `A lock that is waited for off the path saves nothing`() {
    var trace = TraceBuilder(duration: 1000, cpus: 4, scheduling: .kernel)
    let main = trace.thread("main", from: 0, to: 1000)
    let (a, b) = (trace.thread("a", from: 0, to: 900), trace.thread("b", from: 0, to: 900))
    let lock = trace.lock("mu")
    for (cpu, thread) in [main, a, b].enumerated() {
      trace.come(thread, on: Int64(cpu), at: 0)
    }
    trace.wait(a, lock, from: 100, to: 500, owner: b)
    trace.sleep(a, from: 100, woken: 490, by: b, to: 495, on: 1)
    trace.release(b, lock, from: 50, to: 489)
    #expect(report(trace).locks.first?.ifFreeNs == 0)
  }
}
