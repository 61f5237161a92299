import CTraceABI
import LinuxSystem
import TraceFile
import TraceModel
import Testing

@testable import TraceRecorder

/// What a target may write, by accident or because it means to.
@Suite struct HostileRecordTests {
  private let clock = CounterClock(calibration: .init(), choice: .monotonic)

  /// A slot in memory of its own, a stream of it, and what came of it.
  private func read(
    _ body: (Slot, ThreadStream, ThreadStream.Context, inout Catalog) -> Void
  ) -> (stream: ThreadStream, catalog: Catalog) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: CTRACE_SLOT_SIZE, alignment: 4096)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: CTRACE_SLOT_SIZE)
    let slot = Slot(base: memory)
    let process = ProcessState(
      process: Process(id: ProcessID(rawValue: 1), pid: 1 << 30, start: .zero), serial: 1)
    let stream = ThreadStream(
      slotIndex: 0, slot: slot, process: process,
      thread: Thread(id: ThreadID(rawValue: 1), process: process.process.id, tid: 1, start: .zero),
      clock: clock)
    var catalog = Catalog()
    body(slot, stream, ThreadStream.Context(clock), &catalog)
    return (stream, catalog)
  }

  /// Reads one record of so many words, all of whose fields are this.
  private func read(kind: UInt8, words: Int, fields: UInt64) -> ThreadStream {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Arena.ringSize, alignment: 16)
    defer { buffer.deallocate() }
    return read { slot, stream, context, catalog in
      for word in 1..<words {
        slot.base.storeBytes(of: fields, toByteOffset: CTRACE_SLOT_RING + word * 8, as: UInt64.self)
      }
      slot.base.storeBytes(
        of: UInt64(words) << 16 | UInt64(kind) | fields & ~0xffff_00ff,
        toByteOffset: CTRACE_SLOT_RING, as: UInt64.self)
      // Exactly as long as what was written, so that nothing lies behind it.
      let exact = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(words * 8)])
      stream.read(
        slot, upTo: UInt64(words * 8), buffer: exact, context: context, catalog: &catalog)
    }.stream
  }

  @Test(arguments: 1...30 as ClosedRange<UInt8>)
  func `A record of any kind and length is read, or is damage`(kind: UInt8) {
    for fields in [0, UInt64.max, 1 << 63] {
      for words in 1...20 {
        let stream = read(kind: kind, words: words, fields: fields)
        // Not even a head fits into one word.
        #expect(words > 1 || stream.damagedBytes > 0)
      }
    }
  }

  /// The words of the shortest record of each kind that has more than a head.
  @Test(arguments: [
    (CTRACE_RECORD_WAIT, 6), (CTRACE_RECORD_NAME, 5), (CTRACE_RECORD_PLACE, 6),
    (CTRACE_RECORD_STEP, 5), (CTRACE_RECORD_TASK_WAIT, 5), (CTRACE_RECORD_TASK_RELEASE, 5),
    (CTRACE_RECORD_THREAD_NAME, 5),
  ])
  func `A record that is shorter than its kind is damage`(
    kind: ctrace_record_kind, words: Int
  ) {
    let kind = UInt8(kind.rawValue)
    #expect(read(kind: kind, words: words - 1, fields: 0).damagedBytes > 0)
    #expect(read(kind: kind, words: words, fields: 0).damagedBytes == 0)
  }

  @Test func `What began before the earliest of all times has begun then`() {
    let found = read { slot, stream, context, catalog in
      var release = ctrace_record_release()
      release.head.kind = UInt8(CTRACE_RECORD_RELEASE.rawValue)
      release.head.words = UInt16(MemoryLayout<ctrace_record_release>.size / 8)
      release.head.time = clock.origin &+ (1 << 63)
      release.acquired = release.head.time &- 1000
      slot.base.storeBytes(
        of: release, toByteOffset: CTRACE_SLOT_RING, as: ctrace_record_release.self)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 16)
      defer { buffer.deallocate() }
      stream.read(slot, upTo: 32, buffer: buffer, context: context, catalog: &catalog)
    }
    #expect(found.stream.builder.count == 1 && found.stream.damagedBytes == 0)
  }

  @Test func `Counts of all ones are no more than that`() {
    let count = 256
    let size = UseTable.byteCount(count: count)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0xff, count: size)
    let uses = memory.bindMemory(to: ctrace_use.self, capacity: count)
    for place in 0..<count {
      uses[place].key = ~UInt64(place)
      // Of every kind of lock, and of none.
      uses[place].site = UInt64(place) << 56 | 1
      uses[place].acquired = clock.stamp()
    }
    let found = read { _, stream, context, catalog in
      let table = UseTable(base: UnsafeRawPointer(memory), offset: 0, count: count)
      for isFinal in [false, true] {
        stream.writeUses(table, context: context, catalog: &catalog, isFinal: isFinal)
      }
    }
    #expect(found.catalog.definitions.byteCount > count * 50)
  }

  @Test func `Of what processes have to say a part is kept`() {
    let found = read { _, stream, _, catalog in
      for number in 0..<1000 {
        catalog.note(
          "\(number) \(String(repeating: "x", count: 100_000))", of: stream.process)
      }
    }
    #expect(found.catalog.notes.count == 64)
    #expect(found.catalog.notes.allSatisfy { $0.utf8.count < 5000 })
  }
}
