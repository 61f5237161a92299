import TestSupport
import Testing
import TraceModel

@testable import TraceExport

@Suite struct PerfettoTests {
  @Test func `A wait says who waited where for what and for whom`() throws {
    var workspace = Workspace(locks: [.condition, .mutex])
    workspace.definitions.add(
      .stack(Stack(id: .init(4), process: .init(1), frames: [0x10, 0x20])))
    workspace.definitions.add(
      .symbol(
        process: .init(1), address: 0x10,
        frames: [Symbol(function: "f", file: "a.c", line: 7), Symbol(function: "g", file: "b.c")]))
    var events = wait(2, 1, from: 1_000_000_001, to: 1_000_001_002, .wait, .timedOut)
    for place in events.indices { events[place].stack = .init(4) }
    events[1].owner = .init(3)
    events[1].partner = .init(2)
    let trace = try PerfettoTrace(workspace.definitions, events)
    #expect(trace.errors == [])
    let slice = try #require(trace.slices.first)
    #expect(trace.slices.count == 1)
    #expect(slice.name == "wait l1" && slice.category == "wait")
    #expect(trace.tracks[slice.track]?.pid == 100 && trace.tracks[slice.track]?.tid == 102)
    #expect(slice.start == 1_000_000_001 && slice.duration == 1001)
    #expect(
      slice.arguments == [
        "lock": "l1", "kind": "condition", "address": "0x100", "operation": "wait",
        "outcome": "timedOut", "owner": "t3 (103)", "mutex": "l2",
        "stack": "f (a.c:7) ← g (b.c) ← 0x20",
      ])
    // A sample stands where the wait begins, from the outermost function on.
    #expect(trace.samples.map(\.functions) == [["0x20", "g (b.c)", "f (a.c:7)"]])
    #expect(trace.samples.first?.tid == 102 && trace.samples.first?.time == 1_000_000_001)
  }

  @Test func `A lock has a track of who had it, and a counter of waiters`() throws {
    let trace = try PerfettoTrace(
      Workspace().definitions,
      timeline(
        wait(2, 1, from: 100, to: 310), hold(1, 1, from: 50, to: 300),
        hold(2, 1, from: 310, to: 400), hold(3, 1, from: 390, to: 450)))
    #expect(trace.errors == [])
    let owners = trace.slices(on: "owner l1")
    #expect(owners.map(\.name) == ["t1 (101)", "t2 (102)", "t3 (103)"])
    #expect(owners.map(\.start) == [50, 310, 400] && owners.map(\.end) == [300, 400, 450])
    #expect(owners.last?.arguments["held_ns"] == "60")
    #expect(trace.values("waiters l1") == [1, 0])
    let counter = try #require(trace.track("waiters l1").flatMap { trace.tracks[$0] })
    #expect(counter.unit == "threads")
    let group = try #require(counter.parent.flatMap { trace.tracks[$0] })
    #expect(group.name == "Locks" && group.parent == trace.track("prog"))
    #expect(trace.arrows == ["hold l1@t1 → acquired l1@t2"])
    // Those of one lock are together, who has it first.
    let owner = try #require(trace.track("owner l1").flatMap { trace.tracks[$0]?.rank })
    #expect(try #require(counter.rank) > owner)
  }

  @Test func `A broadcast has an arrow to each that it woke`() throws {
    let trace = try PerfettoTrace(
      Workspace(locks: [.condition]).definitions,
      timeline(
        wait(2, 1, from: 100, to: 310, .wait), wait(3, 1, from: 110, to: 320, .wait),
        signal(1, 1, at: 300, .broadcast)))
    #expect(trace.arrows == ["signal l1@t1 → acquired l1@t2", "signal l1@t1 → acquired l1@t3"])
  }

  @Test func `A slice that encloses one of the same begin begins before it`() throws {
    let trace = try PerfettoTrace(
      Workspace().definitions,
      timeline(wait(1, 2, from: 100, to: 200), hold(1, 1, from: 100, to: 400)))
    let slices = trace.slices.filter { trace.tracks[$0.track]?.name == "t1" }
    #expect(slices.map(\.name) == ["hold l1", "wait l2"])
    #expect(slices.map(\.start) == [99, 100] && slices.map(\.end) == [400, 200])
    #expect(slices[0].arguments["held_ns"] == "300" && slices[0].arguments["acquired_ns"] == "100")
    // Where there is no room before it, it begins behind.
    let full = try PerfettoTrace(
      Workspace().definitions,
      timeline(
        hold(1, 3, from: 50, to: 100), wait(1, 2, from: 100, to: 200),
        hold(1, 1, from: 100, to: 400)))
    let cut = try #require(full.slices.first { $0.name == "hold l1" })
    #expect(cut.start == 200 && cut.end == 400 && cut.arguments["cut"] == "true")
  }

  @Test(arguments: 0..<16 as Range<UInt64>)
  func `Slices of a thread nest and end when they ended`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let events = randomTimeline(&generator, count: 1000)
    let trace = try PerfettoTrace(
      Workspace(locks: [.mutex, .condition, .semaphore]).definitions, events)
    #expect(trace.errors == [])
    var told: [String] = []
    for event in events
    where (event.kind == .wait || event.kind == .release) && event.isDurationKnown {
      let word = event.kind == .wait ? "wait" : "hold"
      told.append(
        "\(word) l\(event.lock.rawValue) t\(event.thread.rawValue) \(event.time.nanoseconds) "
          + "\(event.duration)")
    }
    let drawn = trace.slices.filter {
      ["wait", "hold"].contains($0.category) && trace.tracks[$0.track]?.tid != nil
        && !$0.name.hasPrefix("release")
    }.map { slice in
      let length = slice.arguments["waited_ns"] ?? slice.arguments["held_ns"]
      return "\(slice.name) \(trace.tracks[slice.track]?.name ?? "?") \(slice.end ?? -1) "
        + (length ?? "\(slice.duration)")
    }
    #expect(drawn.sorted() == told.sorted())
    #expect(trace.arrows.allSatisfy { !$0.contains("sources") } && !trace.arrows.isEmpty)
    for counter in ["waiters l1", "waiters l2", "waiters l3"] {
      #expect(trace.values(counter).last == 0)
    }
  }

  @Test func `Written one by one it is the same trace`() throws {
    var generator = SeededGenerator(seed: 3)
    let events = randomTimeline(&generator, count: 500)
    let definitions = Workspace(locks: [.mutex, .condition, .semaphore]).definitions
    let whole = try PerfettoTrace(definitions, events)
    #expect(try PerfettoTrace(definitions, events, batch: 1).bytes == whole.bytes)
  }

  @Test func `What goes through a queue has an arrow, and the queue its depth`() throws {
    let change = { (kind: Event.Kind, thread: UInt32, since: Int64?, time: Int64, value: Int64) in
      Event(
        kind: kind, isDurationKnown: since != nil, thread: .init(thread), time: .init(time),
        duration: time - (since ?? time), lock: .init(1), value: value)
    }
    let trace = try PerfettoTrace(
      Workspace(locks: [.queue]).definitions,
      [
        change(.enqueue, 1, nil, 10, 2), change(.enqueue, 2, nil, 20, 1),
        change(.dequeue, 3, 20, 25, 1), change(.dequeue, 3, 10, 30, 1),
        change(.dequeue, 4, 10, 40, 1),
        // Of what is known by nobody there is none.
        change(.dequeue, 4, 10, 50, 1), change(.dequeue, 4, nil, 60, 1),
      ])
    #expect(trace.errors == [])
    #expect(
      trace.arrows == [
        "enqueue l1@t2 → dequeue l1@t3", "enqueue l1@t1 → dequeue l1@t3",
        "enqueue l1@t1 → dequeue l1@t4",
      ])
    #expect(trace.values("depth l1") == [2, 3, 2, 1, 0, 0, 0])
    #expect(trace.track("depth l1").flatMap { trace.tracks[$0]?.unit } == "items")
    #expect(trace.slices.first { $0.name == "dequeue l1" }?.arguments["residence_ns"] == "5")
  }

  @Test func `Taking may be told before the putting of the same moment`() throws {
    let change = { (kind: Event.Kind, time: Int64) in
      Event(kind: kind, thread: .init(1), time: .init(time), lock: .init(1), value: 1)
    }
    let trace = try PerfettoTrace(
      Workspace(locks: [.queue]).definitions,
      [change(.dequeue, 10), change(.enqueue, 10), change(.enqueue, 20)])
    #expect(trace.values("depth l1") == [0, 0, 1])
  }

  @Test func `Tasks have tracks with their waits, spans those that are free`() throws {
    let event = {
      (kind: Event.Kind, lock: UInt32, task: Int64, start: Int64, end: Int64) in
      Event(
        kind: kind, operation: kind == .slice ? .unknown : .lock, thread: .init(1),
        time: .init(end), duration: end - start, lock: .init(lock), value: task)
    }
    var events = [
      event(.slice, 1, 7, 100, 200), event(.taskWait, 2, 7, 190, 300),
      event(.slice, 1, 7, 300, 340), event(.taskRelease, 2, 7, 310, 350),
    ]
    for (start, end) in [(400, 500), (450, 510), (505, 600)] as [(Int64, Int64)] {
      var span = event(.slice, 3, 0, start, end)
      span.operation = .span
      events.append(span)
    }
    let trace = try PerfettoTrace(
      Workspace(locks: [.task, .asyncioLock, .label]).definitions, events)
    #expect(trace.errors == [])
    let task = trace.slices.filter { $0.category == "task" }
    #expect(task.map(\.name) == ["l1", "waits for l2"] && task.map(\.depth) == [0, 1])
    #expect(task.map(\.start) == [100, 190] && task.map(\.end) == [340, 300])
    let owner = try #require(trace.slices(on: "owner l2").first)
    #expect(owner.name == "l1" && owner.arguments["task"] == "7" && owner.duration == 40)
    let spans = trace.slices("span")
    #expect(spans.map(\.duration) == [100, 60, 95] && spans.allSatisfy { $0.depth == 0 })
    #expect(spans[0].track == spans[2].track && spans[0].track != spans[1].track)
  }

  @Test func `A semaphore has a counter of its value once it has one`() throws {
    var trace = TraceBuilder()
    let thread = trace.thread("a")
    let (used, idle) = (trace.lock("used", kind: .semaphore), trace.lock("idle", kind: .semaphore))
    for lock in [used, idle] { trace.value(thread, lock, 0, at: 10) }
    for (time, value) in [(20, 1), (30, 0)] as [(Int64, Int64)] {
      trace.value(thread, used, value, at: time)
    }
    let found = try PerfettoTrace(trace.definitions, trace.delivered)
    #expect(found.values("value used") == [1, 0])
    #expect(found.track("value idle") == nil)
  }

  @Test func `The interpreter's lock is on the track of its owners alone`() throws {
    let trace = try PerfettoTrace(
      Workspace(locks: [.gil]).definitions,
      timeline(wait(2, 1, from: 100, to: 210), hold(1, 1, from: 50, to: 200)))
    #expect(trace.slices("hold").map(\.name) == ["t1 (101)"])
    #expect(trace.arrows == ["t1 (101)@owner l1 → acquired l1@t2"])
  }

  @Test func `The recording and its processes are told of`() throws {
    var definitions = TraceDefinitions()
    definitions.add(.recording(Recording(program: ["./a", "b"], recorder: "ctrace 1")))
    definitions.add(
      .process(
        Process(
          id: .init(1), pid: 100, parentPID: 9, name: "a", arguments: ["./a", "b"], start: .init(5))
      ))
    let trace = try PerfettoTrace(definitions, [])
    #expect(trace.metadata["program"] == "./a b" && trace.metadata["recorder"] == "ctrace 1")
    let process = try #require(trace.processes.first)
    #expect(process.number(1) == 100 && process.number(2) == 9 && process.number(7) == 5)
    #expect(process.texts(3) == ["./a", "b"])
  }

  @Test func `A part has what lies in it, and counters as they stand when it begins`() throws {
    var cut = ExportCut()
    cut.window = 200..<400
    let events = timeline(
      wait(1, 1, from: 50, to: 100), wait(2, 1, from: 150, to: 250), hold(1, 1, from: 110, to: 240),
      wait(3, 2, from: 350, to: 450), wait(3, 2, from: 500, to: 550))
    let trace = try PerfettoTrace(Workspace().definitions, events, cut: cut)
    #expect(trace.errors == [])
    let drawn = trace.slices.map { "\($0.name) \($0.start)-\($0.end ?? -1)" }
    #expect(
      drawn == [
        "t1 (101) 200-240", "hold l1 200-240", "wait l1 200-250", "acquired l1 250-250",
        "wait l2 350-400",
      ])
    #expect(trace.slices("wait").first?.arguments["waited_ns"] == "100")
    #expect(trace.values("waiters l1") == [1, 0] && trace.values("waiters l2") == [1])
  }

  @Test func `The chosen locks and threads alone are in it`() throws {
    var cut = ExportCut()
    cut.threads = [.init(1)]
    cut.locks = [.init(2)]
    cut.notes = ["the best"]
    let trace = try PerfettoTrace(
      Workspace().definitions,
      timeline(
        wait(1, 1, from: 50, to: 100), wait(2, 1, from: 150, to: 250),
        wait(2, 2, from: 300, to: 310)), cut: cut)
    #expect(trace.slices.map(\.name) == ["wait l1", "wait l2"])
    #expect(trace.metadata["cut"] == "the best")
  }
}
