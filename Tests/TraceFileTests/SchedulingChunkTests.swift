import TestSupport
import TraceFile
import TraceModel
import Testing

/// What a CPU did, by hand.
struct CPU {
  var builder: SchedulingChunkBuilder

  init(_ number: Int) { builder = SchedulingChunkBuilder(cpu: number) }

  mutating func change(
    _ task: UInt32, _ next: UInt32, _ reason: Event.Operation = .unknown, at time: Int64
  ) {
    builder.appendSwitch(
      from: KernelTaskID(rawValue: task), to: KernelTaskID(rawValue: next), reason: reason,
      at: Timestamp(nanoseconds: time))
  }

  mutating func wake(
    _ task: UInt32, by waker: UInt32, _ operation: Event.Operation = .unknown, on target: Int,
    at time: Int64
  ) {
    builder.appendWakeup(
      of: KernelTaskID(rawValue: task), by: KernelTaskID(rawValue: waker), operation: operation,
      on: target, at: Timestamp(nanoseconds: time))
  }

  mutating func sample(_ task: UInt32, ran: Int64, waited: Int64, at time: Int64) {
    builder.appendSample(
      of: KernelTaskID(rawValue: task), ran: ran, waited: waited,
      at: Timestamp(nanoseconds: time))
  }

  mutating func seal(lost: UInt64 = 0) -> Chunk { builder.seal(lost: lost) }
}

extension TraceBuilder {
  /// A task of the kernel's.
  mutating func task(
    _ number: UInt32, tid: Int32, from start: Int64 = 0, to end: Int64? = nil, parent: UInt32 = 0
  ) {
    define(
      .task(
        KernelTask(
          id: KernelTaskID(rawValue: number), tid: tid, start: Timestamp(nanoseconds: start),
          end: end.map { Timestamp(nanoseconds: $0) }, parent: KernelTaskID(rawValue: parent))))
  }
}

@Suite struct SchedulingChunkTests {
  /// A trace of two threads that are the tasks 1 and 2.
  private func pair() -> (trace: TraceBuilder, a: ThreadID, b: ThreadID) {
    var trace = TraceBuilder()
    let (a, b) = (trace.thread("a"), trace.thread("b"))
    trace.task(1, tid: 101)
    trace.task(2, tid: 102)
    return (trace, a, b)
  }

  /// Whether a file of the trace and the chunks gives the events of another trace, to which they are
  /// added by hand.
  private func expect(
    _ trace: TraceBuilder, _ chunks: [Chunk], gives expected: TraceBuilder,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let reader = try TraceFileReader(trace.file(scheduling: chunks))
    try reader.verify()
    let events = try delivered(reader)
    #expect(events == expected.delivered, sourceLocation: sourceLocation)
  }

  @Test func `Switches come back with the task that came before`() throws {
    let (trace, a, b) = pair()
    var cpu = CPU(3)
    cpu.change(0, 1, at: 100)
    cpu.change(1, 2, .preempted, at: 200)
    cpu.change(2, 0, .blocked, at: 300)
    cpu.change(0, 1, at: 400)
    cpu.change(1, 0, .ended, at: 500)
    var expected = trace
    expected.change(from: .unknown, to: a, .unknown, on: 3, at: 100)
    expected.change(from: a, to: b, .preempted, on: 3, at: 200)
    expected.change(from: b, to: .unknown, .blocked, on: 3, at: 300)
    expected.change(from: .unknown, to: a, .unknown, on: 3, at: 400)
    expected.change(from: a, to: .unknown, .ended, on: 3, at: 500)
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `A task that leaves without having come is told by itself`() throws {
    let (trace, a, b) = pair()
    var cpu = CPU(0)
    cpu.change(1, 2, .uninterruptible, at: 100)
    // The record that the first came back is lost.
    cpu.change(1, 2, .preempted, at: 200)
    cpu.change(2, 1, .blocked, at: 300)
    // Nobody had it, though the last to come was the first.
    cpu.change(0, 2, at: 400)
    var expected = trace
    expected.change(from: a, to: b, .uninterruptible, at: 100)
    expected.change(from: a, to: b, .preempted, at: 200)
    expected.change(from: b, to: a, .blocked, at: 300)
    expected.change(from: .unknown, to: b, .unknown, at: 400)
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `Wakeups come back with who woke, and on which CPU`() throws {
    let (trace, a, b) = pair()
    var cpu = CPU(1)
    cpu.wake(1, by: 0, .interrupt, on: 1, at: 50)
    cpu.change(0, 1, at: 100)
    cpu.wake(2, by: 1, on: 0, at: 110)
    cpu.wake(2, by: 0, .interrupt, on: 7, at: 120)
    cpu.wake(1, by: 2, on: 1, at: 130)
    // No wakeup changes who has the CPU.
    cpu.change(1, 0, .blocked, at: 200)
    var expected = trace
    expected.wake(a, on: 1, at: 50)
    expected.change(from: .unknown, to: a, .unknown, on: 1, at: 100)
    expected.wake(b, by: a, on: 0, at: 110)
    expected.wake(b, on: 7, at: 120)
    expected.wake(a, by: b, on: 1, at: 130)
    expected.change(from: a, to: .unknown, .blocked, on: 1, at: 200)
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `Samples come back with both times`() throws {
    let (trace, a, b) = pair()
    var cpu = CPU(0)
    cpu.sample(1, ran: 70, waited: 20, at: 100)
    cpu.sample(2, ran: 0, waited: 100, at: 100)
    cpu.sample(1, ran: 300, waited: 0, at: 500)
    var expected = trace
    expected.sample(a, ran: 70, waited: 20, at: 100)
    expected.sample(b, ran: 0, waited: 100, at: 100)
    expected.sample(a, ran: 300, waited: 0, at: 500)
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `CPUs and threads are merged by time`() throws {
    var (trace, a, b) = pair()
    let lock = trace.lock("mu")
    trace.wait(a, lock, from: 150, to: 420, owner: b)
    trace.release(b, lock, from: 90, to: 350)
    var expected = trace
    var cpus = [CPU(0), CPU(1)]
    cpus[0].change(0, 1, at: 100)
    cpus[1].change(0, 2, at: 130)
    cpus[0].change(1, 0, .blocked, at: 160)
    cpus[1].wake(1, by: 2, on: 0, at: 360)
    cpus[0].change(0, 1, at: 400)
    cpus[1].change(2, 0, .ended, at: 430)
    expected.come(a, on: 0, at: 100)
    expected.come(b, on: 1, at: 130)
    expected.leave(a, .blocked, on: 0, at: 160)
    expected.wake(a, by: b, on: 0, at: 360)
    expected.come(a, on: 0, at: 400)
    expected.leave(b, .ended, on: 1, at: 430)
    try expect(trace, cpus.indices.map { cpus[$0].seal() }, gives: expected)
    #expect(
      expected.delivered.map(\.time.nanoseconds) == [
        100, 130, 150, 160, 350, 360, 400, 420, 430,
      ])
  }

  @Test func `Each chunk is whole by itself`() throws {
    let (trace, a, b) = pair()
    var cpu = CPU(0)
    cpu.change(0, 1, at: 100)
    let first = cpu.seal()
    cpu.change(1, 2, .blocked, at: 200)
    cpu.wake(1, by: 2, on: 0, at: 250)
    let second = cpu.seal()
    var expected = trace
    expected.change(from: a, to: b, .blocked, at: 200)
    expected.wake(a, by: b, at: 250)
    try expect(trace, [second], gives: expected)
    expected.come(a, at: 100)
    try expect(trace, [first, second], gives: expected)
  }

  @Test func `A chunk says of which CPU, from when to when, and how much was lost`() {
    var cpu = CPU(5)
    cpu.change(0, 1, at: 100)
    cpu.change(1, 0, .blocked, at: 300)
    #expect(cpu.builder.count == 2 && !cpu.builder.isFull)
    let header = cpu.seal(lost: 9).header
    #expect(header.kind == .scheduling)
    #expect(header.process == .unknown && header.thread.rawValue == 6)
    #expect(header.first.nanoseconds == 100 && header.last.nanoseconds == 300)
    #expect(header.count == 2 && header.lost == 9)
    #expect(cpu.builder.count == 0)
  }

  @Test func `A chunk without its events still says what is lost`() throws {
    let (trace, _, _) = pair()
    var cpu = CPU(0)
    cpu.change(0, 1, at: 100)
    cpu.change(1, 0, .blocked, at: 300)
    let bare = cpu.seal(lost: 9).withoutEvents()
    #expect(bare.header.kind == .scheduling && bare.header.thread.rawValue == 1)
    #expect(bare.header.count == 0 && bare.header.lost == 11)
    try expect(trace, [bare], gives: trace)
  }

  @Test func `A task that executes a program is the thread of the image of that moment`() throws {
    var trace = TraceBuilder()
    let before = trace.thread("sh", from: 0, to: 500, tid: 101)
    let after = trace.thread("prog", from: 500, tid: 101)
    trace.task(1, tid: 101)
    var cpu = CPU(0)
    cpu.change(0, 1, at: 100)
    cpu.wake(1, by: 0, .interrupt, on: 0, at: 499)
    // On the CPU while it becomes the other.
    cpu.wake(1, by: 1, on: 0, at: 500)
    cpu.change(1, 0, .blocked, at: 700)
    var expected = trace
    expected.come(before, at: 100)
    expected.wake(before, at: 499)
    expected.wake(after, by: after, at: 500)
    expected.leave(after, .blocked, at: 700)
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `Two tasks that had one number are two threads`() throws {
    var trace = TraceBuilder()
    let first = trace.thread("first", from: 10, to: 300, tid: 101)
    let second = trace.thread("second", from: 410, tid: 101)
    trace.task(1, tid: 101, from: 5, to: 305)
    trace.task(2, tid: 101, from: 400)
    var cpu = CPU(0)
    cpu.change(0, 1, at: 6)
    cpu.change(1, 0, .ended, at: 305)
    cpu.wake(2, by: 0, .interrupt, on: 0, at: 401)
    cpu.change(0, 2, at: 405)
    var expected = trace
    expected.come(first, at: 6)
    expected.leave(first, .ended, at: 305)
    expected.wake(second, at: 401)
    expected.come(second, at: 405)
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `A task that is no thread, and one that is not defined, are unknown`() throws {
    var (trace, a, _) = pair()
    trace.task(3, tid: 999)
    var cpu = CPU(0)
    cpu.change(3, 1, .blocked, at: 100)
    cpu.wake(1, by: 3, on: 0, at: 110)
    cpu.change(1, 77, .preempted, at: 200)
    cpu.wake(.max, by: .max - 1, on: 0, at: 300)
    func isWoken(_ thread: ThreadID, at time: Int64) -> Event {
      Event(kind: .wakeup, thread: thread, time: Timestamp(nanoseconds: time))
    }
    var expected = trace
    expected.change(from: .unknown, to: a, .blocked, at: 100)
    expected.add(isWoken(a, at: 110))
    expected.leave(a, .preempted, at: 200)
    expected.add(isWoken(.unknown, at: 300))
    try expect(trace, [cpu.seal()], gives: expected)
  }

  @Test func `What a reader does not ask for is left out`() throws {
    var (trace, a, b) = pair()
    trace.wait(a, trace.lock("mu"), from: 150, to: 420, owner: b)
    var cpu = CPU(0)
    cpu.change(0, 1, at: 100)
    let reader = try TraceFileReader(trace.file(scheduling: [cpu.seal()]))
    func kinds(_ wanted: Set<ChunkKind>) throws -> [Event.Kind] {
      var kinds: [Event.Kind] = []
      try reader.forEachEvent(of: ThreadsByTask(try reader.definitions()), kinds: wanted) {
        for index in $0.indices { kinds.append($0[index].kind) }
      }
      return kinds
    }
    #expect(try kinds([.events]) == [.waitBegin, .wait])
    #expect(try kinds([.scheduling]) == [.switch])
    #expect(try kinds([.events, .scheduling]) == [.switch, .waitBegin, .wait])
  }

  @Test func `Definitions of tasks come back as they were`() throws {
    let tasks: [Definition] = [
      .task(KernelTask(id: KernelTaskID(rawValue: 1), tid: 5, start: .zero)),
      .task(
        KernelTask(
          id: KernelTaskID(rawValue: .max), tid: .max, start: Timestamp(nanoseconds: .min),
          end: Timestamp(nanoseconds: .max), parent: KernelTaskID(rawValue: .max))),
      // The end of one that was there already.
      .task(
        KernelTask(
          id: KernelTaskID(rawValue: 1), tid: 5, start: .zero, end: Timestamp(nanoseconds: 7))),
    ]
    var trace = TraceBuilder()
    for task in tasks { trace.define(task) }
    let read = try TraceFileReader(trace.file()).definitions()
    #expect(read == trace.definitions)
    #expect(read.tasks[KernelTaskID(rawValue: 1)]?.end == Timestamp(nanoseconds: 7))
  }
}
