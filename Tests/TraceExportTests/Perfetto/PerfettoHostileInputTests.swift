import TestSupport
import Testing
import TraceModel

@testable import TraceExport

@Suite struct PerfettoHostileInputTests {
  @Test(arguments: HostileRecording.chosen)
  func `What no program does becomes a trace that nests`(recording: HostileRecording) throws {
    try check(recording)
  }

  /// In the reader's order, and in none at all.
  @Test(arguments: 0..<12 as Range<UInt64>, [true, false])
  func `Anything becomes a trace that nests`(seed: UInt64, isInOrder: Bool) throws {
    try check(.random(seed, isInOrder: isInOrder))
  }

  private func check(_ recording: HostileRecording) throws {
    let trace = try PerfettoTrace(
      recording.definitions, recording.events, scheduling: recording.scheduling,
      cut: recording.cut)
    #expect(trace.errors == [])
    #expect(trace.arrows.allSatisfy { !$0.contains("sources") })
    #expect(trace.slices.allSatisfy { $0.start >= 0 && $0.duration >= 0 })
    #expect(trace.counters.allSatisfy { $0.time >= 0 })
    #expect(trace.samples.allSatisfy { $0.time >= 0 })
    #expect(trace.kernel.allSatisfy { $0.cpu < 4096 && $0.time < 1 << 63 })
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
