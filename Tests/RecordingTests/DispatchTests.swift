import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Queues, semaphores and groups of libdispatch, Swift's actors, and Foundation's locks.
  @Suite struct Dispatch {
    /// A recording of one part of `dispatch_queues.swift` or `actors.swift`, which ended well.
    private func record(_ workload: String, _ part: String, status: Int32 = 0) throws
      -> TestRecording
    {
      let recording = try TestRecording(Workload.buildSwift(workload), part)
      #expect(recording.run.status == status, "\(recording.run.errors)")
      return recording
    }

    private func queue(_ name: String, in recording: TestRecording) throws -> QueueSummary {
      let queues = try recording.report().queues
      return try #require(
        queues.first { $0.name == name }, "there is no \(name) among \(queues.map(\.name))")
    }

    /// What a clock of ours says and what the program's says, which reads it a little later or
    /// earlier, and may lose its CPU in between.
    private func expectSame(
      _ ours: Int64?, _ theirs: Int64, within share: Double = 0.2,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let difference = abs(Double(ours ?? 0) - Double(theirs))
      #expect(
        difference <= share * Double(theirs), "\(ours ?? 0) ns, and not \(theirs) ns",
        sourceLocation: sourceLocation)
    }

    @Test func `A queue that is held has its items, and tells how long they waited and ran`() throws
    {
      let recording = try record("dispatch_queues", "blocked")
      #expect(try recording.value("inOrder") == 1)
      let queue = try queue("test.serial", in: recording)
      #expect(queue.kind == "dispatch-queue")
      #expect(queue.enqueued == 201 && queue.dequeued == 201)
      #expect(queue.depth.max == 200)
      let isCalled = queue.producers.contains {
        $0.items == 200 && $0.stack.functions.first == "dispatch_queues.blocked()"
      }
      #expect(isCalled, "\(queue.producers.map(\.stack.functions))")
      expectSame(queue.residenceNs?.total, try recording.value("residence"))
      expectSame(queue.runNs?.total, try recording.value("running"))
    }

    @Test func `A concurrent queue's items, barriers among them, are all counted`() throws {
      let recording = try record("dispatch_queues", "barriers")
      // The barrier came after all that was before it and before all that came after.
      #expect(try recording.value("before") == 50 && recording.value("early") == 0)
      let queue = try queue("test.concurrent", in: recording)
      #expect(queue.enqueued == 104 && queue.dequeued == 104)
      #expect(queue.depth.max > 50)
      expectSame(queue.residenceNs?.total, try recording.value("residence"), within: 0.5)
      expectSame(queue.runNs?.total, try recording.value("running"), within: 0.5)
    }

    @Test func `Who calls sync waits for the turn of the queue`() throws {
      let recording = try record("dispatch_queues", "turns")
      let waited = try recording.value("waited")
      let queue = try queue("test.serial", in: recording)
      #expect(queue.enqueued == 10 && queue.dequeued == 10)
      expectSame(queue.putWaitNs?.total, waited)
      let lock = try recording.lock("test.serial", kind: "dispatch-queue")
      #expect(lock.contended == 5)
      #expect(lock.waiters.first?.stack.functions.first == "dispatch_queues.turns()")
      expectSame(lock.waitNs.total, waited)
      let main = try #require(try recording.report().threads.first { $0.pid == $0.tid })
      #expect(main.queueWaitNs * 5 >= waited * 4, "a wait for a queue is none for a lock")
    }

    @Test func `Waits for semaphores and groups last as long as the program says`() throws {
      let recording = try record("dispatch_queues", "waits")
      #expect(try recording.value("asExpected") == 1)
      let locks = try recording.report().locks
      for (kind, name, waiter) in [
        ("dispatch-group", "group", "dispatch_queues.waitForGroup(_:)"),
        ("dispatch-semaphore", "semaphore", "dispatch_queues.waitForSemaphore()"),
      ] {
        let lock = try #require(locks.first { $0.kind == kind && $0.contended > 0 })
        expectSame(lock.waitNs.max, try recording.value(name))
        #expect(lock.waiters.first?.stack.functions.first == waiter)
        // Those that time out go through a function without frame and unwind table.
        let callers = lock.waiters.compactMap(\.stack.functions.first)
        #expect(callers.allSatisfy { $0.hasPrefix("dispatch_queues.") }, "\(callers)")
      }
      let semaphore = try #require(
        locks.first { $0.kind == "dispatch-semaphore" && $0.contended > 0 })
      #expect(semaphore.acquisitions == 2, "two signals, two waits that got one")
      // What the library makes them of is not there twice.
      #expect(!locks.contains { $0.kind == "semaphore" && $0.contended > 0 })
      #expect(!locks.contains { $0.kind == "futex" && $0.waitNs.max > 20_000_000 })
    }

    @Test func `Items for later wait from the moment they are due`() throws {
      let recording = try record("dispatch_queues", "later")
      let queue = try queue("test.serial", in: recording)
      #expect(queue.enqueued == 14 && queue.dequeued == 14)
      expectSame(queue.residenceNs?.total, try recording.value("residence"))
    }

    @Test func `Work items are cancelled, waited for and notified of as ever`() throws {
      let recording = try record("dispatch_queues", "items")
      #expect(try recording.value("ran") == 6 && recording.value("ticks") == 3)
      #expect(try recording.value("released") == 10, "what a block has captured goes with it")
      let serial = try queue("test.serial", in: recording)
      #expect(serial.enqueued == 34 && serial.dequeued == 34)
      #expect(serial.depth.max >= 2, "one that is cancelled is there until its turn")
      let concurrent = try queue("test.concurrent", in: recording)
      #expect(concurrent.enqueued == 5 && concurrent.dequeued == 5)
    }

    @Test func `Iterations are a queue's items`() throws {
      let recording = try record("dispatch_queues", "iterations")
      #expect(try recording.value("sum") == 499_500)
      let queue = try queue("dispatch_apply", in: recording)
      #expect(queue.enqueued == 1000 && queue.dequeued == 1000 && queue.depth.max == 1000)
    }

    @Test func `A million items balance exactly, also where events are lost`() throws {
      let recording = try record("dispatch_queues", "million")
      #expect(try recording.value("count") == 1_000_000)
      #expect(try recording.report().recording.uncountedCalls == 0)
      let queue = try queue("test.serial", in: recording)
      #expect(queue.enqueued == 1_000_001 && queue.dequeued == 1_000_001)
    }

    @Test func `Queues that live at one address one after another are not mixed up`() throws {
      let queues = try record("dispatch_queues", "short").report().queues
      for number in 0..<100 {
        let named = queues.filter { $0.name == "short.\(number)" }
        #expect(named.map(\.enqueued) == [UInt64(number) + 2])
        #expect(named.map(\.dequeued) == [UInt64(number) + 2])
      }
    }

    @Test func `The main queue's items run, and the program ends as it wants to`() throws {
      let recording = try record("dispatch_queues", "main", status: 3)
      let queue = try queue("com.apple.main-thread", in: recording)
      #expect(queue.enqueued == 1 && queue.dequeued == 1)
    }

    /// Where Swift has libdispatch and its headers.
    private func dispatchFlags() throws -> [String] {
      let information = try Program.run("swiftc", "-print-target-info")
      let line = try #require(
        information.output.split(separator: "\n").first { $0.contains("\"runtimeResourcePath\"") })
      let path = String(try #require(line.split(separator: "\"").dropFirst(3).first))
      return [
        "-fblocks", "-I", path, "-L", path + "/linux", "-ldispatch", "-lBlocksRuntime",
        "-Wl,-rpath," + path + "/linux",
      ]
    }

    @Test func `Every function of the C interface puts in as many as it takes out`() throws {
      let program = try Workload.build(
        "dispatch_functions", flags: dispatchFlags(), compiler: "clang", output: "functions")
      let bare = try Program([program]).result()
      let recording = try TestRecording(program)
      #expect(recording.run.output == bare.output && recording.run.status == bare.status)
      // And where the runtime has no recorder.
      let unrecorded = try Program([program], environment: ["LD_PRELOAD": CTrace.runtime]).result()
      #expect(unrecorded.output == bare.output && unrecorded.status == bare.status)
      for (name, count) in [
        ("test.functions", 39), ("test.targeted", 111), ("dispatch_apply", 10),
      ] {
        let queue = try queue(name, in: recording)
        #expect(queue.enqueued == UInt64(count), "\(name)")
        #expect(queue.dequeued == UInt64(count), "\(name)")
      }
      // One without a label is named by who made it.
      let nameless = try recording.report().queues.filter { $0.name.hasPrefix("main") }
      #expect(nameless.map(\.enqueued) == [1])
    }

    // MARK: Actors

    @Test func `An actor's mailbox is a queue`() throws {
      let recording = try record("actors", "messages")
      #expect(try recording.value("count") == 60)
      let mailbox = try queue("Mailbox", in: recording)
      #expect(mailbox.kind == "actor")
      // Beside those that wait: the first, and two that ask what came of it.
      #expect(mailbox.enqueued == 63 && mailbox.dequeued == 63)
      #expect(mailbox.depth.max == 60)
      expectSame(mailbox.residenceNs?.total, try recording.value("residence"))
      let sender = try #require(mailbox.producers.first { $0.items == 60 })
      #expect(sender.stack.functions.first?.hasSuffix("actors.messages()") == true)
      #expect(Double(mailbox.runNs?.total ?? 0) >= Double(try recording.value("running")) * 0.8)
      // Each comes from the main actor, which a queue of libdispatch works for.
      let main = try queue("com.apple.main-thread", in: recording)
      #expect(main.enqueued == main.dequeued && main.enqueued >= 61)
    }

    @Test func `Tasks that begin at an actor wait in its mailbox`() throws {
      let recording = try record("actors", "tasks")
      let mailbox = try queue("Mailbox", in: recording)
      #expect(mailbox.enqueued == 43 && mailbox.dequeued == 43)
      #expect(mailbox.depth.max == 40)
      expectSame(mailbox.residenceNs?.total, try recording.value("residence"))
      let sender = try #require(mailbox.producers.first { $0.items == 40 })
      #expect(sender.stack.functions.first == "closure #1 in actors.Mailbox.spawn(_:)")
    }

    @Test func `Jobs of the executors are items of queues`() throws {
      let recording = try record("actors", "main")
      #expect(try recording.value("onMain") == 25)
      let main = try queue("com.apple.main-thread", in: recording)
      #expect(main.enqueued == main.dequeued && main.enqueued >= 25)
      let queues = try recording.report().queues
      let jobs = queues.filter { $0.name.hasPrefix("Swift global concurrent queue") }
      #expect(jobs.reduce(0) { $0 + $1.dequeued } >= 25)
      #expect(jobs.allSatisfy { $0.enqueued == $0.dequeued })
    }

    @Test func `Actors that call each other for long need no more stack than they did`() throws {
      let recording = try record("actors", "rally")
      #expect(try recording.value("count") == 100_000)
      let pong = try queue("Pong", in: recording)
      let isEachCounted = try recording.report().recording.uncountedCalls == 0
      #expect(pong.enqueued == pong.dequeued || !isEachCounted)
      let others = try record("actors", "others")
      #expect(try others.value("cancelled") == 1 && others.value("slept") == 3)
    }

    // MARK: Foundation

    @Test func `Foundation's locks bear the name of who uses them`() throws {
      let recording = try TestRecording(Workload.buildSwift("foundation_locks"))
      #expect(try recording.run.status == 0 && recording.value("sum") == 435)
      let locks = try recording.report().locks
      for (kind, waiter) in [
        ("mutex", "wantLock()"), ("mutex", "wantRecursively()"), ("condition", "awaitReady()"),
      ] {
        let lock = try #require(
          locks.first { lock in
            lock.kind == kind
              && lock.waiters.contains {
                $0.stack.functions.first == "foundation_locks." + waiter
              }
          }, "nobody waits in \(waiter)")
        #expect(lock.waitNs.max >= 10_000_000 && lock.contended == 1)
        #expect(!lock.name.hasPrefix("Foundation"), "\(lock.name)")
      }
      let queue = try queue("test.underlying", in: recording)
      #expect(queue.enqueued == 31 && queue.dequeued == 31 && queue.depth.max >= 30)
      let isCalled = queue.producers.contains {
        $0.items == 30 && $0.stack.functions.first == "foundation_locks.addOperations()"
      }
      #expect(isCalled, "\(queue.producers.map(\.stack.functions))")
    }

    @Test func `Swift programs run as ever where nothing is recorded`() throws {
      for (workload, part, line) in [
        ("actors", "tasks", "count 40"), ("dispatch_queues", "items", "ticks 3"),
      ] {
        let program = try Workload.buildSwift(workload)
        let environment = ["LD_PRELOAD": CTrace.runtime]
        let run = try Program([program, part], environment: environment).result()
        #expect(run.status == 0 && run.output.contains(line), "\(run.errors.prefix(1000))")
      }
    }

    @Test func `A program that has the libraries in itself runs as ever, and shows no queue`()
      throws
    {
      let program = try Workload.buildSwift("dispatch_queues", flags: ["-static-stdlib"])
      let recording = try TestRecording(program, "blocked")
      #expect(recording.run.status == 0 && recording.run.output.contains("inOrder 1"))
      #expect(try !recording.report().queues.contains { $0.kind == "dispatch-queue" })
    }
  }
}
