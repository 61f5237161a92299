import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Processes of Python's, and what they share, in programs that count and time themselves.
  @Suite struct Multiprocessing {
    /// An interpreter and a way to start processes.
    struct Case: Sendable, CustomTestStringConvertible {
      let python: Python
      let method: String
      var testDescription: String { "\(python), \(method)" }

      /// A server that forks goes the ways of both others.
      static let all =
        [Case(python: .system, method: "forkserver")]
        + Python.all.flatMap { python in
          ["fork", "spawn"].map { Case(python: python, method: $0) }
        }

      func record(_ name: String) throws -> TestRecording { try python.record(name, [method]) }
    }

    /// What was waited in a function.
    private func waits(
      _ lock: LockSummary, _ isWanted: ([String]) -> Bool
    ) -> (count: UInt64, time: Int64) {
      lock.waiters.filter { isWanted($0.stack.functions) }.reduce((0, 0)) {
        ($0.0 + $1.count, $0.1 + $1.waitNs)
      }
    }

    /// Checks what was waited against what the waiter measured around its calls, and against how long it was
    /// seen to sleep, for which it may have had other reasons for a moment.
    private func expect(
      _ time: Int64, of recording: TestRecording, isMeasuredAs name: String, held: String? = nil
    ) throws {
      #expect(time <= (try recording.value(name)), "\(name)")
      #expect(time >= (try recording.value(held ?? "\(name)_held")) * 9 / 10, "\(name)")
    }

    private func items(_ users: [QueueUserSummary], in function: String) -> UInt64 {
      users.filter { $0.stack.functions.contains(function) }.reduce(0) { $0 + $1.items }
    }

    private func queue(
      _ report: Report, kind: String, _ isWanted: (QueueSummary) -> Bool
    ) throws -> QueueSummary {
      let found = report.queues.filter { $0.kind == kind && isWanted($0) }
      let all = report.queues.map {
        "\($0.kind) \($0.name) \($0.enqueued) \($0.producers.first?.stack.functions ?? [])"
      }
      try #require(found.count == 1, "\(all)")
      return found[0]
    }

    private func lock(_ queue: QueueSummary, of report: Report) throws -> LockSummary {
      try #require(report.locks.first { $0.id == queue.id })
    }

    // MARK: Processes

    @Test(arguments: Python.all)
    func `processes have their work, their parents and their names, however they end`(
      python: Python
    ) throws {
      let recording = try python.record("multi_processes")
      let report = try recording.report()
      let names = recording.run.values.keys.filter { $0.hasSuffix("_items") }
        .map { String($0.dropLast("_items".count)) }
      #expect(names.count == 17)
      var given: [String: String] = [:]
      for name in names {
        let pid = Int32(try recording.value("\(name)_pid"))
        let process = try #require(report.processes.last { $0.pid == pid }, "\(name)")
        given[name] = process.name
        #expect(process.recorded, "\(name)")
        #expect(Int64(process.parent) == (try recording.value("\(name)_parent")), "\(name)")
        let queue = try queue(report, kind: "python-queue") {
          $0.pid == pid && $0.producers.contains { $0.stack.functions.contains("work") }
        }
        #expect(Int64(queue.enqueued) == (try recording.value("\(name)_items")), "\(name)")
        #expect(Int64(queue.depth.max) == Int64(queue.enqueued), "\(name)")
      }
      let expected = [
        "fork": "own fork", "spawn": "own spawn", "forkserver": "own forkserver",
        "fork_leave": "ForkProcess-2 (leave)", "fork_die": "ForkProcess-3 (die)",
        "fork_stay": "ForkProcess-4 (stay)", "spawn_leave": "SpawnProcess-6 (leave)",
        "spawn_die": "SpawnProcess-7 (die)", "spawn_stay": "SpawnProcess-8 (stay)",
        "forkserver_leave": "ForkServerProcess-10 (leave)",
        "forkserver_die": "ForkServerProcess-11 (die)",
        "forkserver_stay": "ForkServerProcess-12 (stay)", "nest": "ForkProcess-13 (nest)",
        "nest_child": "ForkProcess-13:1 (work)", "own_class": "Worker-14",
      ]
      for (name, text) in expected { #expect(given[name] == text) }
      // The main thread bears the name of its process.
      for process in report.processes where expected.values.contains(process.name) {
        #expect(
          report.threads.contains { $0.tid == process.pid && $0.name == process.name },
          "\(process.name)")
      }
      // Beside those the program itself, and two processes of multiprocessing's own.
      #expect(Set(report.processes.map(\.pid)).count == names.count + 3)
      #expect(report.processes.contains { $0.name == "ResourceTracker" })
      let main = try recording.value("pid")
      let server = try #require(report.processes.first { $0.name == "ForkServer" })
      #expect(Int64(server.parent) == main)
      #expect(report.recording.uncountedCalls == 0)
    }

    // MARK: Locks

    @Test(arguments: Case.all)
    func `locks and the like are the same in all processes, with waits as they were measured`(
      _ test: Case
    ) throws {
      let recording = try test.record("multi_locks")
      let report = try recording.report()
      let rounds = UInt64(try recording.value("rounds"))
      let alone = UInt64(try recording.value("alone"))
      for (name, kind) in [
        ("lock", "python-lock"), ("rlock", "python-lock"), ("value", "python-lock"),
        ("semaphore", "semaphore"), ("bounded", "semaphore"), ("condition", "python-condition"),
        ("event", "python-event"), ("barrier", "python-barrier"),
      ] {
        let locks = report.locks.filter { lock in
          lock.kind == kind
            && lock.waiters.contains {
              $0.waitNs > 5_000_000 && $0.stack.functions.contains("want_\(name)")
            }
        }
        try #require(locks.count == 1, "\(name)")
        let lock = locks[0]
        for (prefix, isChild) in [("", true), ("back_", false)] {
          // A condition takes its lock back in the same function: that is a wait for another.
          let waits = waits(lock) {
            $0.contains("want_\(name)") && $0.contains("child") == isChild
          }
          #expect(waits.count == rounds, "\(prefix)\(name)")
          try expect(waits.time, of: recording, isMeasuredAs: prefix + name)
        }
        guard kind == "python-lock" else { continue }
        for isChild in [true, false] {
          let holder = try #require(
            lock.holders.first {
              $0.stack.functions.contains("hold_\(name)")
                && $0.stack.functions.contains("child") == isChild
            }, "\(name)")
          #expect(holder.count == rounds, "\(name)")
          try expect(
            holder.blamedNs, of: recording, isMeasuredAs: (isChild ? "back_" : "") + name)
        }
        let others = name == "value" ? 0 : 2 * alone
        #expect(lock.acquisitions == 4 * rounds + others, "\(name)")
      }
      let counted = try queue(report, kind: "semaphore") { $0.depth.max == 2 }
      #expect(counted.enqueued == 6 * rounds + 2 * alone)
      #expect(counted.dequeued == counted.enqueued)
      // Who had what a thread waited for most: the other process's.
      let child = Int32(try recording.value("child"))
      let threads = report.threads.filter { $0.waitedMostFor?.owner != nil && $0.tid == $0.pid }
      let one = try #require(threads.first { $0.pid == child })
      let other = try #require(threads.first { $0.pid != child })
      #expect(one.waitedMostFor?.owner == "MainThread" && other.name == "MainThread")
      #expect(other.waitedMostFor?.owner == one.name)
      // What conditions and events are made of is none of the program's.
      #expect(report.queues.filter { $0.kind == "semaphore" }.count == 2)
    }

    // MARK: Queues

    @Test(arguments: Case.all)
    func `queues have the depth, capacity and waits of all processes together`(
      _ test: Case
    ) throws {
      let recording = try test.record("multi_queue")
      let report = try recording.report()
      let bounded = try queue(report, kind: "python-queue") { $0.capacity != nil }
      let count = UInt64(try recording.value("items"))
      #expect(bounded.enqueued == count && bounded.dequeued == count)
      #expect(Int64(bounded.capacity ?? 0) == (try recording.value("capacity")))
      #expect(bounded.depth.max == (try recording.value("capacity")))
      let rounds = UInt64(try recording.value("rounds"))
      let lock = try lock(bounded, of: report)
      // All that the other process does is in there.
      let puts = waits(lock) { !$0.contains("consumer") }
      #expect(puts.count == rounds)
      try expect(puts.time, of: recording, isMeasuredAs: "blocked_put")
      let takes = waits(lock) { $0.contains("take_early") }
      #expect(takes.count >= rounds)
      try expect(takes.time, of: recording, isMeasuredAs: "blocked_get")
      // Of two that want items one waits for a lock of the library's: for items, that is.
      let endless = try queue(report, kind: "python-queue") { queue in
        queue.enqueued == 3 && queue.consumers.contains { $0.stack.functions.contains("rival") }
      }
      #expect(endless.dequeued == 3 && endless.capacity == nil)
      let rivals = waits(try self.lock(endless, of: report)) { $0.contains("rival") }
      let measured = try ["rival1", "rival2"].reduce(0) {
        try $0 + recording.value("rival_\(recording.value($1))")
      }
      #expect(rivals.count >= 2 && rivals.time <= measured)
      #expect(rivals.time >= (try recording.value("rivals_held")) * 9 / 10)
      #expect(
        !report.locks.contains {
          $0.kind == "python-lock" && $0.waiters.contains { $0.stack.functions.contains("rival") }
        })
      // Both have a buffer in the process that puts, which its sender empties.
      let buffers = report.queues.filter { $0.name.hasPrefix("items to be sent") }
      #expect(buffers.map(\.enqueued).sorted() == [3, count])
      #expect(buffers.map(\.dequeued).sorted() == [3, count])
    }

    // MARK: Messages

    @Test(arguments: Case.all)
    func `messages are counted by the pipe, queue, pool or manager that they go through`(
      _ test: Case
    ) throws {
      let recording = try test.record("multi_messages")
      let report = try recording.report()
      func value(_ name: String) throws -> UInt64 { UInt64(try recording.value(name)) }

      let there = try queue(report, kind: "messages") { items($0.consumers, in: "receive") > 3 }
      let sent = try value("sent")
      #expect(there.enqueued == sent && there.dequeued == sent)
      #expect(there.depth.max == 6 || there.depth.max == 7)
      let blocked = waits(try lock(there, of: report)) {
        $0.contains("receive") && $0.contains("once") || $0.contains("Measure.once")
      }
      try expect(blocked.time, of: recording, isMeasuredAs: "blocked_recv")
      let back = try queue(report, kind: "messages") { items($0.producers, in: "receive") > 0 }
      #expect(back.enqueued == (try value("back")) && back.dequeued == back.enqueued)
      for queue in [there, back] { #expect(queue.depth.timeline.last ?? 0 < 0.5) }

      let simple = try queue(report, kind: "messages") {
        $0.enqueued == (try? value("simple")) && items($0.producers, in: "child") > 0
      }
      #expect(simple.dequeued == simple.enqueued)

      let joinable = try queue(report, kind: "python-queue") {
        $0.enqueued == (try? value("tasks")) && !$0.name.hasPrefix("items to be sent")
      }
      #expect(joinable.dequeued == joinable.enqueued)
      let join = waits(try lock(joinable, of: report)) {
        ($0.contains("once") || $0.contains("Measure.once")) && !$0.contains("child")
      }
      #expect(join.count == 1)
      try expect(join.time, of: recording, isMeasuredAs: "joined")

      // Tasks are made before their results. Each of two workers is told to end, too.
      let pool = report.queues.filter {
        $0.kind == "messages" && items($0.producers + $0.consumers, in: "pool") > 0
      }
      let tasks = try value("pool_items")
      let many = pool.filter { $0.enqueued >= tasks }.sorted { $0.id < $1.id }
      try #require(many.count <= 2 && !many.isEmpty)
      #expect(many[0].enqueued == tasks + 2)
      #expect(report.processes.filter { $0.name.contains("PoolWorker-") }.count == 2)

      let manager = try #require(report.processes.first { $0.name.hasPrefix("SyncManager-") })
      let managed = try queue(report, kind: "python-queue") {
        $0.pid == manager.pid && $0.enqueued == (try? value("managed"))
      }
      #expect(managed.dequeued == managed.enqueued)
      #expect(UInt64(managed.depth.max) == managed.enqueued)
      let requests = try queue(report, kind: "messages") {
        $0.name.contains("listener-") && !$0.name.contains("(replies)")
      }
      #expect(requests.enqueued == requests.dequeued)
      #expect(requests.enqueued >= 2 * managed.enqueued)

      // As many as work, and one in reserve. Each worker is told to end, and says so.
      // There may be fewer of them than there can be.
      let workers = UInt64(
        report.processes.filter { $0.name.hasSuffix("(_process_worker)") }.count)
      let calls = try queue(report, kind: "python-queue") { $0.capacity == 3 }
      #expect(calls.enqueued == (try value("executor_items")) + workers)
      #expect(calls.enqueued == calls.dequeued && calls.depth.max == 3)
      let answers = try queue(report, kind: "messages") {
        $0.enqueued == (try? value("executor_items")).map { $0 + workers }
      }
      #expect(answers.dequeued >= (try value("executor_items")))
    }
  }
}
