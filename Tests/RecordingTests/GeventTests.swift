import TestSupport
import Testing
import TraceAnalysis
import TraceModel

extension RecordingTests {
  /// Greenlets, with gevent and without, in programs that count and time themselves; and the queue in C
  /// that executors use.
  @Suite struct Gevent {
    /// Debian's is among them also where it has no gevent, so that tests which it cannot have are told of.
    static let pythons = Python.all.filter { $0.path == Python.system.path || $0.has("gevent") }

    private func task(
      _ name: String, of report: Report, line: Int = #line
    ) throws -> TaskSummary {
      let names = report.tasks.map(\.name)
      return try #require(
        report.tasks.first { $0.name == name || $0.name.hasPrefix("\(name) (") },
        "no \(name) for line \(line) among \(names)")
    }

    /// The one thing of a kind that was waited for in a function, with those waits.
    private func waits(
      in function: String, kind: String, of report: Report
    ) throws -> (lock: LockSummary, count: UInt64, time: Int64) {
      let locks = report.locks.filter {
        $0.kind == kind && $0.waiters.contains { $0.stack.functions.contains(function) }
      }
      let all = report.locks.filter { $0.contended > 0 }.map {
        "\($0.kind) \($0.name) \($0.waiters.first?.stack.functions ?? [])"
      }
      let lock = try #require(locks.first, "nobody waited for a \(kind) in \(function): \(all)")
      #expect(locks.count == 1, "\(function)")
      let waits = lock.waiters.filter { $0.stack.functions.contains(function) }
      return (lock, waits.reduce(0) { $0 + $1.count }, waits.reduce(0) { $0 + $1.waitNs })
    }

    /// Checks what was waited against what the waiter measured around its calls.
    private func expect(
      _ time: Int64, of recording: TestRecording, isMeasuredAs name: String, calls: Int64 = 1
    ) throws {
      let measured = try recording.value(name)
      #expect(time <= measured, "\(name)")
      #expect(isClose(time, measured, slack: 500_000 * calls), "\(name)")
    }

    /// Whether a queue was made in a line that gives it a name.
    private func isCalled(_ queue: QueueSummary, _ name: String) -> Bool {
      queue.name.prefix { $0 != "#" }.hasSuffix(" \(name)")
    }

    // MARK: Switches

    @Test(arguments: pythons)
    func `each run of a greenlet is a step of its own`(python: Python) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_switches")
      let report = try recording.report()
      for name in [
        "ping", "pong", "short", "Callable", "Callable.method", "Subclass._run", "Raw.run",
        "sleeper", "blocker", "inner", "abandoned",
      ] {
        let task = try task(name, of: report)
        #expect(task.kind == "greenlet", "\(name)")
        #expect(task.steps == UInt64(try recording.value(name)), "\(name)")
        #expect(name == "Callable" || task.name.contains(" (gevent_switches.py:"), "\(task.name)")
      }
      // What comes after its end is not its own.
      #expect(try task("abandoned", of: report).longestStepNs < recording.value("taken"))
      // However many have been at one address.
      #expect(try task("short", of: report).tasks == UInt64(try recording.value("short")))
      #expect(try task("sleeper", of: report).tasks == 3)
      // Two threads have a main one and a loop each.
      #expect(try task("main", of: report).tasks == 2)
      #expect(try task("Hub", of: report).tasks == 2)
    }

    @Test(arguments: pythons)
    func `what blocks all greenlets is the longest step`(python: Python) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_switches")
      let report = try recording.report()
      let blocker = try task("blocker", of: report)
      let longest = report.tasks.filter { $0.name != "Hub" }.max {
        $0.longestStepNs < $1.longestStepNs
      }
      #expect(longest?.name == blocker.name)
      let blocked = try recording.value("blocked")
      #expect(blocker.longestStepNs >= blocked)
      #expect(isClose(blocker.longestStepNs, blocked, slack: 20_000_000))
    }

    @Test(arguments: pythons)
    func `stacks are those of the greenlet that runs, and end with it`(python: Python) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_stacks")
      let waiters = try recording.report().locks.filter { $0.kind == "pipe" }.flatMap(\.waiters)
      let stacks = waiters.map { waiter in
        waiter.stack.functions.map { String($0.split(separator: ".").last ?? "") }
      }
      let expected = [
        ["wait", "innermost", "<lambda>", "inner", "outer"],
        ["wait"] + Array(repeating: "recurse", count: 5),
      ]
      for stack in expected { #expect(stacks.contains(stack), "\(stacks)") }
      #expect(stacks.count == expected.count)
    }

    // MARK: Waits

    @Test(arguments: pythons)
    func `greenlets wait for what they say and as long`(python: Python) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_waits")
      let report = try recording.report()
      let expected: [(name: String, function: String, kind: String, count: UInt64)] = [
        ("semaphore", "want_semaphore", "gevent-semaphore", 1),
        ("with_semaphore", "with_semaphore", "gevent-semaphore", 1),
        ("in_vain", "want_in_vain", "gevent-semaphore", 1),
        ("pair", "use_pair", "gevent-semaphore", UInt64(try recording.value("pairs"))),
        ("rlock", "want_rlock", "gevent-lock", 1),
        ("event", "wait_for_event", "gevent-event", 1),
        ("result", "wait_for_result", "gevent-event", 1),
        ("join", "join", "gevent-queue", 1),
        ("pool", "start_jobs", "gevent-semaphore", UInt64(try recording.value("starts"))),
      ]
      for (name, function, kind, count) in expected {
        let found = try waits(in: function, kind: kind, of: report)
        #expect(found.count == count, "\(name)")
        try expect(found.time, of: recording, isMeasuredAs: name, calls: 6)
      }
      // Frames are those of the greenlet that waited, and end with it. Names are whole from 3.11 on.
      let event = try waits(in: "wait_for_event", kind: "gevent-event", of: report).lock
      let stack = try #require(event.waiters.first).stack.functions
      let ours = stack.prefix { $0 != "wait_for_event" }.map { $0.split(separator: ".").last }
      #expect(ours == ["measure", "innermost", "middle"], "\(stack)")
      #expect(stack.last == "wait_for_event")
      #expect(event.holders.first?.stack.functions.first == "set_both")
    }

    @Test(arguments: pythons)
    func `who holds a lock of gevent's is told with how long`(python: Python) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_waits")
      let report = try recording.report()
      let semaphore = try waits(in: "want_semaphore", kind: "gevent-semaphore", of: report).lock
      let holder = try #require(semaphore.holders.max { $0.blamedNs < $1.blamedNs })
      #expect(holder.stack.functions.first == "hold_semaphore")
      let held = try recording.value("held")
      #expect(semaphore.holdNs.max >= held && isClose(semaphore.holdNs.max, held, slack: 500_000))
      // Two waited for it to the end, and one before them in vain.
      let all = try ["semaphore", "with_semaphore", "in_vain"].reduce(0) {
        try $0 + recording.value($1)
      }
      #expect(holder.blamedNs <= all && isClose(holder.blamedNs, all, slack: 1_000_000))
      // The one that held it, two that got it after, three without a wait; one did not get it.
      #expect(semaphore.acquisitions == 6 && semaphore.contended == 3)
      let rlock = try waits(in: "want_rlock", kind: "gevent-lock", of: report).lock
      #expect(rlock.holders.first?.stack.functions.first == "hold_rlock")
      #expect(rlock.acquisitions == 5 && rlock.contended == 1)
    }

    @Test(arguments: pythons)
    func `gevent's queues have the items, depth and waits that the program has seen`(
      python: Python
    ) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_waits")
      let report = try recording.report()
      let queues = report.queues.filter { $0.kind == "gevent-queue" }.sorted { $0.id < $1.id }
      func queue(_ name: String) throws -> QueueSummary {
        try #require(queues.first { isCalled($0, name) }, "\(queues.map(\.name))")
      }
      let bounded = try queue("bounded")
      // What ends the loop is an item too, and three came later.
      let items = UInt64(try recording.value("taken")) + 1 + 3
      #expect(bounded.enqueued == items && bounded.dequeued == items)
      #expect(bounded.capacity == 3 && bounded.depth.max == 3)
      try expect(
        try #require(bounded.putWaitNs).total, of: recording, isMeasuredAs: "put", calls: 14)
      try expect(
        try #require(bounded.takeWaitNs).total, of: recording, isMeasuredAs: "get", calls: 14)
      #expect(bounded.producers.first?.stack.functions.contains("fill") == true)
      #expect(bounded.consumers.first?.stack.functions.contains("drain") == true)
      for name in ["joinable", "lifo", "priority"] {
        let queue = try queue(name)
        #expect(queue.enqueued == 3 && queue.dequeued == 3 && queue.depth.max == 3, "\(name)")
      }
      // It began with three.
      let filled = try queue("filled")
      #expect(filled.dequeued == 3 && filled.depth.max == 3 && filled.depth.timeline.last == 0)
      let channel = try queue("channel")
      #expect(channel.enqueued == 5 && channel.dequeued == 5 && channel.depth.max == 1)
      try expect(
        try #require(channel.putWaitNs).total, of: recording, isMeasuredAs: "offer", calls: 5)
      // That of the pool of threads.
      #expect(queues.contains { $0.enqueued == 8 + 2 && $0.dequeued == 8 + 2 })
    }

    // MARK: Programs that are made to use gevent

    @Test(arguments: pythons)
    func `threads that are greenlets wait for what threads would`(python: Python) throws {
      try python.require("gevent")
      let recording = try python.record("gevent_patched")
      let report = try recording.report()
      for (name, function, kind) in [
        ("lock", "want_lock", "gevent-lock"), ("rlock", "want_rlock", "gevent-lock"),
        ("condition", "wait_for_condition", "python-condition"),
        ("semaphore", "want_semaphore", "python-semaphore"),
      ] {
        let found = try waits(in: function, kind: kind, of: report)
        #expect(found.count == 1, "\(name)")
        try expect(found.time, of: recording, isMeasuredAs: name)
        #expect(found.lock.waiters.count == 1, "\(name)")
      }
      let jobs = try #require(
        report.queues.first { isCalled($0, "jobs") && $0.kind.hasSuffix("-queue") })
      #expect(jobs.enqueued == 8 && jobs.dequeued == 8 && jobs.depth.max == 2)
      try expect(try #require(jobs.putWaitNs).total, of: recording, isMeasuredAs: "put", calls: 8)
      let simple = try #require(
        report.queues.first { isCalled($0, "simple") && $0.kind == "gevent-queue" })
      #expect(simple.enqueued == 3 && simple.dequeued == 3)
      try expect(
        try #require(simple.takeWaitNs).total, of: recording, isMeasuredAs: "take", calls: 3)
      // Of what they run they bear the names; the one thread there is keeps its own.
      #expect(try task("want_lock", of: report).tasks == 1)
      #expect(report.threads.first?.name == "MainThread")
    }

    @Test(arguments: pythons)
    func `a program finds nothing different in greenlet and gevent`(python: Python) throws {
      try python.require("gevent")
      let program = [python.path, Python.workload("gevent_facts")]
      let bare = try Program(program).result()
      let recorded = try TestRecording(command: program).run
      #expect(bare.status == 0 && recorded.status == 0)
      let lines = recorded.output.split(separator: "\n")
      let different = zip(lines, bare.output.split(separator: "\n")).filter { $0 != $1 }.prefix(3)
      #expect(recorded.output == bare.output, "\(different)")
      #expect(recorded.errors == bare.errors)
      #expect(lines.count > 1000)
    }

    @Test(arguments: pythons)
    func `a server of gevent's answers all the same`(python: Python) throws {
      try python.require("gevent")
      let bare = try Program([python.path, Python.workload("gevent_service")]).result()
      let recording = try python.record("gevent_service")
      #expect(recording.run.output == bare.output && recording.run.errors == bare.errors)
      let served = UInt64(try recording.value("served"))
      let report = try recording.report()
      let handlers = report.tasks.filter {
        $0.name.contains("(baseserver.py:") || $0.name.contains("(pywsgi.py:")
      }
      #expect(handlers.reduce(0) { $0 + $1.tasks } == served, "\(report.tasks.map(\.name))")
    }

    @Test(arguments: pythons, ["gevent_switches", "gevent_waits", "gevent_patched"])
    func `gevent without its own C code is recorded too`(python: Python, name: String) throws {
      try python.require("gevent")
      let recording = try TestRecording(
        command: [python.path, Python.workload(name)], environment: ["PURE_PYTHON": "1"])
      try #require(recording.run.status == 0, "\(recording.run.errors.suffix(2000))")
      let report = try recording.report()
      #expect(report.tasks.contains { $0.kind == "greenlet" && $0.name == "Hub" })
      guard name == "gevent_waits" else { return }
      for (name, function, kind) in [
        ("semaphore", "want_semaphore", "gevent-semaphore"),
        ("rlock", "want_rlock", "gevent-lock"), ("event", "wait_for_event", "gevent-event"),
      ] {
        let found = try waits(in: function, kind: kind, of: report)
        #expect(found.count == 1, "\(name)")
        try expect(found.time, of: recording, isMeasuredAs: name)
      }
      let bounded = try #require(
        report.queues.first { isCalled($0, "bounded") && $0.kind == "gevent-queue" })
      #expect(bounded.enqueued == UInt64(try recording.value("taken")) + 4)
      #expect(bounded.dequeued == bounded.enqueued && bounded.depth.max == 3)
    }

    // MARK: Queues in C

    @Test(arguments: Python.all)
    func `queues in C have all items, and waits for them are theirs`(python: Python) throws {
      let recording = try python.record("simple_queue")
      let report = try recording.report()
      func queue(_ name: String) throws -> (queue: QueueSummary, lock: LockSummary?) {
        let queue = try #require(
          report.queues.first { $0.kind == "python-queue" && isCalled($0, name) },
          "\(report.queues.map { "\($0.kind) \($0.name)" })")
        return (queue, report.locks.first { $0.id == queue.id })
      }
      let made = try queue("made").queue
      #expect(made.enqueued == UInt64(try recording.value("in")))
      #expect(made.dequeued == UInt64(try recording.value("out")))
      #expect(made.depth.max >= (try recording.value("held_back")))
      #expect(made.depth.timeline.last == 0)

      let slow = try queue("slow")
      let rounds = UInt64(try recording.value("rounds"))
      #expect(slow.queue.enqueued == rounds && slow.queue.dequeued == rounds)
      // Code of the queue's own may be innermost.
      func caller(_ stack: [FrameSummary]) -> String? {
        stack.first { $0.module == Symbol.pythonModule }?.function
      }
      let takes = try #require(slow.lock?.waiters.filter { caller($0.stack) != "<module>" })
      #expect(takes.allSatisfy { caller($0.stack) == "wait_for_items" })
      #expect(takes.reduce(0) { $0 + $1.count } == UInt64(try recording.value("waits")))
      try expect(
        takes.reduce(0) { $0 + $1.waitNs }, of: recording, isMeasuredAs: "waited", calls: 20)
      let inVain = try #require(slow.lock?.waiters.first { caller($0.stack) == "<module>" })
      try expect(inVain.waitNs, of: recording, isMeasuredAs: "in_vain", calls: 20)

      // What a signal handler waits for meanwhile is not the queue.
      let handler = try waits(in: "handle", kind: "python-lock", of: report)
      #expect(handler.count == 1)
      try expect(handler.time, of: recording, isMeasuredAs: "in_handler", calls: 20)
      #expect(try queue("interrupted").queue.takeWaitNs != nil)

      let work = try #require(
        report.queues.first { queue in
          queue.kind == "python-queue"
            && queue.enqueued == UInt64((try? recording.value("executor_in")) ?? 0)
        }, "\(report.queues.map { "\($0.name) \($0.enqueued)" })")
      #expect(work.dequeued == UInt64(try recording.value("executor_out")))
      // What they wait by is part of them.
      #expect(
        report.locks.allSatisfy { lock in
          lock.kind != "python-lock"
            || lock.waiters.allSatisfy { caller($0.stack) != "_worker" }
        })
    }
  }
}
