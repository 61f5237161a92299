import Foundation
import Testing
import TraceExport
import TraceModel

@Suite struct CPUTrackTests {
  /// Threads 1 and 2 are the program's, with the kernel's numbers 101 and 102; the latter ends at 60.
  /// Threads 3 and 4, numbers 203 and 204, are others'.
  private var definitions: TraceDefinitions {
    var definitions = TraceDefinitions()
    for (process, runtime) in [(1, TraceModel.Process.Runtime.loaded), (2, .foreign)] {
      definitions.add(
        .process(
          TraceModel.Process(
            id: .init(rawValue: UInt32(process)), pid: Int32(100 * process + 1), name: "prog",
            start: .zero, runtime: runtime)))
    }
    for (id, process, tid, end) in [(1, 1, 101, nil), (2, 1, 102, 60), (3, 2, 203, nil)]
      + [(4, 2, 204, nil)] as [(UInt32, UInt32, Int32, Int64?)]
    {
      definitions.add(
        .thread(
          Thread(
            id: .init(id), process: .init(process), tid: tid, name: "t\(id)", start: .zero,
            end: end.map { Timestamp(nanoseconds: $0) })))
    }
    return definitions
  }

  private func change(
    _ thread: UInt32, _ reason: Event.Operation, to next: UInt32, at time: Int64, cpu: Int64 = 0
  ) -> Event {
    Event(
      kind: .switch, operation: reason, thread: .init(thread), time: .init(time),
      owner: .init(next), value: cpu)
  }

  /// Switches as `CPU TIME: LEAVING STATE COMING`.
  private func lines(_ events: [Event]) throws -> [String] {
    var writer = ChromeTraceWriter(definitions: definitions)
    writer.finishEvents()
    writer.addScheduling(events.span)
    writer.finish()
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(writer.takeOutput())) as? [String: Any])
    let text = try #require(document["systemTraceEvents"] as? String)
    return text.split(separator: "\n").compactMap { line in
      let pattern =
        /\[(\d)\] .* 0\.0*(\d+): sched_switch: .*prev_pid=(\d+) .*prev_state=(\S+) .*next_pid=(\d+)/
      return line.firstMatch(of: pattern).map { "\($0.1) \($0.2): \($0.3) \($0.4) \($0.5)" }
    }
  }

  @Test func `A thread of another program is drawn between its coming and its leaving`() throws {
    let lines = try lines([
      change(1, .preempted, to: 3, at: 10), change(3, .blocked, to: 1, at: 20),
      change(1, .blocked, to: 0, at: 30),
    ])
    #expect(
      lines == ["0 0: 0 R 101", "0 10: 101 R+ 203", "0 20: 203 S 101", "0 30: 101 S 0"])
  }

  @Test func `What other programs did among themselves is idle`() throws {
    let lines = try lines([
      change(1, .preempted, to: 3, at: 10), change(4, .blocked, to: 1, at: 20),
      change(1, .blocked, to: 4, at: 30),
    ])
    #expect(
      lines == ["0 0: 0 R 101", "0 10: 101 R+ 0", "0 20: 0 R 101", "0 30: 101 S 0"])
  }

  @Test func `A thread whose last switch is not told leaves when it ends`() throws {
    let lines = try lines([
      change(0, .unknown, to: 2, at: 10), change(0, .unknown, to: 2, at: 20, cpu: 1),
      change(0, .unknown, to: 1, at: 80),
    ])
    #expect(
      lines.sorted() == [
        "0 10: 0 R 102", "0 60: 102 X 0", "0 80: 0 R 101", "1 20: 0 R 102", "1 60: 102 X 0",
      ])
  }

  @Test func `A thread of the program that leaves has come`() throws {
    let lines = try lines([
      change(0, .unknown, to: 1, at: 10), change(0, .unknown, to: 2, at: 11, cpu: 1),
      change(2, .blocked, to: 0, at: 20),
    ])
    #expect(
      lines == [
        "0 10: 0 R 101", "1 11: 0 R 102", "0 20: 101 S 102", "0 20: 102 S 0", "1 60: 102 X 0",
      ])
  }

  @Test func `A thread whose first word is that it leaves has been there since it began`() throws {
    let lines = try lines([
      change(0, .unknown, to: 1, at: 10), change(2, .blocked, to: 0, at: 20),
    ])
    // But not before another came.
    #expect(lines == ["0 10: 0 R 101", "0 10: 101 S 102", "0 20: 102 S 0"])
  }

  @Test func `A thread that wakes another is on a CPU, told or not`() throws {
    let wakeup = Event(
      kind: .wakeup, thread: .init(2), time: .init(15), owner: .init(1), value: 0)
    let lines = try lines([
      change(0, .unknown, to: 1, at: 5), change(1, .preempted, to: 4, at: 10), wakeup,
      change(1, .preempted, to: 2, at: 20), change(2, .ended, to: 0, at: 30),
    ])
    #expect(
      lines == [
        "0 5: 0 R 101", "0 10: 101 R+ 0", "0 15: 0 R 101", "0 20: 101 R+ 102", "0 30: 102 X 0",
      ])
    let late = try self.lines([
      change(0, .unknown, to: 1, at: 5), change(1, .preempted, to: 4, at: 10), wakeup,
      change(0, .unknown, to: 1, at: 20), change(1, .blocked, to: 0, at: 20),
    ])
    #expect(late == ["0 5: 0 R 101", "0 10: 101 R+ 0", "0 15: 0 R 101", "0 20: 101 S 0"])
  }
}
