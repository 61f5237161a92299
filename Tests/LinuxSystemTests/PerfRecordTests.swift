import Testing

@testable import LinuxSystem

@Suite struct PerfRecordTests {
  /// A record's bytes: its head, a body, and for all but samples who and when.
  private struct Bytes {
    var bytes: [UInt8] = []

    init(type: UInt32, bits: UInt16 = 0) {
      add(type)
      add(bits)
      add(UInt16(0))
    }

    mutating func add(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    mutating func add(text: String, size: Int) {
      bytes += Array(text.utf8)
      bytes += Array(repeating: 0, count: size - text.utf8.count)
    }

    mutating func addIdentification(pid: Int32, tid: Int32, time: UInt64) {
      add(pid)
      add(tid)
      add(time)
    }

    func read<Value>(_ body: (borrowing PerfRecord) -> Value) -> Value {
      bytes.withUnsafeBytes { body(PerfRecord($0)) }
    }
  }

  @Test func `A switch says who, when, which way and why`() {
    for (bits, isOut, isPreempted) in [
      (0, false, false), (1 << 13, true, false), (3 << 13, true, true),
    ] as [(UInt16, Bool, Bool)] {
      var bytes = Bytes(type: 14, bits: bits)
      bytes.addIdentification(pid: 7, tid: 8, time: 99)
      #expect(bytes.read { $0.kind } == .switch)
      #expect(bytes.read { [$0.pid, $0.tid] } == [7, 8])
      #expect(bytes.read { $0.time } == 99)
      #expect(bytes.read { [$0.isSwitchOut, $0.isPreempted] } == [isOut, isPreempted])
    }
  }

  @Test func `A fork and an end say whose`() {
    for (type, kind) in [(7, .fork), (4, .end)] as [(UInt32, PerfRecord.Kind)] {
      var bytes = Bytes(type: type)
      for number in [10, 20, 11, 21] as [Int32] { bytes.add(number) }
      bytes.add(UInt64(55))
      bytes.addIdentification(pid: 20, tid: 21, time: 56)
      #expect(bytes.read { $0.kind } == kind)
      let task = bytes.read { $0.task }
      #expect(task.pid == 10 && task.parentPID == 20)
      #expect(task.tid == 11 && task.parentTID == 21)
      #expect(bytes.read { $0.time } == 56)
    }
  }

  @Test func `A name is told from one that exec gave`() {
    var bytes = Bytes(type: 3, bits: 1 << 13)
    bytes.add(Int32(10))
    bytes.add(Int32(11))
    bytes.add(text: "a name", size: 8)
    bytes.addIdentification(pid: 10, tid: 11, time: 3)
    #expect(bytes.read { $0.kind } == .name)
    let name = bytes.read { $0.name }
    #expect(name.pid == 10 && name.tid == 11 && name.name == "a name")
    #expect(bytes.read { $0.isExec })
    // The upper half of its bits.
    bytes.bytes[5] = 0
    #expect(!bytes.read { $0.isExec })
  }

  @Test func `What was lost is counted`() {
    var bytes = Bytes(type: 2)
    bytes.add(UInt64(1))
    bytes.add(UInt64(4711))
    bytes.addIdentification(pid: 0, tid: 0, time: 3)
    #expect(bytes.read { $0.kind } == .lost)
    #expect(bytes.read { $0.lostCount } == 4711)
  }

  @Test func `A sample has its stack without the marks of what is the kernel's`() {
    var bytes = Bytes(type: 9)
    bytes.addIdentification(pid: 7, tid: 8, time: 99)
    bytes.add(UInt64(4))
    // PERF_CONTEXT_USER.
    for address in [UInt64.max - 511, 0x10, 0x20, 0x30] { bytes.add(address) }
    bytes.add(UInt32(4))
    bytes.add(UInt16(316))
    bytes.add(UInt16(0))
    #expect(bytes.read { $0.kind } == .sample)
    #expect(bytes.read { $0.time } == 99)
    let thread = bytes.read { $0.sampledThread }
    #expect(thread.pid == 7 && thread.tid == 8)
    #expect(bytes.read { $0.stack(atMost: 64) } == [0x10, 0x20, 0x30])
    #expect(bytes.read { $0.stack(atMost: 2) } == [0x10, 0x20])
    #expect(bytes.read { $0.load($0.fields(hasStack: true), as: UInt16.self) } == 316)
    #expect(bytes.read { $0.fields(hasStack: false) } == 28)
  }

  @Test func `A record that ends too early reads as zero`() {
    for type in [2, 3, 4, 7, 9, 14, 15, 99] as [UInt32] {
      let bytes = Bytes(type: type)
      #expect(bytes.read { $0.lostCount } == 0)
      #expect(bytes.read { $0.name.name }.isEmpty)
      #expect(bytes.read { $0.stack(atMost: 10) }.isEmpty)
      #expect(bytes.read { $0.task.tid } == 0)
      #expect(bytes.read { $0.pid } == 0)
      #expect(bytes.read { $0.load(-1, as: UInt8.self) } == 0)
      #expect(bytes.read { $0.load(1, as: UInt64.self) } == 0)
      #expect(bytes.read { $0.text(at: -1, atMost: 4) }.isEmpty)
      #expect(bytes.read { $0.text(at: 100, atMost: 4) }.isEmpty)
    }
    var bytes = Bytes(type: 9)
    bytes.addIdentification(pid: 7, tid: 8, time: 99)
    bytes.add(UInt64.max)
    #expect(bytes.read { $0.stack(atMost: 10).count } <= 4)
    #expect(bytes.read { $0.load($0.fields(hasStack: true), as: UInt16.self) } == 0)
  }
}
