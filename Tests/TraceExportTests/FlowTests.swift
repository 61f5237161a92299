import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct FlowTests {
  @Test func `An arrow goes from the hold to what follows the wait`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(2, 1, from: 100, to: 310), hold(1, 1, from: 50, to: 300),
        hold(2, 1, from: 310, to: 400)))
    #expect(trace.arrows == ["hold l1@101 → acquired l1@102"])
    let target = try #require(trace.slices.first { $0.flowIn != nil })
    #expect(target.start == 310 && target.duration == 0)
    // Nobody waits for the second hold.
    #expect(trace.slices.count { $0.flowOut != nil } == 1)
  }

  @Test func `Each release lets one waiter in`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(2, 1, from: 100, to: 310), wait(3, 1, from: 110, to: 320),
        wait(4, 1, from: 120, to: 410),
        hold(1, 1, from: 50, to: 300), hold(3, 1, from: 330, to: 400)))
    #expect(trace.arrows == ["hold l1@101 → acquired l1@102", "hold l1@103 → acquired l1@104"])
  }

  @Test func `The latest release is the one that let a waiter in`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        wait(2, 1, from: 100, to: 500), hold(1, 1, from: 50, to: 300),
        hold(3, 1, from: 300, to: 400)))
    #expect(trace.arrows == ["hold l1@103 → acquired l1@102"])
  }

  @Test func `A release lets all readers in`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.rwlock]).definitions,
      timeline(
        wait(2, 1, from: 100, to: 310, .read), wait(3, 1, from: 110, to: 320, .read),
        hold(1, 1, from: 50, to: 300, .write)))
    #expect(trace.arrows == ["hold l1@101 → acquired l1@102", "hold l1@101 → acquired l1@103"])
  }

  @Test func `A release whose hold is unknown has an arrow too`() throws {
    var release = hold(1, 1, from: 300, to: 300)
    release[0].isDurationKnown = false
    let trace = try ParsedTrace(
      Workspace().definitions, timeline(wait(2, 1, from: 100, to: 310), release))
    #expect(trace.arrows == ["release l1@101 → acquired l1@102"])
  }

  @Test func `Signals wake in the order in which they came, broadcasts all`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.condition]).definitions,
      timeline(
        wait(2, 1, from: 100, to: 310, .wait), wait(3, 1, from: 110, to: 320, .wait),
        signal(1, 1, at: 200), signal(4, 1, at: 210),
        wait(2, 1, from: 500, to: 610, .wait), wait(3, 1, from: 510, to: 620, .wait),
        signal(5, 1, at: 600, .broadcast), signal(6, 1, at: 700)))
    #expect(
      trace.arrows == [
        "signal l1@101 → acquired l1@102", "signal l1@104 → acquired l1@103",
        "signal l1@105 → acquired l1@102", "signal l1@105 → acquired l1@103",
      ])
    // Also the one that woke nobody is drawn.
    #expect(trace.slices.count { $0.name == "signal l1" } == 4)
  }

  @Test func `A post wakes who waits for it`() throws {
    let trace = try ParsedTrace(
      Workspace(locks: [.semaphore]).definitions,
      timeline(
        value(1, 1, at: 50, .post, 1), value(1, 1, at: 60, .wait, 0),
        wait(2, 1, from: 100, to: 310, .wait), value(3, 1, at: 300, .post, 1),
        value(2, 1, at: 311, .wait, 0)))
    #expect(trace.arrows == ["post l1@103 → acquired l1@102"])
    #expect(trace.slices.count { $0.name == "post l1" } == 1)
  }

  @Test(arguments: [.timedOut, .cancelled, .failed, .unfinished] as [Event.Outcome])
  func `Who got nothing was not woken`(outcome: Event.Outcome) throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(wait(2, 1, from: 100, to: 310, .lock, outcome), hold(1, 1, from: 50, to: 300)))
    #expect(trace.arrows == [])
  }

  @Test func `A release from before the wait or by the waiter did not wake it`() throws {
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        // Keeps the lock waited for throughout.
        wait(8, 1, from: 10, to: 900, .lock, .timedOut),
        hold(1, 1, from: 20, to: 99), wait(2, 1, from: 100, to: 310),
        hold(3, 1, from: 320, to: 400), wait(3, 1, from: 400, to: 500)))
    #expect(trace.arrows == [])
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `Arrows never go back in time or to another lock`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let trace = try ParsedTrace(
      Workspace(locks: [.mutex, .condition, .semaphore]).definitions,
      randomTimeline(&generator, count: 1000))
    let sources = Dictionary(grouping: trace.slices.filter { $0.flowOut != nil }) { $0.flowOut }
    #expect(sources.values.allSatisfy { $0.count == 1 })
    let targets = trace.slices.filter { $0.flowIn != nil }
    #expect(targets.count > 10)
    let waits = trace.slices("wait").filter { $0.arguments["outcome"] as? String == "acquired" }
    for target in targets {
      let source = try #require(sources[target.flowIn]?.first)
      #expect(source.end <= target.start)
      #expect(source.name.split(separator: " ").last == target.name.split(separator: " ").last)
      // It stands at the end of a wait for the lock that got it.
      #expect(waits.contains { $0.end == target.start && $0.tid == target.tid })
    }
  }
}
