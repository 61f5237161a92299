import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// What programs say of themselves through ctrace.h.
  @Suite struct OwnWords {
    @Test func `A queue's depth is the program's own, and so is the time that items stay in it`()
      throws
    {
      let recording = try TestRecording(Workload.build("own_words"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.value("recorded") == 1)
      let queue = try recording.queue("stairs", kind: "queue")
      let steps = try recording.value("steps")
      #expect(queue.enqueued == UInt64(steps) && queue.dequeued == UInt64(steps))
      #expect(queue.capacity == UInt64(steps) && queue.depth.max == steps)
      #expect(isClose(try #require(queue.residenceNs).total, try recording.value("stayed")))
      #expect(isClose(try #require(queue.residenceNs).max, try recording.value("longest_stay")))
      #expect(isClose(try #require(queue.depth.fullNs), try recording.value("full")))
      // The mean over the time since the first item came, of which the rest was empty.
      let area = Double(try recording.value("area"))
      let part = Double(try recording.report().recording.durationNs) / 40
      let told = queue.depth.timeline.reduce(0, +) * part
      #expect(abs(told - area) < area / 20)
      #expect(queue.producers.first?.stack.first?.function == "put")
      #expect(queue.producers.first?.items == UInt64(steps))
      #expect(queue.consumers.first?.stack.first?.function == "take")
    }

    @Test func `The text has the queue's depth over the run, and who put in and took out`() throws {
      let recording = try TestRecording(Workload.build("own_words"))
      let text = try CTrace.run("report", recording.file).output
      let lines = text.split(separator: "\n").map(String.init)
      // The commands at the end are as long as the file's path.
      #expect(lines.prefix { !$0.hasPrefix("NEXT") }.allSatisfy { $0.count <= 80 })
      let table = try #require(lines.firstIndex { $0.hasPrefix("QUEUES") })
      let row = try #require(lines[table...].first { $0.hasPrefix("stairs") })
      // It was at its fullest in the middle of its time, and empty most of the run.
      #expect(row.contains("█") && row.contains(" 5 "))
      // The child has one of that name too.
      let queue = try #require(recording.report().queues.first { $0.name == "stairs" })
      let stairs = try CTrace.run("report", "--queue", "#\(queue.id)", recording.file).output
      let told = stairs.split(separator: "\n").map(String.init)
      #expect(
        told.contains {
          $0.hasPrefix("QUEUE    stairs [\(queue.pid)] · queue · 5 in, 5 out · room for 5")
        })
      for (title, function) in [("PUT IN", "put"), ("TAKEN", "take")] {
        let place = try #require(told.firstIndex(of: title))
        #expect(told[place + 1] == "  5 in 5 times")
        #expect(told[place + 2].hasPrefix("      \(function) own_words.c:"))
      }
      #expect(
        lines.contains { $0.hasPrefix("outer work") } && lines.contains { $0.hasPrefix("pieces") })
    }

    @Test func `Items that leave in another order say when they came`() throws {
      let recording = try TestRecording(Workload.build("own_words"))
      let queue = try recording.queue("pile", kind: "queue")
      #expect(isClose(try #require(queue.residenceNs).total, try recording.value("pile_stayed")))
      #expect(isClose(try #require(queue.residenceNs).max, try recording.value("first_stay")))
      #expect(queue.depth.max == 7)
      #expect(queue.capacity == nil && queue.depth.fullNs == nil)
    }

    @Test func `A program's own lock is a lock, with waiters and holders`() throws {
      let recording = try TestRecording(Workload.build("own_words"))
      let lock = try recording.lock("own_lock", kind: "lock")
      let waits = try recording.value("waits")
      #expect(lock.acquisitions == UInt64(2 * waits))
      #expect(lock.contended == UInt64(waits))
      #expect(isClose(lock.waitNs.total, try recording.value("waited")))
      #expect(lock.waiters.first?.stack.first?.function == "wait_for_own")
      #expect(lock.holders.first?.stack.first?.function == "give_back_own")
      #expect(try #require(lock.holders.first?.blamedNs) > lock.waitNs.total / 2)
      let plain = try recording.lock("a plain lock", kind: "mutex")
      #expect(plain.acquisitions == 1)
    }

    @Test func `Work, moments and counters bear their names`() throws {
      let recording = try TestRecording(Workload.build("own_words"))
      let report = try recording.report()
      let worked = try recording.value("worked")
      for name in ["outer work", "inner work"] {
        let slice = try #require(report.slices.first { $0.name == name })
        #expect(slice.count == UInt64(try recording.value("pieces")))
        #expect(isClose(slice.runNs.total, worked))
      }
      #expect(report.slices.first { $0.name == "done" }?.instants == 1)
      let counter = try #require(report.counters.first { $0.name == "pieces" })
      #expect(counter.min == -3 && counter.max == 6 && counter.last == 6)
      // None of them is a lock.
      #expect(!report.locks.contains { $0.kind == "label" })
    }

    @Test func `Queues that follow each other at one address, and a child's, are told apart`()
      throws
    {
      let recording = try TestRecording(Workload.build("own_words"))
      let queues = try recording.report().queues
      #expect(queues.filter { $0.name.hasPrefix("short-lived") }.count == 3)
      #expect(
        queues.filter { $0.name.hasPrefix("short-lived") }.allSatisfy {
          $0.enqueued == 1 && $0.dequeued == 1
        })
      let stairs = queues.filter { $0.name == "stairs" }
      #expect(stairs.count == 2 && Set(stairs.map(\.pid)).count == 2)
      #expect(stairs.map(\.enqueued).sorted() == [3, UInt64(try recording.value("steps"))])
    }

    @Test func `A program does the same when it is not recorded, however it was linked`() throws {
      for flags in [[], ["-static"], ["-no-pie"], ["-std=gnu99"], ["-O2", "-fno-plt"]] {
        let run = try Program.run(Workload.build("own_words", flags: flags))
        #expect(run.status == 0, "\(flags): \(run.errors)")
        #expect(run.values["recorded"] == 0)
      }
    }

    @Test func `A million items in are a million items out`() throws {
      let recording = try TestRecording(Workload.build("million_items"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let queue = try recording.queue("items", kind: "queue")
      let items = UInt64(try recording.value("items"))
      #expect(queue.enqueued == items && queue.dequeued == items)
      #expect(queue.producers.reduce(0) { $0 + $1.items } == items)
      #expect(queue.consumers.reduce(0) { $0 + $1.items } == items)
      let report = try recording.report()
      // Where the recorder had no CPU and the ring was full, sums come late, and with them the depth.
      if report.recording.lostEvents == 0 {
        #expect(queue.depth.max <= 100)
        #expect(try #require(queue.residenceNs).p99 > 0)
      }
    }

    @Test func `Swift tells of itself, and so do its metrics and spans`() throws {
      let recording = try TestRecording(CTrace.program("SwiftWords"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.value("recorded") == 1)
      let jobs = try recording.queue("swift jobs", kind: "queue")
      #expect(jobs.enqueued == 3 && jobs.dequeued == 3 && jobs.depth.max == 3 && jobs.capacity == 3)
      #expect(isClose(try #require(jobs.residenceNs).total, try recording.value("stayed")))
      #expect(jobs.producers.first?.stack.first?.function.hasPrefix("SwiftWords.put") == true)
      let pile = try recording.queue("swift pile", kind: "queue")
      #expect(isClose(try #require(pile.residenceNs).max, try recording.value("first_stay")))
      #expect(try recording.lock("swift lock", kind: "lock").acquisitions == 4)
      #expect(try recording.lock("a mutex of Swift's", kind: "mutex").acquisitions == 1)

      let report = try recording.report()
      func slice(_ name: String) throws -> SliceSummary {
        try #require(report.slices.first { $0.name == name }, "\(report.slices.map(\.name))")
      }
      try expectTime(of: "swift work", as: "worked")
      #expect(try slice("swift moment").instants == 1)
      // The program reads the clock inside and outside; what the clocks differ by is little.
      func expectTime(of name: String, as timed: String) throws {
        let time = try slice(name).runNs.total
        let least = try recording.value("\(timed)_at_least")
        let most = try recording.value("\(timed)_at_most")
        #expect(time >= least - least / 1000 && time <= most + most / 1000, "\(name)")
      }
      func counter(_ name: String) -> CounterSummary? { report.counters.first { $0.name == name } }
      #expect(counter("requests{method=GET}")?.last == 10)
      #expect(counter("open")?.max == 7 && counter("open")?.last == 5)
      #expect(isClose(try slice("handled").runNs.total, 2_000_000))
      try expectTime(of: "request", as: "spanned")
      #expect(try slice("request: half way").instants == 1)
      #expect(try slice("failing").count == 1)
      #expect(try slice("failing: CocoaError").instants == 1)
    }

    @Test func `A Swift program does the same when it is not recorded`() throws {
      let run = try Program.run(CTrace.program("SwiftWords"))
      #expect(run.status == 0 && run.values["recorded"] == 0 && run.values["failed"] == 1)
    }

    @Test func `C++ tells of itself too`() throws {
      for standard in ["c++11", "c++20"] {
        let program = try Workload.build(
          "own_words.cpp", flags: ["-std=\(standard)", "-pedantic"], compiler: "c++")
        let recording = try TestRecording(program)
        #expect(recording.run.status == 0, "\(recording.run.errors)")
        let queue = try recording.queue("pool of C++", kind: "queue")
        #expect(queue.enqueued == 10 && queue.dequeued == 10 && queue.depth.max == 2)
        #expect(queue.producers.first?.stack.first?.function == "Pool::put")
        let slice = try #require(
          try recording.report().slices.first { $0.name == "a template's work" })
        #expect(slice.count == 10)
      }
    }
  }
}
