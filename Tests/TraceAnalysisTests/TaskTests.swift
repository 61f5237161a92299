import TestSupport
import Testing
import TraceModel

@testable import TraceAnalysis

@Suite struct TaskTests {
  private static let millisecond: Int64 = 1_000_000

  @Test func `Steps are told by name, and tasks by their number`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (loop, other) = (trace.thread("loop"), trace.thread("other"))
    let fetch = trace.lock("fetch", kind: .task)
    let serve = trace.lock("serve", kind: .greenlet)
    trace.step(loop, fetch, task: 1, from: 0, to: 10)
    trace.step(loop, fetch, task: 900, from: 10, to: 40)
    trace.step(loop, fetch, task: 1, from: 40, to: 60)
    trace.step(other, fetch, task: 1 << 40, from: 50, to: 90)
    trace.step(other, serve, task: 2, from: 90, to: 490)
    let report = report(trace)
    #expect(report.tasks.map(\.name) == ["serve", "fetch"])
    let tasks = report.tasks[1]
    #expect(tasks.kind == "asyncio" && report.tasks[0].kind == "greenlet")
    #expect(tasks.pid == 100 && tasks.tasks == 3 && tasks.steps == 4)
    #expect(tasks.runNs == 100 && tasks.longestStepNs == 40)
    #expect(tasks.stepNs == TimeSummary(total: 100, max: 40, p50: 20, p99: 40))
    let longest = try #require(tasks.longestStep)
    #expect(longest.task == 1 << 40 && longest.thread == "other" && longest.startNs == 50)
    #expect(longest.ns == 40 && longest.blockedBy == nil && longest.stack.isEmpty)
    #expect(tasks.longSteps.count == 0 && tasks.waits == 0)
    // They are no queues, no locks and no work of the program's own.
    #expect(report.queues.isEmpty && report.locks.isEmpty && report.slices.isEmpty)
    #expect(report.recording.events == 5)
  }

  @Test func `Each task is counted once, however many there are and whoever runs between`() throws {
    var trace = TraceBuilder(duration: 10_000_000)
    let thread = trace.thread("loop")
    let names = ["a", "b"].map { trace.lock($0, kind: .task) }
    var time: Int64 = 0
    for _ in 0..<3 {
      for task in 1...3000 as ClosedRange<Int64> {
        trace.step(thread, names[task % 3 == 0 ? 1 : 0], task: task, from: time, to: time + 1)
        time += 1
      }
    }
    let tasks = report(trace).tasks
    #expect(tasks.map(\.tasks) == [2000, 1000] && tasks.map(\.steps) == [6000, 3000])
  }

  @Test func `A task that is renamed, and renamed again, is one all the same`() {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let names = ["a", "b"].map { trace.lock($0, kind: .task) }
    for round in 0..<9 as Range<Int64> {
      trace.step(thread, names[Int(round % 2)], task: 7, from: round * 10, to: round * 10 + 5)
    }
    trace.step(thread, names[1], task: 8, from: 90, to: 93)
    let tasks = report(trace).tasks
    #expect(tasks.map(\.name) == ["a", "b"] && tasks.map(\.steps) == [5, 5])
    #expect(tasks.map(\.tasks) == [1, 1])
  }

  @Test func `Tasks of two processes may have one number`() throws {
    var trace = TraceBuilder(duration: 1000)
    let child = ProcessID(rawValue: 2)
    trace.define(.process(Process(id: child, pid: 200, parentPID: 100, start: .zero)))
    let threads = [trace.thread("a"), trace.thread("b", of: child)]
    let (fetch, lock) = (trace.lock("fetch", kind: .task), trace.lock("mu", kind: .asyncioLock))
    let send = trace.lock("send", kind: .task)
    trace.step(threads[0], fetch, task: 7, from: 0, to: 10)
    trace.step(threads[1], send, task: 7, from: 0, to: 10)
    trace.taskWait(threads[1], lock, task: 7, from: 10, to: 30)
    trace.step(threads[1], fetch, task: 8, from: 30, to: 35)
    let tasks = report(trace).tasks
    #expect(
      tasks.map(\.name) == ["send", "fetch", "fetch"] && tasks.map(\.pid) == [200, 100, 200])
    #expect(tasks.map(\.tasks) == [1, 1, 1] && tasks.map(\.runNs) == [10, 10, 5])
    #expect(tasks.map(\.waitNs.total) == [20, 0, 0])
  }

  @Test func `Waits are told with the name of the task that waited`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let fetch = trace.lock("fetch", kind: .task)
    let (cache, jobs) = (
      trace.lock("cache", kind: .asyncioLock), trace.lock("jobs", kind: .asyncioQueue)
    )
    for task in 1...3 as ClosedRange<Int64> {
      trace.step(thread, fetch, task: task, from: task * 10, to: task * 10 + 5)
    }
    trace.taskWait(thread, cache, task: 1, from: 15, to: 100)
    trace.taskWait(thread, cache, task: 2, from: 25, to: 150)
    trace.taskWait(thread, jobs, task: 3, from: 35, to: 435, operation: .take)
    trace.enqueue(thread, jobs, at: 430)
    // Of a task that never ran nobody knows the name.
    trace.taskWait(thread, cache, task: 99, from: 0, to: 500)
    let report = report(trace)
    let tasks = try #require(report.tasks.first)
    #expect(tasks.waits == 3 && tasks.waitNs.total == 610 && tasks.waitNs.max == 400)
    #expect(tasks.waitedFor.map(\.name) == ["jobs", "cache"])
    #expect(tasks.waitedFor.map(\.waitNs) == [400, 210] && tasks.waitedFor.map(\.count) == [1, 2])
    #expect(tasks.waitedFor.map(\.kind) == ["asyncio-queue", "asyncio-lock"])
    #expect(report.locks.first { $0.name == "cache" }?.waitNs.total == 710)
    #expect(report.queues.first?.takeWaitNs?.total == 400)
    // No time of the thread's own is lost by that.
    #expect(report.threads.map(\.lockWaitNs) == [0])
  }

  @Test func `A long step is told with what its thread waited for in it`() throws {
    let ms = TaskTests.millisecond
    var trace = TraceBuilder(duration: 1000 * ms)
    let thread = trace.thread("loop")
    let fetch = trace.lock("fetch", kind: .task)
    let sleep = trace.lock("sleep", kind: .call)
    let gil = trace.lock("GIL", kind: .gil)
    let place = trace.python(("fetch", "/srv/app.py", 12))
    let other = trace.python(("other", "/srv/app.py", 40))
    // Longer, but before the step.
    trace.taskWait(thread, sleep, task: 0, from: 0, to: 400 * ms, stack: other)
    trace.taskWait(thread, sleep, task: 0, from: 410 * ms, to: 550 * ms, stack: place)
    trace.wait(thread, gil, from: 550 * ms, to: 555 * ms, stack: other)
    trace.step(thread, fetch, task: 3, from: 405 * ms, to: 560 * ms)
    // What it waited for then is not counted for the next, which is just too short.
    trace.step(thread, fetch, task: 4, from: 560 * ms, to: 660 * ms - 1)
    trace.step(thread, fetch, task: 5, from: 660 * ms, to: 760 * ms)
    let report = report(trace)
    let tasks = try #require(report.tasks.first)
    let longest = try #require(tasks.longestStep)
    #expect(longest.ns == 155 * ms && longest.task == 3 && longest.startNs == 405 * ms)
    #expect(longest.blockedBy?.name == "sleep" && longest.blockedBy?.waitNs == 140 * ms)
    #expect(longest.stack.functions == ["fetch"] && longest.stack.first?.line == 12)
    #expect(tasks.waits == 0 && report.locks.first?.waitNs.total == 540 * ms)
    #expect(tasks.longSteps.count == 2 && tasks.longSteps.ns == 255 * ms)
    #expect(tasks.longSteps.places.map(\.ns) == [155 * ms, 100 * ms])
    #expect(tasks.longSteps.places.map(\.stack.functions) == [["fetch"], []])
    let finding = try #require(report.findings.first { $0.kind == "blocking-step" })
    #expect(finding.text.contains("fetch blocked its event loop for 155 ms in fetch app.py:12"))
    #expect(
      finding.text.contains("140 ms of it in a call without the GIL; 2 steps took 100 ms or more"))
    #expect(finding.severity == "warning" && report.findings.first?.kind != "no-contention")
  }

  @Test func `A hub that waits blocks nobody`() throws {
    let ms = TaskTests.millisecond
    var trace = TraceBuilder(duration: 1000 * ms)
    let thread = trace.thread("a")
    for (number, name) in ["Hub", "Hubble"].enumerated() {
      let id = LockID(rawValue: UInt32(50 + number))
      trace.define(
        .lock(
          Lock(
            id: id, process: ProcessID(rawValue: 1), kind: .greenlet, address: UInt64(number + 1),
            name: name)))
      trace.step(
        thread, id, task: Int64(number), from: Int64(number) * 200 * ms,
        to: Int64(number + 1) * 200 * ms)
    }
    let report = report(trace)
    #expect(report.tasks.map(\.name) == ["Hub", "Hubble"])
    #expect(report.tasks.map(\.longSteps.count) == [0, 1])
    #expect(report.tasks.map(\.hub) == [true, nil])
    let finding = report.findings.first { $0.kind == "blocking-step" }
    #expect(finding?.text == "Hubble blocked other greenlets for 200 ms")
  }

  @Test func `A step's own place is believed before that of a wait`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let fetch = trace.lock("fetch", kind: .task)
    let (own, waited) = (trace.stack("own"), trace.stack("waited"))
    trace.wait(thread, trace.lock("mu"), from: 10, to: 20, stack: waited)
    trace.step(thread, fetch, task: 3, from: 0, to: 30, stack: own)
    #expect(report(trace).tasks.first?.longestStep?.stack.functions == ["own"])
  }

  @Test func `The longest wait within a step is known when the step ends`() {
    var waits = StepWaits()
    func add(_ lock: UInt32, from start: Int64, to end: Int64) {
      waits.add(
        Event(
          kind: .wait, thread: ThreadID(rawValue: 1), time: Timestamp(nanoseconds: end),
          duration: end - start, lock: LockID(rawValue: lock)))
    }
    add(1, from: 0, to: 100)
    add(2, from: 110, to: 150)
    add(3, from: 150, to: 160)
    add(4, from: 160, to: 190)
    add(5, from: 190, to: 191)
    #expect(waits.take(since: Timestamp(nanoseconds: 120))?.lock.rawValue == 4)
    #expect(waits.take(since: .zero) == nil)
    for time in 0..<100 as Range<Int64> { add(6, from: time * 1000, to: time * 1000 + 500 - time) }
    #expect(waits.take(since: .zero)?.duration == 500)
  }

  @Test func `An event loop has a lag and a depth, and is no queue`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let loop = trace.lock("main loop", kind: .eventLoop)
    trace.value(thread, loop, 4, at: 0, operation: .unknown)
    trace.dequeue(thread, loop, at: 100, since: 90)
    trace.dequeue(thread, loop, at: 200, since: 150)
    trace.dequeue(thread, loop, at: 250)
    trace.value(thread, loop, 1, at: 500, operation: .unknown)
    trace.value(thread, loop, 0, at: 600, operation: .unknown)
    let report = report(trace)
    let found = try #require(report.loops.first)
    #expect(found.name == "main loop" && found.pid == 100 && found.timers == 3)
    #expect(found.lagNs == TimeSummary(total: 60, max: 50, p50: 10, p99: 50))
    // 4 for 500, 1 for 100, 0 for 400: what comes out changes nothing.
    #expect(found.readyDepth.max == 4 && abs(found.readyDepth.mean - 2.1) < 1e-9)
    #expect(found.readyDepth.emptyNs == 400)
    #expect(report.queues.isEmpty && report.locks.isEmpty && report.loops.count == 1)
  }
}
