import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct PerfettoSchedulingTests {
  /// Events of the kernel in the order of time, as `CPU TIME: WHAT`.
  private func lines(_ trace: PerfettoTrace) -> [String] {
    trace.kernel.sorted { ($0.time, $0.kind) < ($1.time, $1.kind) }.map { event in
      let number = { event.fields.number($0) ?? 0 }
      let what =
        switch event.kind {
        case 4: "\(number(2)) \(number(4)) \(number(6))"
        case 20: "\(event.tid) wakes \(number(2)) on \(number(5))"
        case 235: "\(event.tid) begins \(number(1))"
        case 240: "\(number(2)) is over"
        default: "kind \(event.kind)"
        }
      return "\(event.cpu) \(event.time): \(what)"
    }
  }

  @Test func `Switches and wakeups are events of the kernel`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let (a, b, c) = (trace.thread("a"), trace.thread("b"), trace.thread("c"))
    trace.come(a, at: 10)
    trace.change(from: a, to: b, .preempted, at: 20)
    trace.leave(b, .uninterruptible, at: 30)
    trace.wake(b, by: a, on: 1, at: 40)
    trace.wake(a, at: 50)
    trace.come(b, on: 1, at: 60)
    trace.leave(b, .ended, on: 1, at: 70)
    trace.come(c, at: 80)
    trace.leave(c, .blocked, at: 90)
    let found = try PerfettoTrace(trace.definitions, [], scheduling: trace.delivered)
    #expect(
      lines(found) == [
        "0 10: 0 0 101", "0 20: 101 2048 102", "0 30: 102 2 0", "1 40: 101 wakes 102 on 1",
        "0 50: 0 wakes 101 on 0", "1 60: 0 0 102", "1 70: 102 16 0", "0 80: 0 0 103",
        "0 90: 103 1 0",
      ])
  }

  @Test func `Threads begin before their first event and end behind their last`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let thread = trace.thread("a", from: 100, to: 200)
    let lock = trace.lock("mu")
    trace.release(thread, lock, from: 120, to: 150)
    trace.come(thread, at: 90)
    trace.leave(thread, .ended, at: 210)
    let events = trace.delivered
    let found = try PerfettoTrace(
      trace.definitions, events.filter { !$0.kind.isScheduling },
      scheduling: events.filter(\.kind.isScheduling))
    #expect(
      lines(found) == [
        "0 89: 100 begins 101", "0 90: 0 0 101", "0 210: 101 16 0", "0 211: 101 is over",
      ])
  }

  @Test func `A thread with the number of one that had ended has it too`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let old = trace.thread("old", from: 10, to: 50, tid: 107)
    let new = trace.thread("new", from: 80, to: 120, tid: 107)
    let third = trace.thread("third", from: 100, to: 130, tid: 107)
    for (thread, time) in [(old, 20), (new, 90), (third, 110)] as [(ThreadID, Int64)] {
      trace.come(thread, at: time)
      trace.leave(thread, .blocked, at: time + 5)
    }
    let found = try PerfettoTrace(trace.definitions, [], scheduling: trace.delivered)
    let tids = Dictionary(
      found.tracks.values.compactMap { track in track.tid.map { (track.name, $0) } },
      uniquingKeysWith: { first, _ in first })
    #expect(tids["old"] == 107 && tids["new"] == 107)
    // Two cannot have it at the same time.
    let made = try #require(tids["third (tid 107)"])
    #expect(made > 4_194_304 && made < 1 << 31)
    let lives = lines(found).filter { $0.contains("begins") || $0.contains("over") }
    #expect(
      lives == [
        "0 9: 100 begins 107", "0 51: 107 is over", "0 79: 100 begins 107",
        "0 99: 100 begins \(made)", "0 121: 107 is over", "0 131: \(made) is over",
      ])
  }

  @Test func `A main thread is over behind the others`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let main = trace.thread("main", to: 50, tid: 100)
    let other = trace.thread("other", to: 80)
    trace.come(main, at: 10)
    trace.come(other, on: 1, at: 20)
    let found = try PerfettoTrace(trace.definitions, [], scheduling: trace.delivered)
    #expect(lines(found).suffix(2) == ["0 81: 102 is over", "0 82: 100 is over"])
  }

  @Test(arguments: [SchedulingSource.switches, .kernel])
  func `Locks tell who woke whom where the kernel does not`(source: SchedulingSource) throws {
    var trace = TraceBuilder(scheduling: source)
    let (a, b) = (trace.thread("a"), trace.thread("b", to: 900))
    let (lock, end) = (trace.lock("mu"), trace.lock("b", kind: .thread))
    trace.define(
      .lock(Lock(id: end, process: .init(1), kind: .thread, address: 0, thread: b)))
    trace.wait(a, lock, from: 100, to: 500, owner: b)
    trace.release(b, lock, from: 50, to: 400)
    trace.wait(a, end, from: 600, to: 950, operation: .join)
    let found = try PerfettoTrace(trace.definitions, trace.delivered)
    let wakes = lines(found).filter { $0.contains("wakes") }
    #expect(
      wakes
        == (source == .kernel
          ? [] : ["0 400: 102 wakes 101 on 0", "0 900: 102 wakes 101 on 0"]))
  }
}
