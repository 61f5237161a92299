import TestSupport
import Testing
import TraceModel

@testable import TraceExport

@Suite struct HostileInputTests {
  @Test(arguments: HostileRecording.chosen)
  func `What no program does becomes a document that nests`(recording: HostileRecording) throws {
    try check(recording)
  }

  /// In the reader's order, and in none at all.
  @Test(arguments: 0..<12 as Range<UInt64>, [true, false])
  func `Anything becomes a document that nests`(seed: UInt64, isInOrder: Bool) throws {
    try check(.random(seed, isInOrder: isInOrder))
  }

  private func check(_ recording: HostileRecording) throws {
    let trace = try ParsedTrace(recording)
    #expect(trace.crossings == [])
    #expect(trace.events.allSatisfy { $0.start >= 0 && $0.duration >= 0 })
    #expect(trace.asyncErrors == [])
    #expect(trace.arrows.allSatisfy { !$0.contains("sources") })
    #expect(
      trace.counters.filter { $0.name == "waiters" || $0.name == "depth" }.allSatisfy {
        $0.arguments.values.allSatisfy { ($0 as? Int ?? -1) >= 0 }
      })
    // As an importer finds the fields of a line: its CPU is one that a machine can have.
    let line =
      /[^\s]+-\d+ \(\d+\) \[(\d+)\] \.\.\.\. \d+\.\d{9}: sched_(switch|waking): [^\s]*comm=[^\s]+ .*/
    for text in trace.scheduling.dropFirst() {
      let match = try line.wholeMatch(in: text)
      #expect(match.flatMap { Int($0.1) }.map { $0 < 4096 } == true, "\(text)")
    }
  }

  @Test func `Names keep what they are`() throws {
    var workspace = Workspace()
    let name = "a\"b\\c\n\t\u{0}\u{1b}é𝄞\u{2028}"
    workspace.add(lock: 9, .mutex, name: name)
    let trace = try ParsedTrace(workspace.definitions, wait(1, 9, from: 1, to: 2))
    #expect(trace.slices.map(\.name) == ["wait \(name)"])
    #expect(trace.slices.first?.arguments["lock"] as? String == name)
  }

  @Test func `What has no definition is shown as unknown`() throws {
    let trace = try ParsedTrace(TraceDefinitions(), wait(7, 9, from: 1, to: 2))
    #expect(trace.slices.map(\.name) == ["wait lock?"])
    let slice = trace.slices[0]
    #expect(trace.names("process_name") == [slice.pid: "process?"])
    #expect(trace.names("thread_name") == [slice.tid: "thread?"])
    #expect(trace.values("waiters", "lock?") == [1, 0])
  }

  @Test func `What is unknown is not named where there is nothing unknown`() throws {
    let trace = try ParsedTrace(Workspace().definitions, wait(1, 1, from: 1, to: 2))
    #expect(trace.names("process_name") == [100: "prog"])
  }

  @Test func `After weeks times are whole microseconds, and still in order`() throws {
    let week: Int64 = 7 * 24 * 3_600_000_000_000
    let start = 10 * week + 123
    let trace = try ParsedTrace(
      Workspace().definitions,
      timeline(
        hold(1, 1, from: start, to: start + 1_000_900), hold(1, 2, from: 77, to: start + 2_000_000))
    )
    #expect(trace.slices.map(\.start) == [10 * week, 1000])
    #expect(trace.slices.map(\.end) == [10 * week + 1_001_000, 10 * week + 2_000_000])
  }

  @Test func `A slice of weeks begins at a whole microsecond that crosses nothing`() {
    var nesting = ChromeEncoder.nesting
    for (start, end) in [(0, 900), (950, 1500), (1600, 1700), (1750, 2500)] as [(Int64, Int64)] {
      #expect(nesting.add(from: start, to: end) == start)
    }
    #expect(nesting.add(from: 951, to: ChromeTime.exact * 2) == 3000)
  }

  @Test func `Numbers may leave gaps`() throws {
    var workspace = Workspace()
    workspace.definitions.add(
      .thread(
        Thread(id: .init(.max), process: .init(1), tid: 999, name: "far", start: .zero)))
    workspace.add(lock: .max - 1, .mutex, name: "away")
    let trace = try ParsedTrace(
      workspace.definitions, wait(.max, .max - 1, from: 1, to: 2))
    #expect(trace.slices.map(\.name) == ["wait away"])
    #expect(trace.slices.map(\.tid) == [999])
  }

  @Test func `A recording full of huge names stays small`() throws {
    var workspace = Workspace()
    let frames = (0..<1000).map { UInt64($0) }
    workspace.definitions.add(.stack(Stack(id: .init(1), process: .init(1), frames: frames)))
    let huge = Symbol(function: String(repeating: "x", count: 1_000_000))
    for address in frames.prefix(3) {
      workspace.definitions.add(
        .symbol(
          process: .init(1), address: address, frames: Array(repeating: huge, count: 1000)))
    }
    var events = wait(1, 1, from: 1, to: 2)
    events[1].stack = .init(1)
    let trace = try ParsedTrace(workspace.definitions, events)
    #expect((trace.slices[0].arguments["stack"] as? [String])?.count == 3 * 16 + 61)
    #expect(trace.bytes.count < 100_000)
  }
}
