import Foundation
import TestSupport
import Testing
import TraceExport
import TraceModel

/// A window of a recording.
private func window(_ start: Int64, _ end: Int64 = .max) -> ExportCut {
  var cut = ExportCut()
  cut.window = start..<end
  return cut
}

@Suite struct CutTests {
  @Test func `What lies across the edges of a window is drawn within, with its true measures`()
    throws
  {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(1, 1, from: 100, to: 200), wait(2, 1, from: 150, to: 1200),
        hold(3, 2, from: 100, to: 1500), wait(4, 1, from: 1100, to: 1300),
        hold(5, 2, from: 1100, to: 1600), wait(6, 3, from: 2000, to: 2100)),
      cut: window(1000, 1500))
    #expect(trace.slices.map(\.name) == ["wait l1", "wait l1", "hold l2", "hold l2"])
    #expect(trace.slices.map(\.tid) == [102, 104, 103, 105])
    #expect(trace.slices.map(\.start) == [1000, 1100, 1000, 1100])
    #expect(trace.slices.map(\.end) == [1200, 1300, 1500, 1500])
    #expect(trace.slices.map(\.isCut) == [true, false, true, true])
    #expect(trace.slices[0].arguments["waited_ns"] as? Int == 1050)
    #expect(trace.slices[2].arguments["held_ns"] as? Int == 1400)
    #expect(trace.slices[3].arguments["held_ns"] as? Int == 500)
  }

  @Test func `Counters begin with what they say when the window does`() throws {
    let workspace = Workspace(locks: [.mutex, .semaphore, .queue, .label])
    func event(_ kind: Event.Kind, _ lock: UInt32, at time: Int64, _ value: Int64) -> Event {
      Event(kind: kind, thread: .init(1), time: .init(time), lock: .init(lock), value: value)
    }
    let trace = try ParsedTrace(
      workspace.definitions,
      timeline(
        wait(1, 1, from: 10, to: 150), wait(2, 1, from: 20, to: 50), wait(3, 1, from: 20, to: 210),
        value(1, 2, at: 30, .post, 7), [event(.enqueue, 3, at: 40, 4)],
        [event(.counter, 4, at: 50, -3)], [event(.dequeue, 3, at: 120, 1)]),
      cut: window(100, 200))
    #expect(trace.values("waiters", "l1") == [2, 1])
    #expect(trace.values("value", "l2") == [7])
    #expect(trace.values("depth", "l3") == [4, 3])
    #expect(trace.values("value", "l4") == [-3])
    #expect(trace.counters.allSatisfy { 100..<200 ~= $0.start })
  }

  @Test func `No arrow comes from outside the window, or leads there`() throws {
    let workspace = Workspace(locks: [.mutex, .dispatchQueue])
    func item(_ kind: Event.Kind, from start: Int64? = nil, at time: Int64) -> Event {
      Event(
        kind: kind, thread: .init(5), time: .init(time), duration: time - (start ?? time),
        lock: .init(2), value: 1)
    }
    let events = timeline(
      hold(1, 1, from: 50, to: 90), wait(2, 1, from: 60, to: 110),
      hold(3, 1, from: 111, to: 140), wait(4, 1, from: 120, to: 150),
      hold(4, 1, from: 150, to: 190), wait(6, 1, from: 160, to: 250),
      [
        item(.enqueue, at: 95), item(.enqueue, at: 115), item(.dequeue, from: 95, at: 116),
        item(.dequeue, from: 115, at: 117),
      ])
    let whole = try ParsedTrace(workspace.definitions, events)
    #expect(whole.arrows.count == 5)
    let cut = try ParsedTrace(workspace.definitions, events, cut: window(100, 200))
    #expect(
      cut.arrows == ["enqueue l2@105 → dequeue l2@105", "hold l1@103 → acquired l1@104"])
  }

  @Test func `Tasks are drawn from the window's start on, under their names`() throws {
    var builder = TraceBuilder(duration: 1000)
    let loop = builder.thread("loop")
    let (name, lock) = (builder.lock("fetch", kind: .task), builder.lock("mu", kind: .asyncioLock))
    builder.step(loop, name, task: 7, from: 10, to: 20)
    builder.step(loop, name, task: 8, from: 30, to: 40)
    builder.taskWait(loop, lock, task: 7, from: 20, to: 150)
    builder.step(loop, name, task: 7, from: 150, to: 180)
    builder.taskRelease(loop, lock, task: 7, from: 50, to: 160)
    let trace = try ParsedTrace(
      builder.definitions, builder.delivered, cut: window(100, 170))
    let ends = trace.events.filter { $0.category == "task" }
    #expect(
      ends.map { "\($0.phase) \($0.name) \($0.start)" } == [
        "b fetch 100", "b waits for mu 100", "e waits for mu 150", "e fetch 170",
      ])
    #expect(Set(ends.map(\.asyncID)) == ["7"])
    let hold = trace.events.filter { $0.category == "hold" }
    #expect(hold.map(\.start) == [100, 160])
    #expect(trace.slices("work").map(\.end) == [170])
  }

  @Test func `Only the threads and locks that were chosen are drawn`() throws {
    var cut = ExportCut()
    cut.threads = [.init(1)]
    cut.locks = [.init(2)]
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(1, 1, from: 100, to: 200), hold(2, 1, from: 50, to: 190),
        wait(3, 2, from: 300, to: 400), hold(4, 2, from: 250, to: 390),
        wait(5, 3, from: 500, to: 600)), cut: cut)
    #expect(
      trace.slices.map { "\($0.name)@\($0.tid)" } == [
        "wait l1@101", "hold l2@104", "wait l2@103", "acquired l2@103",
      ])
    // Of a lock that not all threads are shown of, a counter would not tell the truth.
    #expect(trace.counters.allSatisfy { $0.arguments["l2"] != nil } && trace.counters.count == 2)
  }

  @Test func `What was waited for longest is found`() throws {
    let definitions = Workspace().definitions
    let events = timeline(
      wait(1, 1, from: 0, to: 100), wait(2, 2, from: 0, to: 150), wait(3, 3, from: 0, to: 50),
      wait(1, 3, from: 200, to: 300))
    var totals = WaitTotals(definitions: definitions, cut: ExportCut())
    totals.add(events.span)
    #expect(totals.longest(1).threads == [.init(1)])
    #expect(totals.longest(2).locks == [.init(2), .init(3)])
    #expect(totals.longest(10).threads == [.init(1), .init(2), .init(3)])
    // 60 of thread 1, 110 of 2, and 10 of 3.
    var part = WaitTotals(definitions: definitions, cut: window(40, 200))
    part.add(events.span)
    #expect(part.longest(1).threads == [.init(2)])
    #expect(part.longest(2).locks == [.init(1), .init(2)])
  }

  @Test func `The head says what was left out`() throws {
    var cut = window(0, 5)
    cut.notes = ["one", "two"]
    #expect(try ParsedTrace(TraceDefinitions(), [], cut: cut).other["cut"] == "one; two")
    #expect(try ParsedTrace(TraceDefinitions(), []).other["cut"] == nil)
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `Any window of any recording is a whole document`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let definitions = Workspace(locks: [.mutex, .condition, .semaphore]).definitions
    let events = randomTimeline(&generator, count: 800)
    let end = events.last?.time.nanoseconds ?? 0
    let start = Int64.random(in: 0..<end, using: &generator)
    let cut = window(start, Int64.random(in: start + 1...end + 10, using: &generator))
    let trace = try ParsedTrace(definitions, events, batch: 7, cut: cut)
    #expect(trace.crossings.isEmpty)
    #expect(
      trace.slices.allSatisfy { $0.start >= start && $0.end <= cut.window.upperBound })
    let sources = Set(trace.slices.compactMap(\.flowOut))
    #expect(trace.slices.compactMap(\.flowIn).allSatisfy(sources.contains))
    // Every wait and hold that lies within or across is there once.
    func isShown(_ event: Event) -> Bool {
      event.time.nanoseconds >= start && event.start.nanoseconds < cut.window.upperBound
    }
    for (kind, category) in [(Event.Kind.wait, "wait"), (.release, "hold")] {
      let expected = events.filter {
        guard $0.kind == kind, isShown($0) else { return false }
        return $0.isDurationKnown || $0.time.nanoseconds < cut.window.upperBound
      }
      #expect(trace.slices(category).count == expected.count)
    }
    // A window around everything changes nothing.
    let whole = try ParsedTrace(definitions, events).bytes
    #expect(try ParsedTrace(definitions, events, cut: window(0, end + 1)).bytes == whole)
  }

  @Test func `Who is on a CPU when the window begins is drawn there from then on`() throws {
    func change(_ thread: UInt32, _ next: UInt32, at time: Int64) -> Event {
      Event(
        kind: .switch, operation: .blocked, thread: .init(thread), time: .init(time),
        owner: .init(next), value: 0)
    }
    var writer = ChromeTraceWriter(definitions: Workspace().definitions, cut: window(1000, 2000))
    writer.addScheduling(
      [
        change(0, 1, at: 100), change(1, 2, at: 500), change(2, 3, at: 1500),
        change(3, 4, at: 2500),
      ].span)
    writer.finish()
    let lines = String(decoding: writer.takeOutput(), as: UTF8.self)
      .components(separatedBy: "\\n").filter { $0.contains("sched_switch") }
    #expect(lines.count == 2)
    #expect(lines[0].contains("0.000001000: ") && lines[0].contains("next_comm=t2"))
    #expect(lines[1].contains("0.000001500: ") && lines[1].contains("prev_comm=t2"))
    #expect(lines[1].contains("next_comm=t3"))

    // Of threads that are not shown, the CPUs are idle.
    var cut = ExportCut()
    cut.threads = [.init(2)]
    cut.locks = []
    writer = ChromeTraceWriter(definitions: Workspace().definitions, cut: cut)
    writer.addScheduling(
      [change(0, 1, at: 100), change(1, 2, at: 500), change(2, 3, at: 1500)].span)
    writer.finish()
    let text = String(decoding: writer.takeOutput(), as: UTF8.self)
    #expect(text.contains("next_comm=t2") && text.contains("prev_comm=t2"))
    #expect(!text.contains("comm=t1") && !text.contains("comm=t3"))
  }
}
