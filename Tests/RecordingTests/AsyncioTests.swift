import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// asyncio on its own loop and on uvloop, in programs that count and time themselves.
  @Suite struct Asyncio {
    /// An interpreter with one of the loops that it has.
    struct Loop: Sendable, CustomStringConvertible {
      let python: Python
      let isUvloop: Bool

      var arguments: [String] { isUvloop ? ["uvloop"] : [] }
      var description: String { "\(python)\(isUvloop ? " with uvloop" : "")" }

      func record(_ name: String) throws -> TestRecording {
        try require()
        return try python.record(name, arguments)
      }

      /// Leaves the test out where there is no such loop.
      func require() throws { if isUvloop { try python.require("uvloop") } }
    }

    /// Debian's with uvloop is among them also where that is not there, so that tests which it cannot have
    /// are told of.
    static let loops =
      Python.all.map { Loop(python: $0, isUvloop: false) }
      + Python.all.filter { $0.path == Python.system.path || $0.has("uvloop") }
      .map { Loop(python: $0, isUvloop: true) }

    private func task(_ name: String, of report: Report) throws -> TaskSummary {
      let names = report.tasks.map(\.name)
      return try #require(
        report.tasks.first { $0.name == name || $0.name.hasPrefix("\(name) (") },
        "no \(name) among \(names)")
    }

    // MARK: Steps

    @Test(arguments: loops)
    func `each step of a task and each callback is told with its name and place`(loop: Loop) throws
    {
      let recording = try loop.record("asyncio_steps")
      let report = try recording.report()
      for name in [
        "worker", "short", "slow_start", "in_python", "Service.serve", "Service.callback",
        "partial_callback", "blocker", "blocking_callback", "cancelled", "never_begun", "failing",
        "forgotten",
      ] {
        let task = try task(name, of: report)
        #expect(task.kind == "asyncio")
        #expect(task.steps == UInt64(try recording.value(name)), "\(name)")
        #expect(task.name.hasPrefix("\(name) (asyncio_steps.py:"), "\(task.name)")
      }
      // In 3.7 tasks have no names.
      let haveNames = loop.python.version >= 8
      let named = try task(haveNames ? "a task with a name" : "renamed", of: report)
      #expect(named.steps == UInt64(try recording.value("a_task_with_a_name")))
      // Where each has a name of its own, those that came after many are told by their coroutine.
      let requests = report.tasks.filter { $0.name.hasPrefix("request") }
      #expect(requests.reduce(0) { $0 + $1.steps } == UInt64(try recording.value("request")))
      #expect(haveNames ? (200...257).contains(requests.count) : requests.count == 1)
      let others = try task("request", of: report)
      #expect(others.tasks >= 400 - 256 && others.name.hasPrefix("request (asyncio_steps.py:"))
      // However many have been at one address, in how many loops and threads.
      #expect(try task("worker", of: report).tasks == 30 + 4 + 3 * 4)
      #expect(try task("short", of: report).tasks == 200)
      #expect(try task("forgotten", of: report).tasks == 3)
      // Callbacks are none.
      #expect(try task("blocking_callback", of: report).tasks == 0)
      #expect(!report.tasks.contains { $0.name.hasPrefix("count") })
    }

    @Test(arguments: loops)
    func `what blocks the loop is the longest step`(loop: Loop) throws {
      let recording = try loop.record("asyncio_steps")
      let report = try recording.report()
      let longest = report.tasks.sorted { $0.longestStepNs > $1.longestStepNs }
      for (name, measured) in [("blocker", "blocked"), ("blocking_callback", "callback_blocked")] {
        let task = try task(name, of: report)
        let time = try recording.value(measured)
        #expect(task.longestStepNs >= time)
        #expect(isClose(task.longestStepNs, time, slack: 20_000_000), "\(name)")
      }
      #expect(longest.first?.name.hasPrefix("blocker") == true)
      #expect(report.findings.contains { $0.text.contains("blocker") })
    }

    // MARK: Waits

    @Test(arguments: loops)
    func `tasks wait for what they say and as long`(loop: Loop) throws {
      let recording = try loop.record("asyncio_waits")
      let report = try recording.report()
      for (name, function, kind) in [
        ("lock", "lock_waiter", "asyncio-lock"),
        ("semaphore", "semaphore_waiter", "asyncio-semaphore"),
        ("event", "event_waiter", "asyncio-event"),
        ("condition", "condition_waiter", "asyncio-condition"),
        ("take", "taker", "asyncio-queue"),
        ("put", "putter", "asyncio-queue"),
        ("join", "joiner", "asyncio-queue"),
        ("task", "task_waiter", "future"),
        ("future", "future_waiter", "future"),
        ("executor", "executor_waiter", "future"),
        ("generated", "generated", "asyncio-event"),
        ("cancelled", "cancelled_waiter", "asyncio-lock"),
      ] {
        let waits = report.locks.filter { $0.kind == kind }.flatMap(\.waiters).filter {
          $0.stack.functions.contains(function)
        }
        let count = waits.reduce(0) { $0 + $1.count }
        let time = waits.reduce(0) { $0 + $1.waitNs }
        let measured = try recording.value(name)
        #expect(count == UInt64(try recording.value("\(name)_times")), "\(name)")
        #expect(time <= measured, "\(name)")
        #expect(isClose(time, measured, slack: 2_000_000 * Int64(count)), "\(name)")
        // The library's own functions are not shown.
        for stack in waits.map(\.stack) {
          #expect(stack.first?.function == function, "\(name): \(stack.functions)")
          #expect(stack.allSatisfy { $0.line > 0 }, "\(name)")
        }
      }
      // To sleep is to wait for nothing.
      #expect(
        !report.locks.contains { $0.waiters.contains { $0.stack.functions.contains("sleeper") } })
    }

    @Test(arguments: loops)
    func `locks know who held them, and are called after the line that made them`(loop: Loop) throws
    {
      let recording = try loop.record("asyncio_waits")
      let report = try recording.report()
      let lock = try #require(
        report.locks.first {
          $0.kind == "asyncio-lock"
            && $0.waiters.contains { $0.stack.functions.contains("lock_waiter") }
        })
      #expect(lock.name.hasSuffix(" lock"), "\(lock.name)")
      #expect(lock.acquisitions == UInt64(try recording.value("lock_acquisitions")))
      let holder = try #require(
        lock.holders.first { $0.stack.functions.contains("lock_waiter") }, "\(lock.holders)")
      // The last one releases it while nobody waits.
      #expect(holder.count == 3)
      let semaphore = try #require(
        report.locks.first {
          $0.kind == "asyncio-semaphore"
            && $0.waiters.contains { $0.stack.functions.contains("semaphore_waiter") }
        })
      #expect(semaphore.name.hasSuffix(" semaphore"), "\(semaphore.name)")
      #expect(semaphore.acquisitions == UInt64(try recording.value("semaphore_acquisitions")))
      let values = try #require(report.queues.first { $0.id == semaphore.id })
      #expect(values.depth.max == 3)
    }

    // MARK: The loop

    @Test(arguments: loops)
    func `timers are as late as they say, and as many callbacks are ready`(loop: Loop) throws {
      let recording = try loop.record("asyncio_loop")
      let report = try recording.report()
      let main = try #require(
        report.loops.first { $0.name == "event loop" }, "\(report.loops.map(\.name))")
      #expect(main.timers == UInt64(try recording.value("timers")))
      let lag = try #require(main.lagNs)
      // uvloop counts in milliseconds.
      let slack: Int64 = 1_500_000
      let timers = try recording.value("timers")
      #expect(isClose(lag.total, try recording.value("late"), slack: slack * timers))
      #expect(isClose(lag.max, try recording.value("latest"), slack: 2 * slack))
      #expect(main.readyDepth.max == (try recording.value("ready")))
      #expect(report.loops.contains { $0.name == "event loop (side)" })
      #expect(report.loops.count == 2)
    }

    @Test(arguments: loops)
    func `queues have the items that they were given`(loop: Loop) throws {
      let report = try loop.record("asyncio_loop").report()
      let queues = report.queues.filter { $0.kind == "asyncio-queue" }
      #expect(queues.count == 4)
      let plain = queues.filter { $0.enqueued == 7 }
      #expect(plain.count == 3)
      for queue in plain {
        #expect(queue.dequeued == 7 && queue.depth.max == 7)
        #expect(try #require(queue.residenceNs).p50 >= 1_900_000)
        #expect(queue.name.contains("asyncio_loop.py:"), "\(queue.name)")
      }
      #expect(plain.compactMap(\.capacity) == [7])
      let own = try #require(queues.first { $0.enqueued == 3 })
      #expect(own.dequeued == 1 && own.depth.max == 3)
    }

    // MARK: The program

    @Test(arguments: loops, [[], ["-X", "dev"]])
    func `a program finds nothing that differs`(loop: Loop, options: [String]) throws {
      try loop.require()
      let command =
        [loop.python.path] + options + [Python.workload("asyncio_facts")] + loop.arguments
      let bare = try Program(command).result()
      let recording = try TestRecording(command: command)
      #expect(recording.run.status == bare.status && bare.status == 0, "\(bare.errors)")
      let lines = (
        bare: bare.output.split(separator: "\n"),
        recorded: recording.run.output.split(separator: "\n")
      )
      #expect(lines.bare.count > 100)
      #expect(lines.recorded.difference(from: lines.bare).isEmpty)
      #expect(recording.run.errors == bare.errors)
    }
  }
}
