import TestSupport
import Testing
import TraceAnalysis

/// Everything here records programs whose answer is known by construction, one at a time: they
/// time their own waits.
@Suite(.serialized) enum RecordingTests {}

/// Whether two times differ by less than a part of the greater, or by less than what it takes to
/// read a clock around a few hundred calls.
func isClose(_ one: Int64, _ other: Int64, part: Double = 0.05, slack: Int64 = 300_000) -> Bool {
  abs(one - other) <= max(Int64(part * Double(max(one, other))), slack)
}

extension RecordingTests {
  @Suite struct Locks {
    @Test func `A few holds are all measured, one within the other too`() throws {
      let recording = try TestRecording(Workload.build("few_holds"))
      for name in ["outer", "inner"] {
        let lock = try recording.lock("\(name)_mu", kind: "mutex")
        let held = try recording.value(name)
        #expect(lock.acquisitions == 40 && lock.contended == 0)
        #expect(isClose(try #require(lock.heldNs), held), "\(name)")
        let share = Double(held) / Double(try recording.report().recording.durationNs)
        #expect(abs(try #require(lock.utilisation) - share) < 0.05 * share, "\(name)")
      }
    }

    @Test func `A lock held for 10 ms a hundred times costs a second, and both sides are named`()
      throws
    {
      let recording = try TestRecording(Workload.build("held_lock"))
      #expect(recording.run.status == 0)
      let lock = try recording.lock("held_mu", kind: "mutex")
      #expect(lock.acquisitions == UInt64(try recording.value("acquisitions")))
      #expect(lock.contended == UInt64(try recording.value("rounds")))
      #expect(isClose(lock.waitNs.total, try recording.value("waited")))
      #expect(isClose(lock.waitNs.max, try recording.value("longest"), slack: 1_000_000))
      #expect(isClose(lock.waitNs.p50, lock.waitNs.total / 100, part: 0.3))
      #expect(isClose(lock.holdNs.total, lock.waitNs.total))
      #expect(lock.waiters.first?.stack.first?.function == "want_it")
      #expect(lock.waiters.first?.count == 100)
      #expect(lock.holders.first?.stack.first?.function == "hold_it")
      #expect(lock.holders.first?.count == 100)
      #expect(isClose(try #require(lock.holders.first?.blamedNs), lock.waitNs.total))
      #expect(try #require(lock.utilisation) > 0.8)
      let waiter = try recording.thread("waiter")
      #expect(waiter.waitedMostFor?.name == "held_mu")
      #expect(waiter.waitedMostFor?.owner == "holder")
      let waited = try recording.value("waited")
      #expect(waiter.lockWaitNs <= waited + waited / 20)
      #expect(waiter.lockWaitNs + waiter.runnableNs >= waited - waited / 20)
      #expect(try recording.thread("holder").lockWaitNs < waiter.lockWaitNs / 20)
      #expect(try recording.report().findings.first?.kind == "contention")
    }

    @Test func `Uncontended acquisitions of eight threads are counted to the unit`() throws {
      let recording = try TestRecording(Workload.build("uncontended"))
      #expect(recording.run.status == 0)
      for name in ["passed_mu", "read_rw"] {
        let lock = try recording.lock(name)
        #expect(lock.acquisitions == UInt64(try recording.value(name)))
      }
      let own = try (0..<8).map { UInt64(try recording.value("own_mu\($0)")) }
      let counted = try recording.report().locks.filter { $0.name.hasPrefix("own_mu") }
        .map(\.acquisitions)
      #expect(counted.sorted() == own.sorted())
      #expect(try recording.report().recording.lostEvents == 0)
      #expect(try recording.report().findings.first?.kind == "no-contention")
    }

    @Test func `Readers that never let go starve a writer`() throws {
      let recording = try TestRecording(Workload.build("reader_writer"))
      #expect(recording.run.status == 0)
      let starved = try recording.lock("starved_rw", kind: "rwlock")
      #expect(starved.acquisitions == UInt64(try recording.value("starved_acquisitions")))
      #expect(isClose(starved.waitNs.max, try recording.value("writer_waited")))
      #expect(starved.waiters.first?.stack.first?.function == "write_once")
      #expect(starved.holders.first?.stack.first?.function == "read_end")
      let busy = try recording.lock("busy_rw", kind: "rwlock")
      #expect(busy.acquisitions == UInt64(try recording.value("busy_acquisitions")))
      #expect(isClose(busy.waitNs.total, try recording.value("readers_waited"), slack: 2_000_000))
      #expect(busy.waiters.first?.stack.first?.function == "read_once")
      #expect(busy.holders.first?.stack.first?.function == "write_long")
    }

    @Test func `A pool of three for eight users is a depth between 0 and 3`() throws {
      let recording = try TestRecording(Workload.build("semaphore_pool"))
      #expect(recording.run.status == 0)
      let lock = try recording.lock("pool_sem", kind: "semaphore")
      #expect(lock.acquisitions == UInt64(try recording.value("acquisitions")))
      #expect(isClose(lock.waitNs.total, try recording.value("waited")))
      let queue = try #require(try recording.report().queues.first { $0.name == "pool_sem" })
      #expect(queue.enqueued == UInt64(try recording.value("posts")))
      #expect(queue.dequeued == UInt64(try recording.value("acquisitions")))
      #expect(queue.depth.max == 3)
      #expect(queue.depth.mean > 0 && queue.depth.mean < 1.5)
    }

    @Test func `Threads that come to a barrier early wait for the late`() throws {
      let recording = try TestRecording(Workload.build("barrier_skew"))
      let lock = try recording.lock("meeting", kind: "barrier")
      #expect(lock.acquisitions == UInt64(try recording.value("passes")))
      #expect(isClose(lock.waitNs.total, try recording.value("waited"), slack: 2_000_000))
      #expect(lock.waiters.first?.stack.first?.function == "meet")
      #expect(try recording.thread("barrier_skew").lockWaitNs == 0)
    }

    @Test func `Waiting for a condition is not called contention`() throws {
      let recording = try TestRecording(Workload.build("condition_queue"))
      let items = try recording.lock("not_empty", kind: "condition")
      let room = try recording.lock("not_full", kind: "condition")
      #expect(isClose(items.waitNs.total, try recording.value("waited_for_items")))
      #expect(isClose(room.waitNs.total, try recording.value("waited_for_room")))
      #expect(items.waiters.first?.stack.first?.function == "take")
      #expect(room.waiters.first?.stack.first?.function == "put")
      let mutex = try recording.lock("queue_mu", kind: "mutex")
      #expect(mutex.waitNs.total < items.waitNs.total / 10)
      #expect(try recording.report().findings.first?.kind == "no-contention")
      let consumer = try recording.thread("consumer")
      // Of a wait, the time after the wakeup is none of the thread's waiting: it had no CPU.
      let waited = items.waitNs.total
      #expect(consumer.queueWaitNs <= waited + waited / 20)
      #expect(consumer.queueWaitNs + consumer.runnableNs >= waited - waited / 20)
      #expect(consumer.lockWaitNs < consumer.queueWaitNs / 10)
    }

    @Test func `Tries that fail are no waits`() throws {
      let recording = try TestRecording(Workload.build("trylock"))
      #expect(recording.run.status == 0)
      for name in ["tried_mu", "tried_rw", "read_rw", "tried_spin", "tried_sem", "tried_mtx"] {
        let lock = try recording.lock(name)
        #expect(lock.acquisitions == UInt64(try recording.value("acquisitions")), "\(name)")
        #expect(lock.contended == 0, "\(name)")
      }
    }

    @Test func `Waits that time out are waits without an acquisition`() throws {
      let recording = try TestRecording(Workload.build("timed_waits"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      for (name, lock) in [
        ("mutex", "timed_mu"), ("rwlock", "timed_rw"), ("semaphore", "timed_sem"),
        ("c11", "timed_mtx"),
      ] {
        let found = try recording.lock(lock)
        #expect(found.acquisitions == UInt64(try recording.value("\(name)_acquisitions")))
        #expect(isClose(found.waitNs.total, try recording.value("\(name)_waited")), "\(name)")
      }
      let condition = try recording.lock("timed_cond")
      #expect(isClose(condition.waitNs.total, try recording.value("condition_waited")))
    }

    @Test func `A recursive mutex is held once, however often it is taken`() throws {
      let recording = try TestRecording(Workload.build("recursion"))
      let lock = try recording.lock("nested_mu", kind: "mutex")
      #expect(lock.acquisitions == UInt64(try recording.value("acquisitions")))
      #expect(lock.contended == UInt64(try recording.value("contended")))
      #expect(isClose(lock.waitNs.total, try recording.value("waited")))
      // The hold lasts from the outermost lock to the outermost unlock, as the wait does.
      #expect(isClose(lock.holdNs.total, lock.waitNs.total))
      #expect(lock.holders.first?.stack.first?.function == "descend")
    }

    @Test func `Locks that follow each other at one address are told apart`() throws {
      let recording = try TestRecording(Workload.build("reused_memory"))
      let report = try recording.report()
      for name in ["first_life", "second_life", "third_life", "fourth_life"] {
        let lock = try recording.lock(name)
        #expect(lock.acquisitions == UInt64(try recording.value(name)), "\(name)")
      }
      let lives = report.locks.filter { $0.name.hasPrefix("many_lives") }
      #expect(lives.count == Int(try recording.value("lives")))
      #expect(lives.allSatisfy { $0.acquisitions == 3 })
    }
  }
}
