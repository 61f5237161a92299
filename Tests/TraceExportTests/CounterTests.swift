import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct CounterTests {
  @Test func `Waiters are counted at each begin and end`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(1, 1, from: 100, to: 400), wait(2, 1, from: 200, to: 300),
        wait(3, 2, from: 250, to: 260, .lock, .timedOut)))
    #expect(trace.values("waiters", "l1") == [1, 2, 1, 0])
    #expect(trace.values("waiters", "l2") == [1, 0])
    #expect(trace.counters.map(\.start) == [100, 200, 250, 260, 300, 400])
    #expect(trace.counters.allSatisfy { $0.pid == 100 })
  }

  @Test func `A lock that nobody waited for has no counter`() throws {
    let trace = try ParsedTrace(Workspace().definitions, hold(1, 1, from: 1, to: 2))
    #expect(trace.counters.isEmpty)
  }

  @Test func `A semaphore's value is a counter`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.semaphore]).definitions,
      timeline(
        value(1, 1, at: 10, .unknown, 3), value(1, 1, at: 20, .wait, 2),
        value(2, 1, at: 30, .post, 3), value(2, 1, at: 30, .post, -1)))
    #expect(trace.values("value", "l1") == [3, 2, 3, -1])
    #expect(trace.slices.isEmpty)
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `Waiters return to none`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let trace = try ParsedTrace(
      Workspace(locks: [.mutex, .condition, .semaphore]).definitions,
      randomTimeline(&generator, count: 1000))
    for lock in ["l1", "l2", "l3"] {
      let values = trace.values("waiters", lock)
      #expect(values.last == 0)
      #expect(values.allSatisfy { (0...4).contains($0) })
      #expect(values.contains { $0 > 1 })
    }
  }

  @Test func `Images of an exec chain have counters of their own`() throws {
    var workspace = Workspace(locks: [])
    workspace.definitions.add(
      .process(Process(id: .init(2), pid: 100, name: "next", start: .init(50))))
    workspace.add(lock: 1, .mutex, name: "l")
    workspace.add(lock: 2, .mutex, name: "l", process: 2)
    let trace = try ParsedTrace(
      workspace.definitions,
      timeline(wait(1, 1, from: 10, to: 20), wait(1, 2, from: 60, to: 70)))
    #expect(trace.values("waiters", "l") == [1, 0])
    #expect(trace.values("waiters", "l [2]") == [1, 0])
  }
}
