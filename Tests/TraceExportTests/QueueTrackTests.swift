import TestSupport
import Testing
import TraceModel

@testable import TraceExport

@Suite struct QueueTrackTests {
  private func event(
    _ kind: Event.Kind, _ thread: UInt32, _ lock: UInt32, from start: Int64? = nil, at time: Int64,
    _ operation: Event.Operation = .unknown, value: Int64 = 0
  ) -> Event {
    Event(
      kind: kind, operation: operation, thread: .init(thread), time: .init(time),
      duration: time - (start ?? time), lock: .init(lock), value: value)
  }

  @Test func `A queue's depth is a counter`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.queue]).definitions,
      [
        event(.enqueue, 1, 1, at: 10, value: 2), event(.enqueue, 2, 1, at: 20, value: 1),
        event(.dequeue, 1, 1, from: 10, at: 30, value: 2),
        event(.dequeue, 1, 1, at: 40, value: 5), event(.value, 1, 1, at: 50, value: 7),
        event(.dequeue, 1, 1, at: 60, value: .max),
      ])
    #expect(trace.values("depth", "l1") == [2, 3, 1, 0, 7, 0])
    let moments = trace.slices("queue")
    #expect(
      moments.map(\.name) == [
        "enqueue l1", "enqueue l1", "dequeue l1", "dequeue l1", "dequeue l1",
      ])
    #expect(moments.allSatisfy { $0.duration == 0 })
    #expect(moments.map { $0.arguments["items"] as? Int } == [2, 1, 2, 5, .max])
    #expect(moments.map { $0.arguments["residence_ns"] as? Int } == [nil, nil, 20, 0, 0])
  }

  @Test func `Taking may be told before the putting of the same moment`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.queue]).definitions,
      [
        event(.dequeue, 1, 1, at: 10, value: 1), event(.enqueue, 2, 1, at: 10, value: 1),
        event(.enqueue, 2, 1, at: 20, value: 1),
      ])
    #expect(trace.values("depth", "l1") == [0, 0, 1])
  }

  /// Items come out that went in at no known time.
  private func taken(_ thread: UInt32, at time: Int64, value: Int64 = 1) -> Event {
    var event = event(.dequeue, thread, 1, at: time, value: value)
    event.isDurationKnown = false
    return event
  }

  /// What arrows connect, by when.
  private func arrows(_ trace: ParsedTrace) -> [String] {
    trace.slices.compactMap { target in
      guard let number = target.flowIn else { return nil }
      let source = trace.slices.first { $0.flowOut == number }
      return "\(source?.name ?? "?")@\(source?.start ?? -1) → \(target.name)@\(target.start)"
    }
  }

  @Test func `An arrow goes from who put an item in to who took it out`() throws {
    // Two go in; the second comes out first, one that was never seen to go in, and then the first,
    // whose clock differs by a nanosecond.
    let trace = try ParsedTrace(
      Workspace(locks: [.dispatchQueue]).definitions,
      [
        event(.enqueue, 1, 1, at: 100, value: 1), event(.enqueue, 2, 1, at: 200, value: 1),
        event(.dequeue, 3, 1, from: 200, at: 300, value: 1),
        event(.dequeue, 3, 1, from: 150, at: 310, value: 1),
        event(.dequeue, 3, 1, from: 101, at: 320, value: 1),
        event(.dequeue, 3, 1, from: 100, at: 330, value: 1),
      ])
    #expect(
      arrows(trace) == ["enqueue l1@200 → dequeue l1@300", "enqueue l1@100 → dequeue l1@320"])
  }

  @Test func `Bytes come out of a pipe in the order in which they went in`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.pipe]).definitions,
      [
        // Five were in before anybody looked.
        event(.value, 1, 1, at: 10, .told, value: 5),
        event(.enqueue, 1, 1, at: 20, value: 100), event(.enqueue, 2, 1, at: 30, value: 10),
        // What comes out first of these was put in by nobody that was seen.
        taken(3, at: 40, value: 3), taken(3, at: 45, value: 12),
        taken(3, at: 50, value: 50), taken(3, at: 60, value: 45),
        taken(3, at: 70, value: 5), taken(3, at: 80, value: 9),
      ])
    #expect(
      arrows(trace) == [
        "enqueue l1@20 → dequeue l1@50", "enqueue l1@20 → dequeue l1@60",
        "enqueue l1@30 → dequeue l1@70",
      ])
  }

  @Test func `Where nobody knows which item came out there is no arrow`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.pythonQueue]).definitions,
      [event(.enqueue, 1, 1, at: 20, value: 1), taken(3, at: 40)])
    #expect(arrows(trace).isEmpty)
    #expect(trace.slices("queue").count == 2)
  }

  @Test func `Arrows are found among any number of items`() {
    let count: Int64 = 70_000
    var items = PendingItems()
    for number in 1...count { items.append(1, at: number * 100, flow: UInt64(number)) }
    // Of those that came first too many came after.
    #expect(items.take(1, from: 100) == nil)
    // The last come out first, each once.
    for number in stride(from: count, to: count - 60_000, by: -1) {
      let flow = items.take(1, from: number * 100)
      if flow != UInt64(number) { Issue.record("\(number) has the arrow \(flow ?? 0)") }
    }
    #expect(items.take(1, from: count * 100) == nil)
    // Several that go in at once come out one by one, and forgotten arrows lead nowhere.
    for flow in 1...3 as ClosedRange<UInt64> {
      items.append(1, at: count * 200, flow: UInt64(count) + flow)
    }
    let first = (0..<2).compactMap { _ in items.take(1, from: count * 200) }
    #expect(Set(first).count == 2)
    items.forgetArrows()
    #expect(items.take(1, from: count * 200) == nil)
  }

  @Test func `Work is a slice, nested among the waits, and a moment is one without a length`()
    throws
  {
    let trace = try ParsedTrace(
      Workspace(locks: [.mutex, .label, .dispatchQueue]).definitions,
      timeline(
        wait(1, 1, from: 200, to: 300), [event(.slice, 1, 2, from: 100, at: 400)],
        [event(.slice, 1, 3, from: 50, at: 500)], [event(.instant, 1, 2, at: 600, value: 9)]))
    #expect(trace.slices("work").map(\.name) == ["l2", "l3"])
    #expect(trace.slices("work").map(\.duration) == [300, 450])
    #expect(trace.slices("instant").map(\.start) == [600])
    #expect(trace.slices("instant").first?.arguments["value"] as? Int == 9)
    #expect(trace.crossings.isEmpty)
  }

  @Test func `Work of more than one thread has a track of its own`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.label]).definitions,
      [
        event(.slice, 1, 1, from: 100, at: 300, .span),
        event(.slice, 2, 1, from: 50, at: 400, .span),
      ])
    let ends = trace.events.filter { $0.category == "span" }
    #expect(ends.map(\.phase) == ["b", "e", "b", "e"])
    #expect(ends.map(\.start) == [100, 300, 50, 400])
    #expect(ends.allSatisfy { $0.name == "l1" })
    #expect(trace.slices.isEmpty)
  }

  @Test func `Work of more than one thread that began before the recording says so`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.label]).definitions, [event(.slice, 1, 1, from: -50, at: 100, .span)])
    let begin = try #require(trace.events.first { $0.phase == "b" })
    #expect(begin.start == 0 && begin.isCut)
    #expect(begin.arguments["ran_ns"] as? Int == 150)
    #expect(begin.arguments["began_us"] as? Double == -0.05)
  }

  @Test func `A counter has the program's name and values`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.label]).definitions,
      [event(.counter, 1, 1, at: 10, value: -5), event(.counter, 2, 1, at: 20, value: .max)])
    #expect(trace.values("value", "l1") == [-5, .max])
  }
}
