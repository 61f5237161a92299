import TestSupport
import Testing
import TraceModel

@testable import TraceAnalysis

/// The report of a recording and its timeline.
func timeline(
  _ trace: TraceBuilder, _ choice: TimelineChoice, window: TraceWindow? = nil, threads: Int = 100,
  counters: Int = 100
) throws -> (report: Report, timeline: RunTimeline) {
  var analyzer = TraceAnalyzer(
    definitions: trace.definitions, lostEvents: 0, isComplete: true, lastTime: .zero,
    window: window, timeline: choice)
  analyzer.add(trace.delivered.span)
  let report = analyzer.report()
  let found = analyzer.timeline(of: report, threads: threads, counters: counters)
  return (report, try #require(found))
}

@Suite struct TimelineTests {
  /// a waits for b, is preempted and waits for a condition, while the kernel tells all of it.
  private func trace() -> (trace: TraceBuilder, lock: LockID, condition: LockID, holder: ThreadID) {
    var trace = TraceBuilder(duration: 1000, scheduling: .kernel)
    let (a, b) = (trace.thread("a", from: 50), trace.thread("b", to: 900))
    let (lock, condition) = (trace.lock("mu"), trace.lock("ready", kind: .condition))
    trace.come(a, on: 0, at: 50)
    trace.come(b, on: 1, at: 0)
    trace.wait(a, lock, from: 250, to: 500, owner: b)
    trace.sleep(a, from: 250, woken: 480, by: b, to: 500)
    trace.release(b, lock, from: 100, to: 480)
    trace.leave(a, .preempted, at: 600)
    trace.come(a, at: 700)
    trace.wait(a, condition, from: 800, to: 950, operation: .wait)
    trace.sleep(a, from: 800, woken: 950, by: b, to: 950)
    trace.leave(a, .blocked, at: 960)
    trace.leave(b, .ended, on: 1, at: 900)
    return (trace, lock, condition, b)
  }

  private func part(_ life: Int64, _ times: (ThreadState, Int64)...) -> ThreadPart {
    var part = ThreadPart()
    part.life = life
    for (state, time) in times {
      switch state {
      case .running: part.running = time
      case .runnable: part.runnable = time
      case .lockWait: part.lockWait = time
      case .queueWait: part.queueWait = time
      case .idle: part.idle = time
      case .unknown: break
      }
    }
    return part
  }

  @Test func `Each part says what the thread did in it`() throws {
    let (trace, lock, condition, holder) = trace()
    let (report, timeline) = try timeline(trace, TimelineChoice(parts: 10))
    let track = try #require(timeline.threads.first)
    #expect(report.threads[track.thread].name == "a")
    #expect(track.first == 0 && timeline.scale.length == 100)
    var expected = [
      part(50, (.running, 50)), part(100, (.running, 100)),
      part(100, (.running, 50), (.lockWait, 50)), part(100, (.lockWait, 100)),
      part(100, (.lockWait, 80), (.runnable, 20)), part(100, (.running, 100)),
      part(100, (.runnable, 100)), part(100, (.running, 100)), part(100, (.queueWait, 100)),
      part(100, (.queueWait, 50), (.running, 10), (.idle, 40)),
    ]
    for place in 2...4 {
      expected[place].lock = lock.rawValue
      expected[place].holder = holder.rawValue
    }
    for place in 8...9 { expected[place].waitedFor = condition.rawValue }
    #expect(track.parts == expected)
    #expect(
      track.parts.map(\.state) == [
        .running, .running, .lockWait, .lockWait, .lockWait, .running, .runnable, .running,
        .queueWait, .queueWait,
      ])
    #expect(timeline.lockNames == [lock.rawValue: "mu", condition.rawValue: "ready"])
    #expect(timeline.threadNames == [holder.rawValue: "b"])
    // It ended before the recording.
    let other = try #require(timeline.threads.last)
    #expect(other.parts.count == 9 && other.parts.allSatisfy { $0.running == 100 })
  }

  @Test func `A part of the run can be looked at more closely`() throws {
    let (trace, _, _, _) = trace()
    let (_, timeline) = try timeline(trace, TimelineChoice(from: 460, to: 540, parts: 4))
    #expect(timeline.scale.start == Timestamp(nanoseconds: 460) && timeline.scale.length == 20)
    let states = timeline.threads.first?.parts.map(\.state)
    #expect(states == [.lockWait, .runnable, .running, .running])
    #expect(timeline.threads.first?.parts.map(\.life) == [20, 20, 20, 20])
  }

  @Test func `Parts that are merged keep the longest wait`() throws {
    let (trace, lock, _, holder) = trace()
    let (_, timeline) = try timeline(trace, TimelineChoice(parts: 10))
    let whole = ThreadPart(merging: try #require(timeline.threads.first).parts)
    #expect(whole.life == 950 && whole.lockWait == 230 && whole.runnable == 120)
    #expect(whole.lock == lock.rawValue && whole.holder == holder.rawValue)
    #expect(whole.state == .running)
    #expect(ThreadPart(merging: []).state == nil)
  }

  @Test func `Without scheduling data waits are known, and the rest is not`() throws {
    var trace = TraceBuilder(duration: 400)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let lock = trace.lock("mu")
    trace.wait(a, lock, from: 110, to: 290, owner: b)
    let parts = try #require(
      try timeline(trace, TimelineChoice(parts: 4)).timeline.threads.first?.parts)
    #expect(parts.map(\.lockWait) == [0, 90, 90, 0])
    #expect(parts.map(\.unknown) == [100, 10, 10, 100])
    #expect(parts.map(\.holder) == [0, b.rawValue, b.rawValue, 0])
  }

  @Test func `A sample is spread over the time that no wait tells of`() throws {
    var trace = TraceBuilder(duration: 400, scheduling: .procfs)
    let a = trace.thread("a")
    let lock = trace.lock("mu")
    trace.sample(a, ran: 100, waited: 0, at: 100)
    trace.wait(a, lock, from: 200, to: 250)
    // Half of what the wait leaves of 100 to 300, and a fifth of it.
    trace.sample(a, ran: 75, waited: 30, at: 300)
    trace.sample(a, ran: 1000, waited: 1000, at: 400)
    let parts = try #require(
      try timeline(trace, TimelineChoice(parts: 4)).timeline.threads.first?.parts)
    #expect(parts.map(\.running) == [100, 50, 25, 100])
    #expect(parts.map(\.runnable) == [0, 20, 10, 0])
    #expect(parts.map(\.lockWait) == [0, 0, 50, 0])
    #expect(parts.map(\.idle) == [0, 30, 15, 0])
  }

  @Test func `What the kernel's first word says of the time before it counts once`() throws {
    var trace = TraceBuilder(duration: 300, scheduling: .kernel)
    let a = trace.thread("a")
    // It never left its CPU until then.
    trace.wait(a, trace.lock("mu"), from: 10, to: 90)
    trace.leave(a, .blocked, at: 200)
    let parts = try #require(
      try timeline(trace, TimelineChoice(parts: 3)).timeline.threads.first?.parts)
    #expect(parts.map(\.running) == [100, 100, 0])
    #expect(parts.map(\.lockWait) == [0, 0, 0] && parts.map(\.idle) == [0, 0, 100])
  }

  @Test func `Whoever had the lock meanwhile is its holder, one after the other`() throws {
    var trace = TraceBuilder(duration: 300, scheduling: .off)
    let (a, b, c) = (trace.thread("a"), trace.thread("b"), trace.thread("c"))
    let lock = trace.lock("mu")
    trace.release(b, lock, from: 0, to: 90)
    trace.release(c, lock, from: 100, to: 300)
    trace.wait(a, lock, from: 0, to: 300, owner: b)
    let parts = try #require(
      try timeline(trace, TimelineChoice(parts: 3)).timeline.threads.first?.parts)
    #expect(parts.map(\.holder) == [b.rawValue, c.rawValue, c.rawValue])
  }

  @Test func `Waiters are counted, and depths followed`() throws {
    var trace = TraceBuilder(duration: 400)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let (lock, jobs) = (trace.lock("mu"), trace.lock("jobs", kind: .queue, capacity: 4))
    trace.wait(a, lock, from: 100, to: 300)
    trace.wait(b, lock, from: 150, to: 200)
    trace.enqueue(a, jobs, count: 4, at: 100)
    trace.dequeue(b, jobs, count: 3, at: 150)
    trace.dequeue(b, jobs, at: 300)
    let found = try timeline(trace, TimelineChoice(parts: 4)).timeline
    let waiters = try #require(found.waiters.first)
    #expect(waiters.name == "mu" && waiters.unit == "threads")
    #expect(waiters.means == [0, 1.5, 1, 0])
    #expect(waiters.maxima == [0, 2, 1, 0])
    let depth = try #require(found.depths.first)
    #expect(depth.name == "jobs" && depth.unit == "items" && depth.capacity == 4)
    #expect(depth.means == [0, 2.5, 1, 0])
    #expect(depth.maxima == [0, 4, 1, 0])
    #expect(found.waiters.count == 1 && found.depths.count == 1)
  }

  @Test func `Without a wish for it there is none`() throws {
    var analyzer = TraceAnalyzer(
      definitions: trace().trace.definitions, lostEvents: 0, isComplete: true, lastTime: .zero)
    let report = analyzer.report()
    #expect(analyzer.timeline(of: report, threads: 10, counters: 10) == nil)
  }

  @Test func `The threads that did most are shown, and the others counted`() throws {
    var trace = TraceBuilder(duration: 10_000)
    let lock = trace.lock("mu")
    for number in 0..<700 {
      let thread = trace.thread("t\(number)", from: Int64(number))
      if number == 300 || number == 400 {
        trace.wait(thread, lock, from: 1000, to: 1000 + Int64(number))
      }
    }
    let (report, timeline) = try timeline(trace, TimelineChoice(), threads: 2)
    #expect(timeline.threads.map { report.threads[$0.thread].name } == ["t400", "t300"])
    #expect(timeline.otherThreads == 698)
    // Memory is bounded: of very many threads, those that live shortest are not followed.
    let all = try TraceAnalysisTests.timeline(trace, TimelineChoice(), threads: 1000).timeline
    #expect(all.threads.count == 512 && all.otherThreads == 188)
  }

  @Test func `The parts sum to the report's times`() throws {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<30 {
      var trace = TraceBuilder(duration: 5000, scheduling: .kernel)
      let threads = (0..<3).map { trace.thread("t\($0)") }
      let locks = [trace.lock("mu"), trace.lock("ready", kind: .condition)]
      for (cpu, thread) in threads.enumerated() {
        var time = Int64.random(in: 0..<50, using: &random)
        trace.come(thread, on: Int64(cpu), at: time)
        while time < 4500 {
          let start = time + .random(in: 1..<200, using: &random)
          let woken = start + .random(in: 1..<200, using: &random)
          let end = woken + .random(in: 0..<50, using: &random)
          if let lock = locks.randomElement(using: &random), Bool.random(using: &random) {
            trace.wait(thread, lock, from: start, to: end)
          }
          if Bool.random(using: &random) {
            trace.sleep(thread, from: start, woken: woken, to: end, on: Int64(cpu))
          } else {
            trace.leave(thread, .preempted, on: Int64(cpu), at: start)
            trace.come(thread, on: Int64(cpu), at: end)
          }
          time = end
        }
      }
      let parts = Int.random(in: 1..<300, using: &random)
      // Of the whole, or of a part of it.
      let from = Int64.random(in: 0..<4000, using: &random)
      let to = from + .random(in: 100..<1000, using: &random)
      let isPart = Bool.random(using: &random)
      let (report, timeline) = try timeline(
        trace,
        isPart ? TimelineChoice(from: from, to: to, parts: parts) : TimelineChoice(parts: parts),
        window: isPart
          ? TraceWindow(from: Timestamp(nanoseconds: from), to: Timestamp(nanoseconds: to)) : nil)
      #expect(timeline.threads.count == 3)
      for track in timeline.threads {
        let thread = report.threads[track.thread]
        let sum = ThreadPart(merging: track.parts)
        #expect(sum.running == thread.runNs && sum.runnable == thread.runnableNs)
        #expect(sum.lockWait == thread.lockWaitNs && sum.queueWait == thread.queueWaitNs)
        #expect(sum.idle == thread.idleNs && sum.unknown == 0)
      }
    }
  }

  @Test(arguments: [
    TimelineChoice(), TimelineChoice(from: -5, to: -3), TimelineChoice(from: .max, to: .min),
    TimelineChoice(from: .min, to: .max, parts: .max), TimelineChoice(parts: 0),
    TimelineChoice(from: 900, to: 100, parts: -1),
  ])
  func `Absurd times and wishes do no harm`(choice: TimelineChoice) throws {
    for duration in [0, 1, 3, 1000, Int64.max] {
      var trace = TraceBuilder(duration: duration, scheduling: .kernel)
      let a = trace.thread("a", from: -10, to: .max)
      let b = trace.thread("b", from: 500, to: 100)
      let c = trace.thread("c", from: .max, to: .max)
      let (lock, jobs) = (trace.lock("mu"), trace.lock("jobs", kind: .queue))
      for thread in [a, b, c] {
        trace.come(thread, at: -5)
        trace.wait(thread, lock, from: 0, to: .max, owner: a)
        trace.leave(thread, .blocked, at: .max)
        trace.release(a, lock, from: 0, to: .max)
        trace.enqueue(thread, jobs, count: .max, at: 10)
      }
      let timeline = try timeline(trace, choice).timeline
      #expect(timeline.scale.count <= 1 << 20)
      #expect(timeline.threads.allSatisfy { $0.first + $0.parts.count <= timeline.scale.count })
    }
  }
}
