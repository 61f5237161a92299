import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct TaskTrackTests {
  private func event(
    _ kind: Event.Kind, _ lock: UInt32, task: Int64, from start: Int64?, to end: Int64,
    thread: UInt32 = 1, outcome: Event.Outcome = .acquired
  ) -> Event {
    Event(
      kind: kind, operation: kind == .slice ? .unknown : .lock, outcome: outcome,
      isDurationKnown: start != nil, thread: .init(thread), time: .init(end),
      duration: end - (start ?? end), lock: .init(lock), value: task)
  }

  /// Begins and ends of asynchronous slices of one track, as a viewer pairs them.
  private func spans(_ trace: ParsedTrace, _ category: String, _ id: String) -> [String] {
    let events = trace.events.filter { $0.category == category && $0.asyncID == id }
    let ordered = events.enumerated().sorted {
      ($0.element.start, $0.offset) < ($1.element.start, $1.offset)
    }.map(\.element)
    var open: [ParsedTrace.Event] = []
    var spans: [String] = []
    for event in ordered {
      switch event.phase {
      case "b": open.append(event)
      case "e":
        guard let begin = open.popLast(), begin.name == event.name else { return ["crossing"] }
        spans.append("\(begin.name) \(begin.start)-\(event.start) in \(open.count)")
      default: spans.append("\(event.phase) \(event.name) \(event.start)")
      }
    }
    return open.isEmpty ? spans : ["open"]
  }

  @Test func `A step is a slice of the thread, and the task has a track with its waits`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.task, .asyncioLock, .asyncioQueue]).definitions,
      [
        event(.slice, 1, task: 7, from: 100, to: 200),
        event(.slice, 1, task: 8, from: 200, to: 230),
        event(.taskWait, 2, task: 7, from: 190, to: 300),
        event(.slice, 1, task: 7, from: 300, to: 340, thread: 2),
        event(.taskWait, 3, task: 8, from: 230, to: 500, outcome: .timedOut),
        event(.taskWait, 3, task: 7, from: 340, to: 600),
      ])
    let steps = trace.slices("work")
    #expect(steps.map(\.name) == ["l1", "l1", "l1"] && steps.map(\.tid) == [101, 101, 102])
    #expect(steps.map { $0.arguments["task"] as? Int } == [7, 8, 7])
    #expect(steps.map(\.start) == [100, 200, 300] && steps.map(\.duration) == [100, 30, 40])
    #expect(
      spans(trace, "task", "1") == [
        "waits for l2 190-300 in 1", "waits for l3 340-600 in 1", "l1 100-600 in 0",
      ])
    #expect(spans(trace, "task", "2") == ["waits for l3 230-500 in 1", "l1 200-500 in 0"])
    let begins = trace.events.filter { $0.phase == "b" && $0.name == "l1" }
    #expect(begins.map { $0.arguments["task"] as? Int } == [7, 8])
    let timedOut = trace.events.first { $0.phase == "b" && $0.start == 230 }
    #expect(timedOut?.arguments["outcome"] as? String == "timedOut")
    #expect(timedOut?.pid == 100)
  }

  @Test func `Waits of a task nest, or begin where another ends`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.task, .asyncioLock, .future]).definitions,
      [
        event(.slice, 1, task: 7, from: 100, to: 200),
        event(.taskWait, 3, task: 7, from: 210, to: 300),
        // Around that, and across it.
        event(.taskWait, 2, task: 7, from: 205, to: 310),
        event(.taskWait, 3, task: 7, from: 250, to: 400),
        event(.taskWait, 2, task: 7, from: 0, to: 500),
      ])
    #expect(
      spans(trace, "task", "1") == [
        "waits for l3 210-300 in 2", "waits for l2 205-310 in 1", "waits for l3 310-400 in 1",
        "waits for l2 400-500 in 1", "l1 100-500 in 0",
      ])
    let cut = trace.events.filter { $0.phase == "b" && $0.isCut }
    #expect(cut.map { $0.arguments["waited_ns"] as? Int } == [150, 500])
    #expect(cut.map { $0.arguments["requested_us"] as? Double } == [0.25, 0])
  }

  @Test func `Tasks of two processes have tracks of their own`() throws {
    var workspace = Workspace(locks: [.task])
    workspace.definitions.add(
      .process(Process(id: .init(2), pid: 300, name: "child", start: .zero)))
    workspace.definitions.add(
      .thread(Thread(id: .init(20), process: .init(2), tid: 301, name: "c", start: .zero)))
    let trace = try ParsedTrace(
      workspace.definitions,
      [
        event(.slice, 1, task: 7, from: 100, to: 200),
        event(.slice, 1, task: 7, from: 150, to: 300, thread: 20),
      ])
    let begins = trace.events.filter { $0.category == "task" && $0.phase == "b" }
    #expect(begins.map(\.pid) == [100, 300] && begins.map(\.asyncID) == ["1", "2"])
    #expect(begins.allSatisfy { $0.arguments["task"] as? Int == 7 })
  }

  @Test func `Images of one process have tasks of their own`() throws {
    var workspace = Workspace()
    for number in [2, 3] as [UInt32] {
      workspace.definitions.add(
        .process(
          Process(
            id: .init(number), pid: 300, name: "image", start: .init(Int64(number) * 100),
            end: number == 2 ? .init(300) : nil)))
      workspace.definitions.add(
        .thread(
          Thread(
            id: .init(number * 10), process: .init(number), tid: 300, name: "main",
            start: .init(Int64(number) * 100))))
      workspace.add(lock: number * 10, .task, name: "task \(number)", process: number)
    }
    let trace = try ParsedTrace(
      workspace.definitions,
      [
        event(.slice, 20, task: 7, from: 200, to: 250, thread: 20),
        event(.slice, 30, task: 7, from: 300, to: 350, thread: 30),
      ])
    #expect(spans(trace, "task", "1") == ["task 2 200-250 in 0"])
    #expect(spans(trace, "task", "2") == ["task 3 300-350 in 0"])
    let begins = trace.events.filter { $0.category == "task" && $0.phase == "b" }
    #expect(begins.map(\.pid) == [300, 300])
  }

  @Test func `What is no task's has no track`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.task, .asyncioLock]).definitions,
      [
        event(.slice, 1, task: 0, from: 100, to: 200),
        event(.taskWait, 2, task: 0, from: 200, to: 300),
        event(.slice, 1, task: 3, from: 300, to: 400),
      ])
    #expect(trace.slices("work").map(\.start) == [100, 300])
    #expect(trace.events.filter { $0.category == "task" }.map(\.phase) == ["b", "e"])
    #expect(spans(trace, "task", "1") == ["l1 300-400 in 0"])
  }

  @Test func `A lock that tasks hold has a track, on which holds do not cross`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.task, .asyncioLock]).definitions,
      [
        event(.slice, 1, task: 7, from: 0, to: 10),
        event(.taskRelease, 2, task: 7, from: 5, to: 100),
        event(.taskRelease, 2, task: 8, from: 90, to: 150),
        event(.taskRelease, 2, task: 9, from: nil, to: 200),
      ])
    #expect(
      spans(trace, "hold", "2") == [
        "hold l2 5-100 in 0", "hold l2 100-150 in 0", "n release l2 200",
      ])
    let first = try #require(trace.events.first { $0.category == "hold" })
    #expect(first.arguments["name"] as? String == "l1" && first.arguments["task"] as? Int == 7)
    #expect(trace.slices("hold").isEmpty && trace.crossings.isEmpty)
  }

  @Test func `The interpreter's lock has a track of who has it`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.gil, .task]).definitions,
      timeline(
        wait(2, 1, from: 100, to: 210), hold(1, 1, from: 50, to: 200),
        // A step that holds cross is drawn whole.
        [event(.slice, 2, task: 1, from: 150, to: 400)]))
    let track = try #require(trace.names("thread_name").first { $0.value == "GIL" })
    let hold = try #require(trace.slices("hold").first)
    #expect(hold.tid == track.key && hold.pid == 100 && hold.name == "t1 (101)")
    #expect(hold.start == 50 && hold.duration == 150)
    #expect(trace.slices("hold").count == 1 && trace.slices("wait").map(\.tid) == [102])
    #expect(trace.arrows == ["t1 (101)@\(track.key) → acquired l1@102"])
    #expect(trace.values("waiters", "l1") == [1, 0])
    #expect(trace.crossings.isEmpty)
  }

  @Test func `Who had the interpreter begins where the one before ends, and says the truth beside`()
    throws
  {
    var unseen = hold(2, 1, from: 300, to: 300)
    unseen[0].isDurationKnown = false
    let trace = try ParsedTrace(
      Workspace(locks: [.gil]).definitions,
      hold(1, 1, from: 50, to: 200) + hold(2, 1, from: 40, to: 260) + unseen)
    let holds = trace.slices("hold")
    #expect(holds.map(\.name) == ["t1 (101)", "t2 (102)", "release l1"])
    #expect(holds.map(\.start) == [50, 200, 300] && holds.map(\.isCut) == [false, true, false])
    #expect(holds[1].arguments["held_ns"] as? Int == 220)
    #expect(holds[1].arguments["acquired_us"] as? Double == 0.04)
    // Nobody knows since when: the thread alone tells of it.
    #expect(holds[2].tid == 102)
  }

  @Test func `A call of C is a slice of its thread`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.call, .task]).definitions,
      [
        event(.taskWait, 1, task: 0, from: 100, to: 300),
        event(.slice, 2, task: 5, from: 50, to: 310),
      ])
    #expect(
      trace.slices("call").map(\.name) == ["l1"] && trace.slices("call").map(\.start) == [100])
    #expect(trace.slices("call").map(\.tid) == [101] && trace.slices("work").map(\.start) == [50])
    #expect(trace.events.filter { $0.category == "task" && $0.phase == "b" }.count == 1)
  }

  @Test func `A loop's ready callbacks are a counter, and what it runs is none`() throws {
    let value = { (number: Int64, time: Int64) in
      Event(
        kind: .value, thread: .init(1), time: .init(time), lock: .init(1), value: number)
    }
    let trace = try ParsedTrace(
      Workspace(locks: [.eventLoop, .asyncioQueue]).definitions,
      [
        value(3, 10), event(.dequeue, 1, task: 1, from: 5, to: 20), value(0, 30),
        event(.enqueue, 2, task: 1, from: 40, to: 40),
      ])
    #expect(trace.values("ready", "l1") == [3, 0])
    #expect(trace.values("depth", "l1").isEmpty && trace.values("depth", "l2") == [1])
  }

  @Test func `Of very many tasks the steps are drawn, and the first have tracks`() throws {
    let count: Int64 = 300_000
    var writer = ChromeTraceWriter(definitions: Workspace(locks: [.task]).definitions)
    var size = writer.takeOutput().count
    for first in stride(from: 0, to: count, by: 10_000) {
      let events = (first..<first + 10_000).map {
        event(.slice, 1, task: $0, from: $0 * 10, to: $0 * 10 + 5)
      }
      writer.add(events.span)
      size += writer.takeOutput().count
    }
    writer.finish()
    let ends = String(decoding: writer.takeOutput(), as: UTF8.self)
    #expect(ends.split(separator: "\n").count { $0.hasPrefix(#"{"ph":"e""#) } == 1 << 18)
    #expect(size > 0)
  }
}
