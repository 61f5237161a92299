import TestSupport
import TraceFile
import TraceModel
import Testing

@Suite struct HostileFileTests {
  /// Reads everything there is to read. Any error is fine, as long as it is one.
  private func readAll(_ bytes: [UInt8]) throws -> Int {
    let reader = try TraceFileReader(bytes)
    _ = try reader.definitions()
    try reader.verify()
    return try delivered(reader).count
  }

  @Test(arguments: [true, false])
  func `No flipped bit goes unnoticed, and none traps`(hasIndex: Bool) throws {
    let good = try randomTrace(seed: 2, threads: 2, count: 40).file(
      eventsPerChunk: 30, hasIndex: hasIndex)
    _ = try readAll(good)
    for index in good.indices {
      var bytes = good
      bytes[index] ^= 1 << UInt8(index % 8)
      let result = Result { try readAll(bytes) }
      #expect(throws: TraceFileError.self, "byte \(index) of \(good.count)") { try result.get() }
    }
  }

  @Test func `A file cut off anywhere has its whole chunks, or says why not`() throws {
    let trace = randomTrace(seed: 3, threads: 2, count: 40)
    let good = try trace.file(eventsPerChunk: 10)
    let whole = try TraceFileReader(good)
    for length in 0..<good.count {
      let bytes = Array(good[..<length])
      do {
        let reader = try TraceFileReader(bytes)
        #expect(!reader.hasIndex)
        let chunks = whole.chunks.filter { $0.offset + $0.byteCount <= UInt64(length) }
        #expect(reader.chunks.map(\.header) == chunks.map(\.header), "cut at \(length)")
        _ = try readAll(bytes)
      } catch let error as TraceFileError {
        // Only before the header is whole there is nothing to be had.
        #expect(length < 28, "cut at \(length): \(error)")
      }
    }
  }

  @Test func `Files of other kinds are told from damaged ones`() throws {
    func error(_ bytes: [UInt8]) -> TraceFileError? {
      do {
        _ = try TraceFileReader(bytes)
        return nil
      } catch { return error }
    }
    #expect(error([]) == .empty)
    #expect(error(Array("#!/bin/sh\nexit 0\n".utf8)) == .foreign)
    #expect(error(Array(repeating: 0, count: 1000)) == .foreign)
    let good = try randomTrace(seed: 4, threads: 1, count: 1).file()
    #expect(error(Array(good[..<10])) == .truncated(at: 10))
    // A skippable frame of somebody else.
    var other = good
    other[9] = 0x20
    #expect(error(other) == .foreign)
  }

  @Test func `Random bytes in place of any chunk's content never trap`() throws {
    var random = SeededGenerator(seed: 6)
    let process = ProcessID(rawValue: 1)
    for round in 0..<3000 {
      var builder = EventChunkBuilder(process: process, thread: ThreadID(rawValue: 1))
      for step in 0..<Int.random(in: 1...5, using: &random) {
        builder.append(
          Event(
            kind: .wait, thread: ThreadID(rawValue: 1),
            time: Timestamp(nanoseconds: Int64(step) * 100), duration: 50,
            lock: LockID(rawValue: 3), stack: StackID(rawValue: 9)))
      }
      var chunk = builder.seal(lost: 0)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<chunk.payload.count, using: &random)
        chunk.payload[place] = round % 3 == 0 ? 0xff : UInt8.random(in: 0...255, using: &random)
      }
      if round % 5 == 0 { chunk.payload.removeLast() }
      chunk.header.payloadSize = UInt32(chunk.payload.count)
      if round % 7 == 0 { chunk.header.count = UInt32.random(in: 0...UInt32.max, using: &random) }
      if round % 11 == 0 { chunk.header.rawKind = 1 }
      if round % 13 == 0 { chunk.header.first = Timestamp(nanoseconds: .min) }
      if round % 17 == 0 { chunk.header.last = Timestamp(nanoseconds: .max) }
      var writer = try TraceFileWriter()
      var bytes = writer.header()
      bytes += try writer.encode(chunk)
      bytes += writer.finish()
      _ = try? readAll(bytes)
    }
  }

  @Test func `A small file can't claim a large content`() throws {
    var builder = DefinitionChunkBuilder()
    builder.append(.recording(Recording(program: ["x"])))
    var chunk = builder.seal()[0]
    chunk.header.payloadSize = .max
    var writer = try TraceFileWriter()
    let bytes = try writer.header() + writer.encode(chunk)
    #expect(throws: TraceFileError.self) { try TraceFileReader(bytes) }
  }

  @Test func `Chunks and definitions of later versions are stepped over`() throws {
    var trace = TraceBuilder()
    _ = trace.lock("mu")
    var writer = try TraceFileWriter()
    var bytes = writer.header()
    var builder = DefinitionChunkBuilder()
    for definition in trace.list { builder.append(definition) }
    var chunk = builder.seal()[0]
    // A record of kind 200 with three bytes.
    chunk.payload += [200, 3, 1, 2, 3]
    chunk.header.payloadSize += 5
    bytes += try writer.encode(chunk)
    chunk.header.rawKind = 99
    chunk.payload = Array(repeating: 0xff, count: 100)
    chunk.header.payloadSize = 100
    bytes += try writer.encode(chunk)
    bytes += writer.finish()
    let reader = try TraceFileReader(bytes)
    #expect(try reader.definitions().locks.count == 1)
    try reader.verify()
  }
}
