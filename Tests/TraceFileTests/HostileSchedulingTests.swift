import TestSupport
import TraceFile
import TraceModel
import Testing

@Suite struct HostileSchedulingTests {
  private func readAll(_ bytes: [UInt8]) throws {
    let reader = try TraceFileReader(bytes)
    try reader.verify()
    _ = try delivered(reader)
  }

  /// Two threads, one of which executed a program, on two CPUs.
  private func sample() throws -> (trace: TraceBuilder, chunks: [Chunk]) {
    var trace = TraceBuilder()
    let lock = trace.lock("mu")
    let thread = trace.thread("a", from: 0, to: 200, tid: 101)
    _ = trace.thread("b", from: 200, tid: 101)
    trace.wait(thread, lock, from: 100, to: 150)
    trace.task(1, tid: 101)
    trace.task(2, tid: 102, from: 50, to: 900, parent: 1)
    var cpus = [CPU(0), CPU(1)]
    var chunks: [Chunk] = []
    for step in 0..<12 as Range<Int64> {
      let place = Int(step % 2)
      cpus[place].change(1, 2, .preempted, at: 20 * step)
      cpus[place].wake(1, by: 2, on: 1, at: 20 * step + 5)
      cpus[place].sample(2, ran: step, waited: 20 - step, at: 20 * step + 9)
      if step % 4 >= 2 { chunks.append(cpus[place].seal(lost: 1)) }
    }
    return (trace, chunks)
  }

  @Test(arguments: [true, false])
  func `No flipped bit of a file with scheduling goes unnoticed`(hasIndex: Bool) throws {
    let (trace, chunks) = try sample()
    let good = try trace.file(hasIndex: hasIndex, scheduling: chunks)
    try readAll(good)
    for index in good.indices {
      var bytes = good
      bytes[index] ^= 1 << UInt8(index % 8)
      #expect(throws: TraceFileError.self, "byte \(index)") { try readAll(bytes) }
    }
  }

  @Test func `A file with scheduling that is cut off has its whole chunks`() throws {
    let (trace, chunks) = try sample()
    let good = try trace.file(scheduling: chunks)
    let whole = try TraceFileReader(good)
    for length in 28..<good.count {
      let bytes = Array(good[..<length])
      let reader = try TraceFileReader(bytes)
      let kept = whole.chunks.filter { $0.offset + $0.byteCount <= UInt64(length) }
      #expect(reader.chunks.map(\.header) == kept.map(\.header), "cut at \(length)")
      try readAll(bytes)
    }
  }

  @Test func `Random bytes in place of a CPU's events never trap`() throws {
    var random = SeededGenerator(seed: 8)
    let (trace, chunks) = try sample()
    for round in 0..<2000 {
      var chunk = chunks[round % chunks.count]
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<chunk.payload.count, using: &random)
        chunk.payload[place] = round % 3 == 0 ? 0xff : UInt8.random(in: 0...255, using: &random)
      }
      if round % 5 == 0 { chunk.header.thread = ThreadID(rawValue: round % 2 == 0 ? 0 : .max) }
      if round % 7 == 0 { chunk.header.count = UInt32.random(in: 0...UInt32.max, using: &random) }
      if round % 13 == 0 { chunk.header.first = Timestamp(nanoseconds: .min) }
      if round % 17 == 0 { chunk.header.last = Timestamp(nanoseconds: .max) }
      _ = try? readAll(trace.file(scheduling: [chunk]))
    }
  }

  @Test func `Chunks of threads and of CPUs that call themselves the other do no harm`() throws {
    var (trace, chunks) = try sample()
    for index in chunks.indices { chunks[index].header.rawKind = 2 }
    try readAll(trace.file(scheduling: chunks))
    var builder = EventChunkBuilder(
      process: ProcessID(rawValue: 1), thread: ThreadID(rawValue: 1))
    for kind in Event.Kind.allCases where kind != .waitBegin {
      builder.append(
        Event(
          kind: kind, thread: ThreadID(rawValue: 1), time: Timestamp(nanoseconds: 10),
          duration: 5, lock: LockID(rawValue: 1), owner: ThreadID(rawValue: .max)))
    }
    var chunk = builder.seal(lost: 0)
    chunk.header.rawKind = ChunkKind.scheduling.rawValue
    trace.task(4, tid: 101)
    try readAll(trace.file(scheduling: [chunk]))
  }
}
