import TestSupport
import Testing
import TraceModel

@testable import TraceAnalysis

@Suite struct TaskHoldTests {
  @Test func `Holders are charged with what tasks waited while they held`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let lock = trace.lock("cache", kind: .asyncioLock)
    let (slow, fast) = (trace.stack("slow"), trace.stack("fast"))
    // 1 holds from 0 to 300; 2 waits from 100 on and holds from 310 to 400; 3 waits from 200 on.
    trace.taskRelease(thread, lock, task: 1, from: 0, to: 300, stack: slow)
    trace.taskWait(thread, lock, task: 2, from: 100, to: 310)
    trace.taskRelease(thread, lock, task: 2, from: 310, to: 400, stack: fast)
    trace.taskWait(thread, lock, task: 3, from: 200, to: 420)
    let found = try #require(report(trace).locks.first)
    #expect(found.kind == "asyncio-lock" && found.contended == 2 && found.waitNs.total == 430)
    #expect(found.holders.map(\.stack.functions) == [["slow"], ["fast"]])
    #expect(found.holders.map(\.blamedNs) == [300, 90] && found.holders.map(\.count) == [1, 1])
    #expect(found.holdNs.total == 390)
  }

  @Test func `A hold that began unseen has lasted since the release before it`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let lock = trace.lock("cache", kind: .geventLock)
    let stacks = ["a", "b", "c"].map { trace.stack($0) }
    for (place, end) in ([100, 250, 600] as [Int64]).enumerated() {
      trace.taskRelease(
        thread, lock, task: Int64(place), from: nil, to: end, stack: stacks[place])
    }
    trace.taskWait(thread, lock, task: 9, from: 40, to: 610)
    trace.taskWait(thread, lock, task: 8, from: 300, to: 650)
    let found = try #require(report(trace).locks.first)
    #expect(found.holders.map(\.stack.functions) == [["c"], ["b"], ["a"]])
    #expect(found.holders.map(\.blamedNs) == [350 + 300, 150, 60])
    #expect(found.holdNs.total == 0)
  }

  @Test func `A task that gave up waited for whoever released the lock next`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let lock = trace.lock("cache", kind: .asyncioLock)
    let holder = trace.stack("holder")
    trace.taskWait(thread, lock, task: 2, from: 100, to: 400, outcome: .timedOut)
    trace.taskRelease(thread, lock, task: 1, from: 150, to: 900, stack: holder)
    trace.taskWait(thread, lock, task: 3, from: 950, to: 960, outcome: .cancelled)
    #expect(report(trace).locks.first?.holders.map(\.blamedNs) == [250])
  }

  @Test func `Of a lock that tasks fight for, a finding tells who held it`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("loop")
    let lock = trace.lock("cache", kind: .asyncioLock)
    let place = trace.python(("refresh", "/srv/app.py", 5))
    trace.taskRelease(thread, lock, task: 1, from: 0, to: 500, stack: place)
    trace.taskWait(thread, lock, task: 2, from: 0, to: 510)
    let finding = try #require(report(trace).findings.first)
    #expect(finding.kind == "task-contention")
    #expect(
      finding.text
        == "tasks waited 510 ns in 1 wait for cache, mostly until it was released in refresh app.py:5"
    )
  }

  /// Holds and waits of many tasks, charged by the definition: each hold begins where the one before it
  /// ended at the earliest, and what lies of a wait within a hold is charged to that.
  @Test(arguments: 0..<20)
  func `Waits are charged as if each were compared to each hold`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var holds = TaskHolds()
    var events: [Event] = []
    var time: Int64 = 0
    for _ in 0..<400 {
      let start = time + .random(in: 0...20, using: &random)
      let end = start + .random(in: 0...50, using: &random)
      let isKnown = Bool.random(using: &random)
      events.append(
        Event(
          kind: .taskRelease, isDurationKnown: isKnown, thread: ThreadID(rawValue: 1),
          time: Timestamp(nanoseconds: end), duration: isKnown ? end - start : 0,
          lock: LockID(rawValue: 1), stack: StackID(rawValue: .random(in: 1...4, using: &random))))
      time = end
    }
    for _ in 0..<300 {
      let end = Int64.random(in: 0...time, using: &random)
      events.append(
        Event(
          kind: .taskWait, thread: ThreadID(rawValue: 1), time: Timestamp(nanoseconds: end),
          duration: .random(in: 0...1000, using: &random), lock: LockID(rawValue: 1)))
    }
    events.sort { ($0.time, $1.kind.rawValue) < ($1.time, $0.kind.rawValue) }

    var expected: [UInt32: Int64] = [:]
    let waits = events.filter { $0.kind == .taskWait }
    var before = Int64.min / 4
    for hold in events where hold.kind == .taskRelease {
      let start = max(before, hold.isDurationKnown ? hold.start.nanoseconds : .min / 4)
      let end = hold.time.nanoseconds
      for wait in waits {
        // A wait that had ended was not charged to it: whoever waited had the lock by then.
        guard wait.time >= hold.time else { continue }
        expected[hold.stack.rawValue, default: 0] += max(
          0, min(end, wait.time.nanoseconds) - max(start, wait.start.nanoseconds))
      }
      before = end
    }
    for event in events {
      if event.kind == .taskRelease { holds.release(event) } else { holds.wait(event) }
    }
    let found = Dictionary(
      uniqueKeysWithValues: holds.byStack.sorted.map { ($0.stack.rawValue, $0.time) })
    #expect(expected.values.contains { $0 > 0 })
    #expect(found == expected)
    // Asking changes nothing.
    #expect(holds.byStack.sorted.map(\.time) == holds.byStack.sorted.map(\.time))
  }

  @Test func `Memory does not grow with holds, and no number of a file's is too large`() {
    var holds = TaskHolds()
    func event(_ kind: Event.Kind, _ time: Int64, _ duration: Int64) -> Event {
      Event(
        kind: kind, outcome: .timedOut, thread: ThreadID(rawValue: 1),
        time: Timestamp(nanoseconds: time), duration: duration, lock: LockID(rawValue: 1),
        stack: StackID(rawValue: 1))
    }
    for time in 0..<100_000 as Range<Int64> { holds.release(event(.taskRelease, time, 1)) }
    holds.wait(event(.taskWait, 100_000, 100_000))
    // The last 8192 are remembered.
    #expect(holds.byStack.sorted.first?.time == 8192)
    for extreme in [Int64.max, .min, 0, .max - 1] {
      holds.release(event(.taskRelease, extreme, .max))
      holds.wait(event(.taskWait, extreme, .max))
    }
    #expect(holds.byStack.sorted.count == 1)
  }
}
