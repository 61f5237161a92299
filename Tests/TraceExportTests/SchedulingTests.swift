import Foundation
import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct SchedulingExportTests {
  /// The document of a trace, and the lines of scheduling in it.
  private func export(_ trace: TraceBuilder) throws -> (trace: ParsedTrace, lines: [String]?) {
    try export(trace.definitions, trace.delivered, batch: 1000)
  }

  private func export(
    _ definitions: TraceDefinitions, _ events: [Event], batch: Int
  ) throws -> (trace: ParsedTrace, lines: [String]?) {
    var writer = ChromeTraceWriter(definitions: definitions)
    var bytes = writer.takeOutput()
    let program = events.filter { !$0.kind.isScheduling }
    for part in parts(program, batch) {
      writer.add(part.span)
      bytes += writer.takeOutput()
    }
    writer.finishEvents()
    for part in parts(events, batch) {
      writer.addScheduling(part.span)
      bytes += writer.takeOutput()
    }
    writer.finish()
    bytes += writer.takeOutput()
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    let text = document["systemTraceEvents"] as? String
    let lines = text?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if let lines { #expect(lines.last?.isEmpty == true, "each line ends") }
    return (try ParsedTrace(bytes), lines?.dropLast())
  }

  private func parts(_ events: [Event], _ size: Int) -> [[Event]] {
    stride(from: 0, to: events.count, by: size).map {
      Array(events[$0..<min($0 + size, events.count)])
    }
  }

  @Test func `Switches and wakeups are lines of the kernel's trace text`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let (a, b) = (trace.thread("first"), trace.thread("second"))
    trace.come(a, on: 0, at: 5)
    trace.change(from: a, to: b, .preempted, on: 0, at: 1000)
    trace.leave(b, .blocked, on: 0, at: 2_000_000_001)
    trace.wake(a, by: b, on: 1, at: 2_000_000_002)
    trace.wake(b, on: 3, at: 12_345_678_901)
    trace.leave(a, .uninterruptible, on: 1, at: 12_345_678_902)
    trace.leave(b, .ended, on: 12, at: 12_345_678_903)
    let lines = try export(trace).lines
    #expect(
      lines == [
        "# tracer: nop",
        "idle-0 (0) [0] .... 0.000000005: sched_switch: prev_comm=idle prev_pid=0 "
          + "prev_prio=120 prev_state=R ==> next_comm=first next_pid=101 next_prio=120",
        "first-101 (100) [0] .... 0.000001000: sched_switch: prev_comm=first prev_pid=101 "
          + "prev_prio=120 prev_state=R+ ==> next_comm=second next_pid=102 next_prio=120",
        "second-102 (100) [0] .... 2.000000001: sched_switch: prev_comm=second prev_pid=102 "
          + "prev_prio=120 prev_state=S ==> next_comm=idle next_pid=0 next_prio=120",
        "second-102 (100) [1] .... 2.000000002: sched_waking: comm=first pid=101 prio=120 "
          + "target_cpu=1",
        "idle-0 (0) [3] .... 12.345678901: sched_waking: comm=second pid=102 prio=120 "
          + "target_cpu=3",
        "first-101 (100) [1] .... 12.345678902: sched_switch: prev_comm=first prev_pid=101 "
          + "prev_prio=120 prev_state=D ==> next_comm=idle next_pid=0 next_prio=120",
        "second-102 (100) [12] .... 12.345678903: sched_switch: prev_comm=second prev_pid=102 "
          + "prev_prio=120 prev_state=X ==> next_comm=idle next_pid=0 next_prio=120",
      ])
  }

  @Test func `Scheduling comes behind what the program did, and changes none of it`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    let lock = trace.lock("mu")
    trace.wait(a, lock, from: 100, to: 500, owner: b)
    trace.release(b, lock, from: 50, to: 400)
    let without = try export(trace)
    #expect(without.lines == nil)
    trace.leave(a, .blocked, at: 110)
    trace.wake(a, by: b, at: 410)
    trace.come(a, at: 450)
    let with = try export(trace)
    // That it was on a CPU from its start on is told too.
    #expect(with.lines?.count == 5)
    #expect(with.trace.slices.map(\.name) == without.trace.slices.map(\.name))
    #expect(with.trace.events.count == without.trace.events.count)
    // Written one by one it is the same document.
    let single = try export(trace.definitions, trace.delivered, batch: 1)
    #expect(single.trace.bytes == with.trace.bytes)
  }

  @Test func `Scheduling alone is a document`() throws {
    var trace = TraceBuilder(scheduling: .switches)
    trace.come(trace.thread("a"), at: 1)
    let found = try export(trace)
    #expect(found.trace.slices.isEmpty)
    #expect(found.lines?.count == 2)
  }

  @Test func `Samples are no lines`() throws {
    var trace = TraceBuilder(scheduling: .procfs)
    trace.sample(trace.thread("a"), ran: 1, waited: 2, at: 3)
    #expect(try export(trace).lines == nil)
  }

  @Test(
    arguments: [
      ("a b", "a_b"), ("a\tb\nc", "a_b_c"), ("a=b", "a_b"), ("==>", "__>"), ("a-1", "a_1"),
      ("\"quoted\"", "\"quoted\""), ("back\\slash", "back\\slash"), ("", "thread"),
      ("\u{1}\u{7f}", "\u{1}\u{7f}"), ("Grüße", "Grüße"), ("a\u{2028}b", "a_b"),
    ])
  func `A name of any kind ends no field and no line`(name: String, written: String) throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let thread = trace.thread(name)
    trace.come(thread, at: 1)
    trace.wake(thread, by: thread, at: 2)
    let found = try export(trace)
    #expect(
      found.lines?.dropFirst() == [
        "idle-0 (0) [0] .... 0.000000001: sched_switch: prev_comm=idle prev_pid=0 "
          + "prev_prio=120 prev_state=R ==> next_comm=\(written) next_pid=101 next_prio=120",
        "\(written)-101 (100) [0] .... 0.000000002: sched_waking: comm=\(written) pid=101 "
          + "prio=120 target_cpu=0",
      ])
    // The track bears the name as it is.
    #expect(found.trace.names("thread_name")[101] == (name.isEmpty ? "thread" : name))
  }

  @Test func `Times that go back, or lie before the start, stay in order`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let thread = trace.thread("a")
    var events: [Event] = []
    for time in [-5, 100, 50, 200] as [Int64] {
      events.append(
        Event(kind: .wakeup, thread: thread, time: Timestamp(nanoseconds: time), value: 0))
    }
    let lines = try export(trace.definitions, events, batch: 2).lines
    let times = try #require(lines).dropFirst().map { $0.split(separator: " ")[4] }
    #expect(times == ["0.000000000:", "0.000000100:", "0.000000100:", "0.000000200:"])
  }

  @Test func `Threads beside the program have lines, and the unknown is the idle task`() throws {
    var trace = TraceBuilder(scheduling: .kernel)
    let thread = trace.thread("a")
    let beside = trace.thread("sshd", of: trace.foreignProcess("sshd"), tid: 901)
    trace.change(from: beside, to: thread, .preempted, at: 1)
    trace.change(from: thread, to: ThreadID(rawValue: 77), .blocked, at: 2)
    let lines = try #require(try export(trace).lines)
    #expect(lines[1].hasPrefix("sshd-901 (900) [0]"))
    #expect(lines[2].hasSuffix("next_comm=idle next_pid=0 next_prio=120"))
  }
}
