import TestSupport
import TraceFile
import TraceModel
import Testing

/// What a program itself does.
let programKinds: [Event.Kind] = [
  .wait, .release, .signal, .value, .enqueue, .dequeue, .slice, .instant, .counter, .taskWait,
  .taskRelease,
]

/// A recording of `threads` threads with `count` events each, with every field in use.
func randomTrace(seed: UInt64, threads: Int, count: Int) -> TraceBuilder {
  var random = SeededGenerator(seed: seed)
  var trace = TraceBuilder()
  let locks = [trace.lock("a"), trace.lock("b", kind: .semaphore), trace.lock("c", kind: .rwlock)]
  let stacks = [StackID.unknown, trace.stack("f", "main"), trace.stack("g")]
  let ids = (0..<threads).map { trace.thread("thread \($0)") }
  for thread in ids {
    var time = Int64.random(in: 0...1000, using: &random)
    for _ in 0..<count {
      let start = time + Int64.random(in: 0...500, using: &random)
      time = start + Int64.random(in: 0...5000, using: &random)
      var event = Event(
        kind: programKinds.randomElement(using: &random) ?? .wait,
        operation: Event.Operation.allCases.randomElement(using: &random) ?? .unknown,
        outcome: Event.Outcome.allCases.randomElement(using: &random) ?? .acquired,
        isDurationKnown: Bool.random(using: &random), thread: thread,
        time: Timestamp(nanoseconds: time))
      if [.wait, .release, .dequeue, .slice, .taskWait, .taskRelease].contains(event.kind) {
        event.duration = event.kind == .wait ? time - start : time / 2
      }
      event.lock = locks.randomElement(using: &random) ?? .unknown
      if event.kind == .wait { event.partner = locks[0] }
      if event.kind == .wait { event.owner = ids.randomElement(using: &random) ?? .unknown }
      event.stack = stacks.randomElement(using: &random) ?? .unknown
      if [.value, .enqueue, .dequeue, .slice, .instant, .counter, .taskWait, .taskRelease]
        .contains(event.kind)
      {
        event.value = Int64.random(in: -3...Int64.max, using: &random)
      }
      trace.add(event)
    }
  }
  return trace
}

/// All events of a recording in the order in which the reader delivers them.
func delivered(_ reader: TraceFileReader<[UInt8]>) throws -> [Event] {
  var events: [Event] = []
  try reader.forEachEvent(of: ThreadsByTask(try reader.definitions())) { batch in
    for index in batch.indices { events.append(batch[index]) }
  }
  return events
}

@Suite struct RoundTripTests {
  @Test(arguments: [1, 7, 1000, Int.max])
  func `Events come back as they were, in the order of time`(eventsPerChunk: Int) throws {
    let trace = randomTrace(seed: 1, threads: 5, count: 3000)
    let reader = try TraceFileReader(trace.file(eventsPerChunk: eventsPerChunk))
    #expect(reader.hasIndex)
    #expect(reader.eventCount == 15_000)
    let events = try delivered(reader)
    let times = events.map(\.time.nanoseconds)
    #expect(times == times.sorted())
    // Of the same moment in different threads either may come first.
    func key(_ event: Event) -> [Int64] {
      [
        event.time.nanoseconds, Int64(event.thread.rawValue), Int64(event.kind.rawValue),
        event.duration, Int64(event.lock.rawValue), event.value,
      ]
    }
    func sorted(_ events: [Event]) -> [Event] {
      events.sorted { key($0).lexicographicallyPrecedes(key($1)) }
    }
    #expect(sorted(events) == sorted(trace.delivered))
    try reader.verify()
  }

  @Test func `A wait is announced when it begins, among the events of that time`() throws {
    var trace = TraceBuilder()
    let (first, second) = (trace.thread("first"), trace.thread("second"))
    let lock = trace.lock("mu")
    trace.wait(first, lock, from: 100, to: 900, owner: second)
    trace.release(second, lock, from: 50, to: 890)
    trace.wait(second, lock, from: 895, to: 950)
    let events = try delivered(TraceFileReader(trace.file()))
    #expect(events.map(\.kind) == [.waitBegin, .release, .waitBegin, .wait, .wait])
    #expect(events.map(\.time.nanoseconds) == [100, 890, 895, 900, 950])
    #expect(events[0].owner == second && events[0].duration == 0)
    #expect(events[3].duration == 800)
  }

  @Test func `Definitions of every kind come back as they were`() throws {
    let process = ProcessID(rawValue: 3)
    let definitions: [Definition] = [
      .recording(
        Recording(
          program: ["a", "", "ü"], startTime: .min, cpus: 64, scheduling: .kernel, host: "host",
          recorder: "ctrace", duration: .max, termination: .signalled(9), unrecordedThreads: .max,
          notes: ["one", "two"])),
      .process(
        Process(
          id: process, pid: -1, parentPID: .max, name: "n", arguments: ["x"],
          start: Timestamp(nanoseconds: -5), end: nil, runtime: .absent)),
      .thread(
        Thread(
          id: ThreadID(rawValue: .max), process: process, tid: 9, name: "t", start: .zero,
          end: Timestamp(nanoseconds: 1), cpuTime: 7, runnableTime: 8, isDaemon: true)),
      .lock(
        Lock(
          id: LockID(rawValue: 4), process: process, kind: .barrier, address: .max, generation: 5,
          site: StackID(rawValue: 6), isInitialised: true, thread: ThreadID(rawValue: 2),
          name: "an ü", capacity: .max)),
      .stack(Stack(id: StackID(rawValue: 6), process: process, frames: [.max, 0, 1 << 63])),
      .module(
        Module(
          process: process, bias: .max, start: 1, end: 2, path: "/x", buildID: [1, 2, 3],
          loaded: Timestamp(nanoseconds: 8))),
      .symbol(
        process: process, address: 77,
        frames: [Symbol(function: "f", file: "f.c", line: 3, module: "m", offset: 4), Symbol()]),
      .use(
        LockUse(
          thread: ThreadID(rawValue: 1), lock: LockID(rawValue: 4), acquisitions: .max,
          releases: 1, shortWaits: 2, shortWaitTime: 3, lostWaits: 4, lostWaitTime: 5,
          longestUnrecordedWait: 6, sampledHolds: 7, sampledHoldTime: 8)),
      .nesting(
        Nesting(
          thread: ThreadID(rawValue: 1),
          held: [
            .init(lock: LockID(rawValue: 4)), .init(lock: LockID(rawValue: .max), isShared: true),
          ],
          wanted: LockID(rawValue: 5), isShared: true, time: Timestamp(nanoseconds: -9),
          stack: StackID(rawValue: 6))),
      .nesting(Nesting(thread: ThreadID(rawValue: 2), held: [], time: .zero)),
    ]
    var builder = DefinitionChunkBuilder()
    for definition in definitions { builder.append(definition) }
    var writer = try TraceFileWriter()
    var bytes = writer.header()
    for chunk in builder.seal() { bytes += try writer.encode(chunk) }
    bytes += writer.finish()
    let read = try TraceFileReader(bytes).definitions()
    #expect(read == TraceDefinitions(definitions))
  }

  @Test func `Whether a thread is a daemon is said by a byte, which early files do not have`()
    throws
  {
    var builder = DefinitionChunkBuilder()
    builder.append(
      .thread(
        Thread(
          id: ThreadID(rawValue: 1), process: .unknown, tid: 9, name: "t", start: .zero,
          isDaemon: true)))
    var chunk = builder.seal()[0]
    func thread() throws -> Thread? {
      var writer = try TraceFileWriter()
      let bytes = try writer.header() + writer.encode(chunk) + writer.finish()
      return try TraceFileReader(bytes).definitions().threads[ThreadID(rawValue: 1)]
    }
    #expect(try thread()?.isDaemon == true)
    // The last byte of the record, whose length is in its second byte.
    #expect(chunk.payload.removeLast() == 1)
    chunk.payload[1] -= 1
    chunk.header.payloadSize -= 1
    #expect(try thread()?.isDaemon == false && thread()?.name == "t")
  }

  @Test func `Definitions beyond what a chunk may hold go on in the next`() throws {
    var trace = TraceBuilder()
    for _ in 0..<100_000 { _ = trace.lock(String(repeating: "long name ", count: 4)) }
    let reader = try TraceFileReader(trace.file())
    #expect(reader.chunks.count > 3)
    #expect(try reader.definitions().locks.count == 100_000)
  }

  @Test(arguments: [1, 26])
  func `Times are kept in the units of any clock, on its steps or not`(step: Int64) throws {
    // 2.6 units in a nanosecond.
    let scale = ClockScale(multiplier: (1 << 32) * 10 / 26, step: step)
    func nanoseconds(_ units: Int64) -> Int64 {
      let product = units.magnitude.multipliedFullWidth(by: scale.multiplier)
      return Int64(product.high << 32 | product.low >> 32) * units.signum()
    }
    var random = SeededGenerator(seed: 7)
    let thread = ThreadID(rawValue: 1)
    var builder = EventChunkBuilder(process: ProcessID(rawValue: 1), thread: thread, scale: scale)
    var expected: [Event] = []
    var time: Int64 = -5 * step
    for turn in 0..<3000 {
      let start = time + step * Int64.random(in: 0...900, using: &random)
      time = start + step * Int64.random(in: 1...400, using: &random)
      // Now and then a clock is read in between two of its steps.
      if turn % 50 == 0 { time += 1 }
      var event = Event(
        kind: turn % 2 == 0 ? .wait : .release, operation: .lock, thread: thread, time: .zero,
        lock: LockID(rawValue: UInt32.random(in: 1...600, using: &random)))
      let from = event.kind == .wait ? start : start - Int64.random(in: 0...90, using: &random)
      builder.append(event, from: from, to: time)
      event.time = Timestamp(nanoseconds: nanoseconds(time))
      event.duration = nanoseconds(time) - nanoseconds(from)
      expected.append(event)
    }
    var writer = try TraceFileWriter()
    var bytes = writer.header()
    bytes += try writer.encode(builder.seal(lost: 0))
    bytes += writer.finish()
    let events = try delivered(TraceFileReader(bytes))
    #expect(events.filter { $0.kind != .waitBegin } == expected)
  }

  @Test func `An event takes up little in the file`() throws {
    // Two threads that fight for a lock: what a recording consists of when there are many events.
    var random = SeededGenerator(seed: 5)
    var trace = TraceBuilder()
    let threads = [trace.thread("a"), trace.thread("b")]
    let lock = trace.lock("mu")
    let stacks = [trace.stack("f"), trace.stack("g")]
    var time: Int64 = 0
    for turn in 0..<20_000 {
      let thread = threads[turn % 2]
      let wait = Int64.random(in: 1000...4000, using: &random)
      let hold = Int64.random(in: 500...1500, using: &random)
      time += wait
      trace.wait(
        thread, lock, from: time - wait, to: time, owner: threads[1 - turn % 2], stack: stacks[0])
      time += hold
      trace.release(thread, lock, from: time - hold + 25, to: time, stack: stacks[1])
    }
    let perEvent = Double(try trace.file().count) / Double(trace.events.count)
    #expect(perEvent < 2.3, "\(perEvent) bytes an event")
  }
}
