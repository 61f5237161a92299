import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Queues, pools and locks of libraries, as Debian has them, in programs that count and time themselves.
  @Suite struct Libraries {
    private func recording(
      _ program: String, _ arguments: String...
    ) throws -> TestRecording {
      let recording: TestRecording
      switch arguments.count {
      case 0: recording = try TestRecording(program)
      case 1: recording = try TestRecording(program, arguments[0])
      case 2: recording = try TestRecording(program, arguments[0], arguments[1])
      default: recording = try TestRecording(program, arguments[0], arguments[1], arguments[2])
      }
      try #require(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.report().recording.lostEvents == 0)
      return recording
    }

    private func queue(
      _ recording: TestRecording, kind: String, _ isWanted: (QueueSummary) -> Bool = { _ in true }
    ) throws -> QueueSummary {
      let queues = try recording.report().queues
      let found = queues.first { $0.kind == kind && isWanted($0) }
      let names = queues.map { "\($0.kind) \($0.name)" }
      return try #require(found, "\(names)")
    }

    /// Checks what was waited in a function against the program's own measure.
    private func expectWaits(
      in function: String, of recording: TestRecording, kind: String, measured: String,
      rounds: String, holder: String? = nil
    ) throws {
      let locks = try recording.report().locks.filter {
        $0.kind == kind && $0.waiters.contains { $0.stack.functions.contains(function) }
      }
      let lock = try #require(
        locks.max { $0.waitNs.total < $1.waitNs.total }, "nobody waited in \(function)")
      let waits = lock.waiters.filter { $0.stack.functions.contains(function) }
      let time = waits.reduce(0) { $0 + $1.waitNs }
      try recording.expect(time, isMeasuredAs: measured)
      #expect(
        try waits.reduce(0) { $0 + $1.count } == UInt64(recording.value(rounds)), "\(measured)")
      #expect(waits.first?.stack.first?.function == function, "\(measured)")
      guard let holder else { return }
      let release = try #require(lock.holders.first, "\(measured)")
      #expect(release.stack.first?.function == holder, "\(measured)")
      #expect(release.blamedNs <= time, "\(measured)")
      try recording.expect(release.blamedNs, isMeasuredAs: measured)
    }

    /// Waits within an OpenMP region; those at its end are where no function of it is any more.
    private func insideWaits(of barrier: LockSummary) -> (count: UInt64, time: Int64) {
      barrier.waiters.filter { $0.stack.count > 1 }.reduce((0, 0)) {
        ($0.0 + $1.count, $0.1 + $1.waitNs)
      }
    }

    /// What the residence of all items of a queue sums up to.
    private func expectResidence(_ queue: QueueSummary, _ measured: Int64) throws {
      let residence = try #require(queue.residenceNs)
      #expect(isClose(residence.total, measured, slack: 4_000_000))
    }

    // MARK: glib

    @Test(.enabled(if: Library.glib.isInstalled, "libglib2.0-dev is not installed"))
    func `glib's queue has the depth that the program gave it, and its pool runs what came`() throws
    {
      let recording = try recording(
        Workload.build("glib_queue", flags: Library.glib.flags))
      let items = UInt64(try recording.value("items"))
      let held = try recording.value("held_back")
      let filled = try queue(recording, kind: "queue") { $0.enqueued > 1 }
      #expect(filled.name.hasPrefix("make_queue"))
      #expect(filled.enqueued == items && filled.dequeued == items)
      #expect(filled.depth.max == held && filled.depth.p99 == held)
      #expect(filled.producers.first?.stack.first?.function == "put_item")
      #expect(filled.producers.first?.items == UInt64(held))
      #expect(filled.consumers.first?.stack.first?.function == "take_item")
      // Each item waited until all were there and the takers came, 50 ms at least.
      #expect(try #require(filled.residenceNs).total >= held * 50_000_000)
      // Of the program's blocked calls, those of the takers that it stops in the end come on top.
      let waits = try #require(filled.takeWaitNs)
      let seen = try recording.value("waited_held")
      #expect(waits.total >= seen + 20_000_000 * 99 / 100)
      let lock = try #require(try recording.report().locks.first { $0.id == filled.id })
      let waiter = try #require(
        lock.waiters.first {
          $0.stack.first?.function == "take_item" && $0.stack.functions.contains("waiter")
        })
      #expect(waiter.count == UInt64(try recording.value("waits")))
      try recording.expect(waiter.waitNs, isMeasuredAs: "waited")
      // What glib itself waits for meanwhile is part of that, and none of its own: a wait within another
      // one has no stack.
      #expect(
        try recording.report().locks.allSatisfy { !$0.waiters.contains { $0.stack.isEmpty } })
      // The next queue came to live at the place of the first, and is another.
      let next = try queue(recording, kind: "queue") { $0.enqueued == 1 }
      #expect(next.id != filled.id && next.dequeued == 1)

      let jobs = UInt64(try recording.value("jobs"))
      let pool = try queue(recording, kind: "thread-pool") { $0.dequeued > 0 }
      #expect(pool.name.hasPrefix("make_pool"))
      #expect(pool.enqueued == jobs && pool.dequeued == jobs)
      try expectResidence(pool, try recording.value("residence"))
      let run = try #require(pool.runNs)
      #expect(isClose(run.total, try recording.value("run_time"), slack: 2_000_000))
      #expect(pool.producers.first?.stack.first?.function == "put_job")
      #expect(pool.consumers.first?.stack.first?.function == "do_job")
      // What a pool was freed with was never run.
      let freed = try queue(recording, kind: "thread-pool") { $0.id != pool.id }
      #expect(freed.enqueued == 4 && freed.dequeued < 4)
    }

    // MARK: libuv

    @Test(.enabled(if: Library.libuv.isInstalled, "libuv1-dev is not installed"))
    func `libuv's work is timed from its queue on, and cancelled work leaves it`() throws {
      let recording = try recording(Workload.build("libuv_work", flags: Library.libuv.flags))
      let pool = try queue(recording, kind: "thread-pool")
      #expect(pool.name == "libuv work")
      let jobs = UInt64(try recording.value("jobs"))
      #expect(pool.enqueued == jobs && pool.dequeued == jobs)
      #expect(pool.depth.max > 20 && pool.depth.max <= Int64(jobs))
      let run = try #require(pool.runNs)
      #expect(isClose(run.total, try recording.value("run_time"), slack: 2_000_000))
      // The cancelled were in for the shortest time.
      let residence = try #require(pool.residenceNs).total
      let measured = try recording.value("residence")
      #expect(residence >= measured * 19 / 20)
      #expect(residence <= measured * 21 / 20 + 10_000_000)
      #expect(pool.producers.first?.stack.first?.function == "put_work")
      let done = try #require(pool.consumers.first { $0.stack.first?.function == "do_work" })
      #expect(done.items == UInt64(try recording.value("done")))
      try expectWaits(
        in: "want_mutex", of: recording, kind: "mutex", measured: "mutex", rounds: "rounds",
        holder: "hold_mutex")
      try expectWaits(
        in: "want_semaphore", of: recording, kind: "semaphore", measured: "semaphore",
        rounds: "rounds")
    }

    // MARK: oneTBB

    @Test(.enabled(if: Library.tbb.isInstalled, "libtbb-dev is not installed"))
    func `oneTBB's bounded queue is waited for when it is full and when it is empty`() throws {
      let recording = try recording(
        Workload.build(
          "tbb_queue.cpp", flags: Library.tbb.flags, compiler: "c++", output: "tbb_queue"))
      let items = UInt64(try recording.value("items"))
      let filled = try queue(recording, kind: "queue") { $0.enqueued == items }
      #expect(filled.dequeued == items)
      #expect(filled.depth.max == (try recording.value("capacity")))
      #expect(filled.depth.p99 == filled.depth.max)
      let put = try #require(filled.putWaitNs)
      let take = try #require(filled.takeWaitNs)
      try recording.expect(put.total, isMeasuredAs: "room")
      // And the one wait that was aborted.
      #expect(take.total >= (try recording.value("item_held")) + 4_000_000)
      #expect(take.p50 <= (try recording.value("item")))
      #expect(filled.producers.first?.stack.first?.function == "put_item")
      #expect(filled.consumers.first?.stack.first?.function == "take_item")
      // However fast both sides were, what came went.
      let many = UInt64(try recording.value("many"))
      let fast = try queue(recording, kind: "queue") { $0.enqueued == many }
      #expect(fast.dequeued == many)
      // An item may be told of a little after it came, and room a little after it was there.
      #expect(fast.depth.max <= 22)
      #expect(fast.depth.timeline.last == 0)
      try expectWaits(
        in: "want_mutex", of: recording, kind: "mutex", measured: "mutex", rounds: "waits",
        holder: "hold_mutex")
      try expectWaits(
        in: "want_rw_mutex", of: recording, kind: "rwlock", measured: "rw_mutex", rounds: "waits",
        holder: "hold_rw_mutex")
    }

    // MARK: OpenMP

    @Test(.enabled(if: Library.hasOpenMP, "cc has no OpenMP"))
    func `Threads of an OpenMP team wait for those that come late`() throws {
      let recording = try recording(Workload.build("openmp_team", flags: ["-fopenmp"]))
      let report = try recording.report()
      func barrier(_ region: String) throws -> LockSummary {
        try #require(report.locks.first { $0.kind == "barrier" && $0.name.hasPrefix(region) })
      }
      let threads = try recording.value("threads")
      let rounds = try recording.value("rounds")
      // Each round, and the end.
      let meeting = try barrier("barriers._omp_fn")
      #expect(meeting.acquisitions == UInt64(threads * (rounds + 1)))
      let waits = meeting.waiters.filter { $0.stack.functions.contains("meet") }
      #expect(waits.reduce(0) { $0 + $1.count } == UInt64(threads * rounds))
      #expect(
        isClose(
          waits.reduce(0) { $0 + $1.waitNs }, try recording.value("waited"), slack: 2_000_000))
      let loop = try barrier("loops._omp_fn")
      #expect(insideWaits(of: loop).count == UInt64(threads))
      #expect(
        isClose(
          insideWaits(of: loop).time, try recording.value("loop_waited"), slack: 2_000_000))
      // Of the last region only the thread that began it goes on, and all have waited.
      let end = try barrier("region_end._omp_fn")
      #expect(end.acquisitions == UInt64(threads) && end.contended == UInt64(threads))
      #expect(isClose(end.waitNs.total, try recording.value("end_waited"), slack: 2_000_000))
      // The one that came last did not wait; to wait for others is no contention.
      #expect(end.waitNs.p50 > 5_000_000 && end.waitNs.max < 60_000_000)
    }

    @Test(.enabled(if: Library.hasOpenMP, "cc has no OpenMP"))
    func `OpenMP's locks and critical sections are locks`() throws {
      let recording = try recording(Workload.build("openmp_team", flags: ["-fopenmp"]))
      let holds = try recording.value("holds")
      for (name, measured, extra) in [
        ("omp_lock", "lock", 7), ("omp_nested", "nested", 0),
        (".gomp_critical_user_guard", "named", 0), ("omp critical", "critical", 0),
      ] {
        let lock = try recording.lock(name, kind: "mutex")
        #expect(lock.acquisitions == UInt64(2 * holds + Int64(extra)), "\(name)")
        #expect(lock.contended == UInt64(holds), "\(name)")
        try recording.expect(lock.waitNs.total, isMeasuredAs: measured)
        let least = try recording.value("\(measured)_held")
        #expect(lock.holdNs.total >= least - least / 100, "\(name)")
        let release = try #require(lock.holders.first)
        #expect(release.blamedNs <= lock.waitNs.total, "\(name)")
        try recording.expect(release.blamedNs, isMeasuredAs: measured)
        #expect(release.stack.first?.function == "hold_\(measured)")
        // Of a nested lock the last level alone.
        #expect(lock.holders.reduce(0) { $0 + $1.count } == UInt64(holds), "\(name)")
        #expect(lock.waiters.first?.stack.first?.function == "want_\(measured)")
      }
      let turns = try recording.lock("omp ordered", kind: "condition")
      #expect(turns.contended == 8)
    }

    @Test(.enabled(if: Library.hasOpenMP, "cc has no OpenMP"))
    func `Tasks are work, and not part of the wait of the thread that runs them`() throws {
      let recording = try recording(Workload.build("openmp_team", flags: ["-fopenmp"]))
      let tasks = UInt64(try recording.value("tasks"))
      let pool = try queue(recording, kind: "thread-pool") { $0.enqueued == tasks }
      #expect(pool.name.hasPrefix("tasks._omp_fn"))
      #expect(pool.dequeued == tasks)
      let run = try #require(pool.runNs)
      let time = try recording.value("task_time")
      #expect(isClose(run.total, time, slack: 2_000_000))
      // Three threads run them while they wait for the fourth, which waits for its tasks.
      let waits = try recording.report().locks.filter {
        $0.kind == "barrier" && $0.name.hasPrefix("tasks._omp_fn")
      }
      #expect(waits.reduce(0) { $0 + $1.waitNs.total } < time / 2)
    }

    // MARK: Copies

    @Test(
      .enabled(if: Library.glib.isInstalled, "libglib2.0-dev is not installed"),
      .enabled(if: Library.hasOpenMP, "cc has no OpenMP"))
    func `Libraries that plugins keep to themselves are each their own`() throws {
      let folder = try TemporaryFolder()
      let original = try #require(try Machine.sharedObject("libgomp.so.1"))
      // As Python's packages bring their own copies along, under other names.
      func plugin(using copy: String, run: String) throws -> String {
        var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: original)))
        let (old, new) = (Array("libgomp.so.1".utf8), Array(copy.utf8))
        #expect(old.count == new.count)
        while let place = bytes.firstRange(of: old) { bytes.replaceSubrange(place, with: new) }
        return try Workload.build(
          "openmp_plugin",
          flags: [
            "-shared", "-fPIC", "-fopenmp", "-DRUN=\(run)", "-nodefaultlibs",
            "-Wl,--no-as-needed", try folder.write(bytes, to: copy), "-lc",
            "-Wl,-rpath,\(folder.path)",
          ])
      }
      // The one that the second plugin is linked with is known to the loader as a part of that alone.
      let teams = [
        try plugin(using: "libgomp-A.so", run: "run"),
        try plugin(using: "libgomp-B.so", run: "run_team"),
      ]
      let outer = try Workload.build(
        "openmp_plugin",
        flags: [
          "-shared", "-fPIC", "-DOUTER", "-Wl,--no-as-needed", teams[1],
          "-Wl,-rpath,\((teams[1] as NSString).deletingLastPathComponent)",
        ])
      let glib = try Workload.build(
        "glib_plugin", flags: ["-shared", "-fPIC"] + Library.glib.flags)
      let recording = try recording(
        Workload.build("library_host"), teams[0], outer, glib)
      for (number, plugin) in teams.enumerated() {
        let barriers = try recording.report().locks.filter {
          $0.kind == "barrier"
            && $0.waiters.contains {
              $0.stack.first?.module == (plugin as NSString).lastPathComponent
            }
        }
        let lock = try #require(barriers.first)
        #expect(barriers.count == 1 && lock.acquisitions == 6)
        let waited = try recording.value("openmp\(number + 1)")
        #expect(isClose(insideWaits(of: lock).time, waited, slack: 2_000_000))
      }
      let queue = try queue(recording, kind: "queue")
      #expect(queue.enqueued == 10 && queue.dequeued == 10)
      try recording.expect(#require(queue.takeWaitNs).total, isMeasuredAs: "glib")
    }
  }
}
