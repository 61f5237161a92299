import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct DocumentTests {
  @Test func `A recording without events is a document`() throws {
    let trace = try ParsedTrace(TraceDefinitions(), [])
    #expect(trace.events.isEmpty)
    #expect(trace.other["complete"] == "false")
  }

  @Test func `The head says what was recorded and what was lost`() throws {
    var definitions = TraceDefinitions()
    definitions.add(
      .recording(
        Recording(
          program: ["./a", "b \"c\""], startTime: 1_764_000_000_123_456_789, host: "h\\1",
          recorder: "ctrace 1", duration: 5, unrecordedThreads: 2, notes: ["one\ntwo"])))
    definitions.add(.use(LockUse(thread: .init(1), lock: .init(1), lostWaits: 3)))
    definitions.add(.use(LockUse(thread: .init(1), lock: .init(2), lostWaits: .max)))
    let other = try ParsedTrace(definitions, []).other
    #expect(
      other == [
        "recorder": "ctrace 1", "program": "./a b \"c\"", "host": "h\\1",
        "start_unix_ns": "1764000000123456789", "duration_ns": "5", "complete": "true",
        "lost_waits": String(UInt64.max), "unrecorded_threads": "2", "note 1": "one\ntwo",
      ])
  }

  @Test func `A wait says who waited where for what and for whom`() throws {
    var workspace = Workspace(locks: [.condition, .mutex])
    workspace.definitions.add(
      .stack(Stack(id: .init(4), process: .init(1), frames: [0x10, 0x20, 0x30, 0x40])))
    let frames: [(UInt64, [Symbol])] = [
      (
        0x10,
        [
          Symbol(function: "inlined", file: "a.c", line: 7),
          Symbol(function: "outer", file: "b.c"),
        ]
      ),
      (0x20, [Symbol(function: "bare", module: "lib.so", offset: 0x1f)]),
      (0x30, [Symbol(module: "lib.so", offset: 0x2f)]),
    ]
    for (address, symbols) in frames {
      workspace.definitions.add(.symbol(process: .init(1), address: address, frames: symbols))
    }
    var events = wait(2, 1, from: 1_000_000_001, to: 1_000_001_002, .wait, .timedOut)
    events[1].owner = .init(3)
    events[1].stack = .init(4)
    events[1].partner = .init(2)
    let trace = try ParsedTrace(workspace.definitions, events)
    let slice = try #require(trace.slices.first)
    #expect(trace.slices.count == 1)
    #expect(slice.name == "wait l1" && slice.category == "wait")
    #expect(slice.pid == 100 && slice.tid == 102)
    #expect(slice.start == 1_000_000_001 && slice.duration == 1001)
    let words = slice.arguments.compactMapValues { $0 as? String }
    #expect(
      words == [
        "lock": "l1", "kind": "condition", "address": "0x100", "operation": "wait",
        "outcome": "timedOut", "owner": "t3 (103)", "mutex": "l2",
      ])
    #expect(
      slice.arguments["stack"] as? [String] == [
        "inlined (a.c:7)", "outer (b.c)", "bare+0x1f (lib.so)", "lib.so+0x2f", "0x40",
      ])
  }

  @Test(
    arguments: [
      0, 1, 9, 10, 999, 1000, 1001, 999_999_999, 1_234_567_890_123, 1_999_999_999_999_999,
    ] as [Int64])
  func `Times keep their nanoseconds`(time: Int64) throws {
    let trace = try ParsedTrace(
      Workspace().definitions, timeline(wait(1, 1, from: time, to: time + 1)))
    #expect(trace.slices.map(\.start) == [time])
    #expect(trace.slices.map(\.duration) == [1])
    #expect(trace.counters.map(\.start) == [time, time + 1])
  }

  @Test func `Names of any kind come through`() throws {
    let name = "a\"b\\c\n\t\u{0}\u{1b}[1m\u{7f}é𝄞\u{2028}"
    var workspace = Workspace()
    workspace.add(lock: 9, .mutex, name: name)
    workspace.definitions.add(
      .thread(Thread(id: .init(1), process: .init(1), tid: 101, name: name, start: .zero)))
    let trace = try ParsedTrace(workspace.definitions, wait(1, 9, from: 1, to: 2))
    #expect(trace.names("thread_name")[101] == name)
    #expect(trace.slices.map(\.name) == ["wait \(name)"])
    #expect(trace.values("waiters", name) == [1, 0])
  }

  @Test func `Endless names are cut`() throws {
    var workspace = Workspace()
    workspace.add(lock: 9, .mutex, name: String(repeating: "\u{1}é", count: 100_000))
    let trace = try ParsedTrace(workspace.definitions, wait(1, 9, from: 1, to: 2))
    #expect(trace.bytes.count < 20_000)
    #expect(trace.slices[0].name.hasSuffix("…"))
  }

  @Test func `How output is taken makes no difference`() throws {
    let workspace = Workspace(locks: [.mutex, .condition, .semaphore])
    var generator = SeededGenerator(seed: 5)
    let events = randomTimeline(&generator, count: 500)
    let all = try ParsedTrace(workspace.definitions, events).bytes
    #expect(try ParsedTrace(workspace.definitions, events, batch: 1).bytes == all)
  }

  @Test func `Finishing twice closes once`() throws {
    var writer = ChromeTraceWriter(definitions: TraceDefinitions())
    writer.finish()
    writer.finish()
    #expect(try ParsedTrace(writer.takeOutput()).events.isEmpty)
  }
}
