import TestSupport
import Testing
import TraceModel

@testable import TraceExport

@Suite struct NestingTests {
  @Test func `A wait lies in the hold that is told later`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(wait(1, 2, from: 200, to: 300), hold(1, 1, from: 100, to: 400)))
    #expect(trace.slices.map(\.name) == ["wait l2", "hold l1"])
    #expect(trace.slices.map(\.start) == [200, 100])
    #expect(trace.slices.map(\.isCut) == [false, false])
  }

  @Test func `Of holds that cross, the later begins where the earlier ends`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(hold(1, 1, from: 100, to: 300), hold(1, 2, from: 200, to: 500)))
    #expect(trace.slices.map(\.start) == [100, 300])
    #expect(trace.slices.map(\.duration) == [200, 200])
    let arguments = trace.slices[1].arguments
    #expect(arguments["cut"] as? Bool == true)
    #expect(arguments["held_ns"] as? Int == 300)
    #expect(arguments["acquired_us"] as? Double == 0.2)
    #expect(trace.slices[0].arguments["cut"] == nil)
  }

  @Test func `Holds that touch or have no length stay whole`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(1, 1, from: 100, to: 200), hold(1, 1, from: 200, to: 200),
        hold(1, 2, from: 200, to: 300), hold(1, 3, from: 300, to: 300),
        hold(1, 1, from: 100, to: 300)))
    #expect(trace.slices.map(\.isCut) == Array(repeating: false, count: 5))
    #expect(trace.slices.map(\.start) == [100, 200, 200, 300, 100])
    #expect(trace.crossings == [])
  }

  @Test func `Threads do not cut each other`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(hold(1, 1, from: 100, to: 300), hold(2, 2, from: 200, to: 500)))
    #expect(trace.slices.map(\.isCut) == [false, false])
  }

  @Test func `What began before the recording begins with it`() throws {
    let trace = try ParsedTrace(Workspace().definitions, hold(1, 1, from: -50, to: 150))
    #expect(trace.slices.map(\.start) == [0])
    #expect(trace.slices.map(\.duration) == [150])
    #expect(trace.slices[0].arguments["held_ns"] as? Int == 200)
    #expect(trace.slices[0].arguments["acquired_us"] as? Double == -0.05)
  }

  @Test(arguments: 0..<16 as Range<UInt64>)
  func `Slices of a thread nest and end when they ended`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let events = randomTimeline(&generator, count: 1000)
    let trace = try ParsedTrace(
      Workspace(locks: [.mutex, .condition, .semaphore]).definitions, events)
    #expect(trace.crossings == [])
    let spans = events.filter { $0.kind == .wait || $0.kind == .release }
    let slices = trace.slices.filter { $0.category != "wakeup" && !$0.name.hasPrefix("release") }
    try #require(slices.count == spans.count { $0.isDurationKnown })
    for (slice, event) in zip(slices, spans.filter(\.isDurationKnown)) {
      let start = event.start.nanoseconds
      let isTrue =
        slice.end == event.time.nanoseconds && slice.tid == 100 + Int(event.thread.rawValue)
        && (slice.isCut ? slice.start > start : slice.start == start)
      if !isTrue { Issue.record("\(slice) is not \(event)") }
    }
    #expect(slices.contains { $0.isCut })
    #expect(trace.slices("wakeup").allSatisfy { $0.duration == 0 })
  }

  /// Slices of which each crosses the next are all outermost.
  @Test func `A long thread takes little memory, and a long hold is drawn almost whole`() {
    var nesting = SliceNesting()
    var drawn: [ParsedTrace.Event] = []
    func add(_ start: Int64, _ end: Int64) -> Int64 {
      let begin = nesting.add(from: start, to: end)
      drawn.append(
        .init(
          phase: "X", name: "", category: "", pid: 1, tid: 1, start: begin, duration: end - begin,
          arguments: [:]))
      return begin
    }
    let count: Int64 = 50_000
    #expect((0..<count).allSatisfy { add($0 * 1000, $0 * 1000 + 600) == $0 * 1000 })
    #expect(nesting.count < 3000)
    // Each begins in a gap, and each is inside the next.
    for number in [40_000, 25_000, 10_000, 3] as [Int64] {
      let start = number * 1000 - 200
      let end = count * 1000 - number
      let begin = add(start, end)
      #expect(begin >= start)
      #expect(begin - start <= (end - begin) / 32)
    }
    #expect(nesting.count < 3000)
    #expect(ParsedTrace(bytes: [], events: drawn).crossings == [])
  }
}
