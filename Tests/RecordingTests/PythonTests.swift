import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Threads, locks, queues and the interpreter's lock in programs of Python's that count and time
  /// themselves.
  @Suite struct PythonThreads {
    /// All waits for things of a kind at which a function waited.
    private func waits(
      in function: String, kind: String, of report: Report
    ) throws -> (lock: LockSummary, count: UInt64, time: Int64) {
      let locks = report.locks.filter {
        $0.kind == kind
          && $0.waiters.contains { $0.stack.functions.contains { function.hasSuffix($0) } }
      }
      let all = report.locks.map {
        "\($0.kind) \($0.name) \($0.waiters.first?.stack.functions ?? [])"
      }
      let lock = try #require(locks.first, "nobody waited in \(function): \(all)")
      #expect(locks.count == 1, "\(function)")
      let waits = lock.waiters.filter { $0.stack.functions.contains { function.hasSuffix($0) } }
      return (lock, waits.reduce(0) { $0 + $1.count }, waits.reduce(0) { $0 + $1.waitNs })
    }

    /// Checks what was waited against what the waiter measured around its calls, and what the other side saw of
    /// that. A waiter that was about to wait may first have had to wait for the interpreter's lock.
    private func expect(_ time: Int64, of recording: TestRecording, isMeasuredAs name: String)
      throws
    {
      #expect(time <= (try recording.value(name)), "\(name)")
      #expect(time >= (try recording.value("\(name)_held")) * 3 / 4, "\(name)")
    }

    // MARK: Locks

    @Test(arguments: Python.all)
    func `waits for locks, conditions and the like are those that the program timed`(
      python: Python
    ) throws {
      let recording = try python.record("locks")
      let report = try recording.report()
      let expected: [(name: String, function: String, kind: String, count: UInt64)] = [
        ("condition", "wait_for_condition", "python-condition", 1),
        ("event", "wait_for_event", "python-event", 1),
        ("barrier", "arrive_early", "python-barrier", 1),
        ("semaphore", "wait_for_semaphore.<locals>.wait", "python-semaphore", 4),
      ]
      for (name, function, kind, count) in expected {
        let found = try waits(in: function, kind: kind, of: report)
        #expect(found.count == count, "\(name)")
        try expect(found.time, of: recording, isMeasuredAs: name)
      }
      // Both locks were waited for in one function, and released in another. Held by each of two threads once,
      // and by the main thread a thousand times and once.
      for (name, acquisitions) in [("plain", 1003), ("recursive", 1002)] as [(String, UInt64)] {
        let lock = try #require(
          report.locks.first { $0.name.hasSuffix(" \(name)_lock") }, "\(report.locks.map(\.name))")
        #expect(lock.kind == "python-lock" && lock.acquisitions == acquisitions, "\(name)")
        #expect(lock.waiters.contains { $0.stack.functions.contains { $0.hasSuffix("take_lock") } })
        // The last wait for one of them was in vain, and is nobody's fault.
        let inVain = name == "plain" ? try recording.value("in_vain") : 0
        #expect(lock.waitNs.total <= (try recording.value(name)) + inVain, "\(name)")
        #expect(lock.waitNs.total >= (try recording.value("\(name)_held")) * 3 / 4, "\(name)")
        let holder = try #require(lock.holders.first { $0.blamedNs > 0 })
        #expect(holder.stack.functions.contains { $0.hasSuffix("hold_lock") })
        #expect(holder.stack.contains { $0.file.hasSuffix("/locks.py") && $0.line > 0 })
        try expect(holder.blamedNs, of: recording, isMeasuredAs: name)
      }
    }

    // MARK: Threads

    @Test(arguments: Python.all)
    func `threads have the names that Python gives them`(python: Python) throws {
      let recording = try python.record("threads")
      let report = try recording.report()
      let names = Set(report.threads.map(\.name))
      for name in [
        "MainThread", "Thread-1 (worker)", "Zwölf Boxkämpfer", "new name", "own class", "late",
        "quiet",
      ] {
        #expect(names.contains(name), "\(names)")
      }
      #expect(report.threads.count == Int(try recording.value("threads")))
      // Waits to join one after the other: each is for the thread of its name.
      let late = try recording.lock("late", kind: "thread")
      try expect(late.waitNs.total, of: recording, isMeasuredAs: "joined")
      // From 3.13 on there are two, one after the other.
      #expect(late.contended == (python.version < 13 ? 1 : 2))
    }

    // MARK: Queues

    @Test(arguments: Python.all)
    func `queues have the items, waits and residence that the program measured`(
      python: Python
    ) throws {
      let recording = try python.record("queues")
      let report = try recording.report()
      let queues = report.queues.filter { $0.kind == "python-queue" }.sorted { $0.id < $1.id }
      try #require(queues.count == 4)
      let fifo = queues[0]
      let items = UInt64(try recording.value("items"))
      #expect(fifo.enqueued == items && fifo.dequeued == items)
      #expect(fifo.capacity == 3 && fifo.depth.max == 3)
      try expect(try #require(fifo.putWaitNs).total, of: recording, isMeasuredAs: "blocked_put")
      try expect(try #require(fifo.takeWaitNs).total, of: recording, isMeasuredAs: "blocked_get")
      for (queue, name) in [(queues[1], "lifo"), (queues[2], "priority")] {
        #expect(queue.enqueued == 3 && queue.dequeued == 3 && queue.depth.max == 3)
        try expect(try #require(queue.residenceNs).total, of: recording, isMeasuredAs: name)
      }
      // A class of the program's own that calls the one that it is made of.
      #expect(queues[3].enqueued == 3 && queues[3].dequeued == 3 && queues[3].depth.max == 3)
    }
  }
}

extension Python {
  /// Leaves the test out, or this case of it, where the interpreter has not a module.
  func require(_ module: String) throws {
    guard has(module) else { try Test.cancel("\(self) has no \(module)") }
  }
}
