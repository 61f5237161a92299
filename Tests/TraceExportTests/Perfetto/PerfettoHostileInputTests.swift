import TestSupport
import Testing
import TraceModel

@testable import TraceExport

@Suite struct PerfettoHostileInputTests {
  private static let times: [Int64] = [.min, .min + 1, -1, 0, 1, 999, 1 << 53, .max - 1, .max]
  private static let numbers: [UInt32] = [0, 1, 2, 3, 200, 5000, .max]

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `Anything becomes a trace that nests`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let kinds: [LockKind] = [.mutex, .condition, .semaphore, .queue, .task, .gil, .eventLoop]
    var workspace = Workspace(locks: kinds)
    workspace.definitions.add(.recording(Recording(program: [], scheduling: .switches)))
    workspace.definitions.add(.stack(Stack(id: .init(2), process: .init(77), frames: [])))
    workspace.definitions.add(.stack(Stack(id: .init(3), process: .init(77), frames: [1, .max])))
    workspace.definitions.add(
      .lock(Lock(id: .init(.max), process: .init(0), kind: .unknown, address: .max)))
    workspace.definitions.add(
      .thread(
        Thread(
          id: .init(200), process: .init(9), tid: .min, start: .init(.max), end: .init(.min))))
    func number() -> UInt32 { Self.numbers.randomElement(using: &generator) ?? 0 }
    func time() -> Int64 {
      Bool.random(using: &generator)
        ? Self.times.randomElement(using: &generator) ?? 0
        : Int64.random(in: .min ... .max, using: &generator)
          >> Int64.random(in: 0...60, using: &generator)
    }
    let events = (0..<400).map { _ in
      Event(
        kind: Event.Kind.allCases.randomElement(using: &generator) ?? .wait,
        operation: Event.Operation.allCases.randomElement(using: &generator) ?? .unknown,
        outcome: Event.Outcome.allCases.randomElement(using: &generator) ?? .acquired,
        isDurationKnown: .random(using: &generator), thread: .init(number()), time: .init(time()),
        duration: time(), lock: .init(Bool.random(using: &generator) ? number() : number() % 8),
        partner: .init(number()), owner: .init(number()), stack: .init(number()), value: time())
    }
    // The reader's order, and none at all.
    for events in [events.sorted { $0.time < $1.time }, events] {
      let trace = try PerfettoTrace(workspace.definitions, events, scheduling: events)
      #expect(trace.errors == [])
      #expect(trace.arrows.allSatisfy { !$0.contains("sources") })
      #expect(trace.slices.allSatisfy { $0.start >= 0 && $0.duration >= 0 })
      #expect(trace.kernel.allSatisfy { $0.cpu < 4096 && $0.time < 1 << 63 })
    }
  }

  @Test func `What has no definition is shown as unknown`() throws {
    let trace = try PerfettoTrace(TraceDefinitions(), wait(7, 9, from: 1, to: 2))
    #expect(trace.errors == [] && trace.slices.map(\.name) == ["wait lock?"])
    #expect(trace.tracks[trace.slices[0].track]?.name.hasPrefix("thread?") == true)
    #expect(trace.values("waiters lock?") == [1, 0])
    // Nor is it named where there is nothing unknown.
    let known = try PerfettoTrace(Workspace().definitions, wait(1, 1, from: 1, to: 2))
    #expect(!known.tracks.values.contains { $0.name.hasPrefix("thread?") })
  }

  @Test func `A recording full of huge names stays small`() throws {
    var workspace = Workspace()
    let frames = (0..<1000).map { UInt64($0) }
    workspace.definitions.add(.stack(Stack(id: .init(1), process: .init(1), frames: frames)))
    let huge = Symbol(function: String(repeating: "x", count: 1_000_000))
    for address in frames.prefix(3) {
      workspace.definitions.add(
        .symbol(process: .init(1), address: address, frames: Array(repeating: huge, count: 1000)))
    }
    var events = wait(1, 1, from: 1, to: 2)
    events[1].stack = .init(1)
    let trace = try PerfettoTrace(workspace.definitions, events)
    #expect(trace.errors == [])
    #expect(trace.bytes.count < 100_000)
  }

  @Test func `Names keep what they are, but no end of a text`() throws {
    var workspace = Workspace()
    workspace.add(lock: 9, .mutex, name: "a\"b\\c\n\t\u{0}é𝄞")
    let trace = try PerfettoTrace(workspace.definitions, wait(1, 9, from: 1, to: 2))
    #expect(trace.slices.map(\.name) == ["wait a\"b\\c\n\t\u{fffd}é𝄞"])
  }
}
