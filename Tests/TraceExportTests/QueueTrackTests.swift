import TestSupport
import Testing
import TraceExport
import TraceModel

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
    #expect(trace.slices.isEmpty)
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

  @Test func `A counter has the program's name and values`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.label]).definitions,
      [event(.counter, 1, 1, at: 10, value: -5), event(.counter, 2, 1, at: 20, value: .max)])
    #expect(trace.values("value", "l1") == [-5, .max])
  }
}
