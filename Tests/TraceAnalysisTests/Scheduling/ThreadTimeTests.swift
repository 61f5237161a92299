import TestSupport
import Testing
import TraceAnalysis
import TraceModel

@Suite struct ThreadTimeTests {
  /// Times of a thread, checked to sum to its life.
  private func times(
    from start: Int64 = 0, to end: Int64? = 1000, sourceLocation: SourceLocation = #_sourceLocation,
    _ events: (inout TraceBuilder, ThreadID) -> Void
  ) throws -> [Int64] {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let thread = trace.thread("a", from: start, to: end)
    events(&trace, thread)
    let found = try #require(report(trace).threads.first, sourceLocation: sourceLocation)
    let times = [
      found.runNs, found.runnableNs, found.lockWaitNs, found.queueWaitNs, found.idleNs,
    ]
    #expect(
      times.reduce(0, +) == found.endNs - found.startNs, sourceLocation: sourceLocation)
    return times
  }

  @Test func `A thread that first leaves its CPU had it from its start`() throws {
    let found = try times { trace, thread in
      trace.leave(thread, .blocked, at: 400)
      trace.come(thread, at: 600)
    }
    #expect(found == [800, 0, 0, 0, 200])
  }

  @Test func `A thread that first comes onto a CPU had slept`() throws {
    #expect(try times { $0.come($1, at: 400) } == [600, 0, 0, 0, 400])
  }

  @Test func `A thread that is first woken had slept, and has no CPU yet`() throws {
    let found = try times { trace, thread in
      trace.wake(thread, at: 300)
      trace.come(thread, at: 400)
    }
    #expect(found == [600, 100, 0, 0, 300])
  }

  @Test func `A thread that first wakes another had run`() throws {
    let found = try times { trace, thread in
      let other = trace.thread("b", from: 300)
      trace.wake(other, by: thread, at: 300)
      trace.leave(thread, .blocked, at: 400)
    }
    #expect(found == [400, 0, 0, 0, 600])
  }

  @Test func `A thread that is preempted, and one in a disk's hands`() throws {
    let found = try times { trace, thread in
      trace.sleep(thread, .preempted, from: 100, woken: nil, to: 130)
      trace.sleep(thread, .uninterruptible, from: 200, woken: 260, to: 270)
    }
    #expect(found == [1000 - 100, 40, 0, 0, 60])
  }

  @Test func `Waits off the CPU are those for a lock or a queue, and for a thread they are sleep`()
    throws
  {
    let found = try times { trace, thread in
      for (kind, start) in [
        (.mutex, 100), (.condition, 200), (.semaphore, 300), (.barrier, 400), (.thread, 500),
      ] as [(LockKind, Int64)] {
        trace.wait(thread, trace.lock("l", kind: kind), from: start, to: start + 80)
        trace.sleep(thread, from: start + 10, woken: start + 60, to: start + 70)
      }
    }
    #expect(found == [1000 - 300, 50, 50, 150, 50])
  }

  @Test func `A switch-in that was lost leaves the thread asleep until the next word`() throws {
    let found = try times { trace, thread in
      trace.leave(thread, .blocked, at: 200)
      trace.leave(thread, .preempted, at: 500)
      trace.come(thread, at: 600)
    }
    #expect(found == [200 + 400, 100, 0, 0, 300])
  }

  @Test func `A switch-out that was lost leaves it running`() throws {
    let found = try times { trace, thread in
      trace.come(thread, at: 100)
      trace.come(thread, at: 500)
      // Of one that runs, a wakeup says nothing.
      trace.wake(thread, at: 600)
    }
    #expect(found == [900, 0, 0, 0, 100])
  }

  @Test func `A thread that wakes another runs, though it was not seen to come`() throws {
    let found = try times { trace, thread in
      let other = trace.thread("b")
      trace.leave(thread, .blocked, at: 200)
      trace.wake(other, by: thread, at: 500)
    }
    #expect(found == [200 + 500, 0, 0, 0, 300])
  }

  @Test func `A thread that has left its CPU for good does nothing more`() throws {
    let found = try times { trace, thread in
      trace.come(thread, at: 0)
      trace.leave(thread, .ended, at: 900)
      trace.wake(thread, at: 950)
    }
    #expect(found == [900, 0, 0, 0, 100])
  }

  @Test func `What happens before the start or after the end is no part of a life`() throws {
    let found = try times(from: 100, to: 800) { trace, thread in
      trace.wake(thread, at: 40)
      trace.come(thread, at: 60)
      trace.leave(thread, .blocked, at: 900)
      trace.come(thread, at: 950)
    }
    #expect(found == [700, 0, 0, 0, 0])
  }

  @Test func `A thread that outlives the recording lives until its end`() throws {
    let found = try times(to: 1500) { trace, thread in
      trace.come(thread, at: 0)
      trace.leave(thread, .blocked, at: 1200)
    }
    #expect(found == [1200, 0, 0, 0, 300])
    #expect(try times(to: nil) { $0.come($1, at: 400) } == [600, 0, 0, 0, 400])
  }

  @Test func `Lives are whole, whatever the events`() {
    for seed in 0..<60 as Range<UInt64> {
      let source: SchedulingSource = seed % 2 == 0 ? .kernel : .switches
      for thread in report(randomScheduling(seed: seed, source)).threads {
        let parts = [
          thread.runNs, thread.runnableNs, thread.lockWaitNs, thread.queueWaitNs, thread.idleNs,
        ]
        #expect(parts.allSatisfy { $0 >= 0 })
        #expect(parts.reduce(0, +) == thread.endNs - thread.startNs)
      }
    }
  }

  @Test func `Absurd scheduling does no harm`() {
    var random = SeededGenerator(seed: 4)
    for source in SchedulingSource.allCases {
      var trace = TraceBuilder(duration: .max, scheduling: source)
      _ = trace.thread("a", from: .min, to: .max)
      _ = trace.thread("b", from: .max, to: .min)
      _ = trace.lock("mu")
      let times = [.min, -5, 0, 7, 1 << 62, .max] as [Int64]
      for _ in 0..<3000 {
        trace.add(
          Event(
            kind: Event.Kind.allCases.randomElement(using: &random) ?? .wait,
            operation: Event.Operation.allCases.randomElement(using: &random) ?? .unknown,
            outcome: Event.Outcome.allCases.randomElement(using: &random) ?? .acquired,
            thread: ThreadID(rawValue: UInt32.random(in: 0...3, using: &random)),
            time: Timestamp(nanoseconds: times.randomElement(using: &random) ?? 0),
            duration: [0, 1, 1 << 62, .max].randomElement(using: &random) ?? 0,
            lock: LockID(rawValue: UInt32.random(in: 0...2, using: &random)),
            owner: ThreadID(rawValue: UInt32.random(in: 0...3, using: &random)),
            value: times.randomElement(using: &random) ?? 0))
      }
      // In order as the reader delivers them, and in no order at all.
      for events in [trace.events, trace.events.sorted { $0.time < $1.time }] {
        var analyzer = TraceAnalyzer(
          definitions: trace.definitions, lostEvents: 0, isComplete: true,
          lastTime: Timestamp(nanoseconds: .max))
        analyzer.add(events.span)
        _ = analyzer.report()
      }
    }
  }
}
