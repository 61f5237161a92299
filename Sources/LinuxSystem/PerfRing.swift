internal import CLinux
internal import Glibc
public import SystemPackage

/// What a ring is to be told of one CPU.
public struct PerfContents: OptionSet, Sendable {
  /// The bits of `clinux_perf.h`.
  public let rawValue: UInt32
  /// Makes it from its bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Switches of tasks, each told by itself: which task came or left, and not what it replaced.
  public static let switches = PerfContents(rawValue: UInt32(CLINUX_PERF_SWITCHES))
  /// Forks, ends and names of tasks.
  public static let tasks = PerfContents(rawValue: UInt32(CLINUX_PERF_TASKS))
  /// Later children of the task too.
  public static let inherit = PerfContents(rawValue: UInt32(CLINUX_PERF_INHERIT))
  /// Call stacks of the program in samples.
  public static let stacks = PerfContents(rawValue: UInt32(CLINUX_PERF_STACKS))
}

/// The kernel's records about one CPU, in memory that the kernel writes and this process reads.
public struct PerfRing: ~Copyable {
  /// Readable when the ring is a quarter full.
  public var descriptor: FileDescriptor { events[0] }
  /// The CPU.
  public let cpu: Int
  private var events: [FileDescriptor]
  private let page: UnsafeMutableRawPointer
  private let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
  private let size: Int
  private var scratch: [UInt8] = []

  /// Opens a ring for a task, or for all with -1.
  ///
  /// - Parameters:
  ///   - size: Bytes, a power of two and at least a page.
  /// - Throws: `permissionDenied` where the kernel denies it, `notPermitted` where the user may not lock
  ///   so much memory beside the rings there are, and what else it says.
  public init(
    task: Int32, cpu: Int, clock: PerfClock, contents: PerfContents, size: Int
  ) throws(Errno) {
    let wakeup = UInt32(size / 4)
    let event = clinux_perf_open(task, Int32(cpu), clock.kernelClock, contents.rawValue, wakeup)
    guard event >= 0 else { throw Errno(rawValue: currentErrno) }
    let mapped = mmap(nil, pageSize + size, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0)
    guard let page = mapped, page != MAP_FAILED else {
      let error = Errno(rawValue: currentErrno)
      close(event)
      throw error
    }
    self.cpu = cpu
    self.page = page
    self.size = size
    events = [FileDescriptor(rawValue: event)]
  }

  deinit {
    munmap(page, pageSize + size)
    for event in events { try? event.close() }
  }

  /// Lets the ring be told of another task too.
  public mutating func add(
    task: Int32, clock: PerfClock, contents: PerfContents
  ) throws(Errno) {
    try add(clinux_perf_open(task, Int32(cpu), clock.kernelClock, contents.rawValue, 1))
  }

  /// Lets the ring be told of a tracepoint, of all tasks.
  ///
  /// - Parameter filter: A condition in the kernel's own language; empty: none.
  public mutating func add(
    _ tracepoint: Tracepoint, clock: PerfClock, contents: PerfContents = [], filter: String = ""
  ) throws(Errno) {
    let wakeup = UInt32(size / 4)
    let event = clinux_perf_open_tracepoint(
      tracepoint.number, Int32(cpu), clock.kernelClock, contents.rawValue, wakeup)
    try add(event)
    if !filter.isEmpty, clinux_perf_filter(event, filter) != 0 {
      throw Errno(rawValue: currentErrno)
    }
  }

  private mutating func add(_ event: Int32) throws(Errno) {
    guard event >= 0 else { throw Errno(rawValue: currentErrno) }
    events.append(FileDescriptor(rawValue: event))
    guard clinux_perf_redirect(event, events[0].rawValue) == 0 else {
      throw Errno(rawValue: currentErrno)
    }
  }

  // MARK: Records

  /// Records that found the ring full, as far as the kernel counts them. The ring tells of those only
  /// when something is written after them.
  public var lostCount: UInt64 { events.reduce(0) { $0 &+ clinux_perf_lost($1.rawValue) } }

  /// Bytes ever written.
  public var head: UInt64 { clinux_perf_head(page) }
  /// Bytes that there is room for.
  public var capacity: Int { size }
  /// Bytes that have been read, and may be written over.
  public func release(upTo tail: UInt64) { clinux_perf_set_tail(page, tail) }

  /// Calls `body` with each record from `tail` on up to `head`, or until `most` bytes have been read;
  /// returns where the next record begins.
  @discardableResult
  public mutating func forEachRecord(
    from tail: UInt64, to head: UInt64, most: Int = .max, _ body: (borrowing PerfRecord) -> Void
  ) -> UInt64 {
    var position = tail
    let data = UnsafeRawPointer(page) + pageSize
    while position < head, position - tail < most {
      let start = Int(position % UInt64(size))
      // Records are whole words, so that a header never lies across the end.
      let header = (data + start).loadUnaligned(as: UInt64.self)
      let count = Int(header >> 48)
      guard count >= 8, count <= size else { return head }
      if start + count <= size {
        body(PerfRecord(UnsafeRawBufferPointer(start: data + start, count: count)))
      } else {
        let first = size - start
        scratch.removeAll(keepingCapacity: true)
        scratch += UnsafeRawBufferPointer(start: data + start, count: first)
        scratch += UnsafeRawBufferPointer(start: data, count: count - first)
        scratch.withUnsafeBytes { body(PerfRecord($0)) }
      }
      position += UInt64(count)
    }
    return position
  }
}

/// One record of a ring. What a record is too short for reads as zero.
public struct PerfRecord: ~Copyable {
  /// What a record tells of.
  public enum Kind {
    case lost, name, end, fork, sample, `switch`, other
  }

  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// What it tells of.
  public var kind: Kind {
    switch Int(load(0, as: UInt32.self)) {
    case CLINUX_RECORD_LOST: .lost
    case CLINUX_RECORD_COMM: .name
    case CLINUX_RECORD_EXIT: .end
    case CLINUX_RECORD_FORK: .fork
    case CLINUX_RECORD_SAMPLE: .sample
    case CLINUX_RECORD_SWITCH, CLINUX_RECORD_SWITCH_CPU_WIDE: .switch
    default: .other
    }
  }

  private var bits: Int { Int(load(4, as: UInt16.self)) }

  /// Of a switch: whether the task left the CPU.
  public var isSwitchOut: Bool { bits & CLINUX_SWITCH_OUT != 0 }
  /// Of a switch: whether the task could have run on.
  public var isPreempted: Bool { bits & CLINUX_SWITCH_PREEMPTED != 0 }
  /// Of a name: whether exec gave it.
  public var isExec: Bool { bits & CLINUX_COMM_EXEC != 0 }

  /// The identification that ends every record but a sample.
  public var pid: Int32 { load(bytes.count - 16, as: Int32.self) }
  /// The thread of the identification.
  public var tid: Int32 { load(bytes.count - 12, as: Int32.self) }
  /// When it happened, on the clock that the ring was opened with.
  public var time: UInt64 {
    kind == .sample ? load(16, as: UInt64.self) : load(bytes.count - 8, as: UInt64.self)
  }

  /// Records that were lost before this one, of one that says so.
  public var lostCount: UInt64 { load(16, as: UInt64.self) }

  /// Of a fork or an end: the task and its parent.
  public var task: (pid: Int32, parentPID: Int32, tid: Int32, parentTID: Int32) {
    (
      load(8, as: Int32.self), load(12, as: Int32.self), load(16, as: Int32.self),
      load(20, as: Int32.self)
    )
  }

  /// Of a name: the task and what it is called now.
  public var name: (pid: Int32, tid: Int32, name: String) {
    (load(8, as: Int32.self), load(12, as: Int32.self), text(at: 16, atMost: 16))
  }

  /// Of a sample: the process and the thread that ran.
  public var sampledThread: (pid: Int32, tid: Int32) {
    (load(8, as: Int32.self), load(12, as: Int32.self))
  }

  /// Of a sample with stacks: the addresses, innermost first, without the kernel's own.
  public func stack(atMost limit: Int) -> [UInt64] {
    let count = Int(clamping: min(load(24, as: UInt64.self), UInt64(bytes.count / 8)))
    var frames: [UInt64] = []
    for index in 0..<count where frames.count < limit {
      let address = load(32 + 8 * index, as: UInt64.self)
      // Marks that part the kernel's frames from the program's are near the end of the numbers.
      if address < UInt64.max - 4095 { frames.append(address) }
    }
    return frames
  }

  /// Of a sample: where its tracepoint's fields begin.
  public func fields(hasStack: Bool) -> Int {
    guard hasStack else { return 28 }
    let count = Int(clamping: min(load(24, as: UInt64.self), UInt64(bytes.count / 8)))
    return 32 + 8 * count + 4
  }

  /// A number in the record; zero outside of it.
  @inline(__always)
  public func load<Number: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: Number.Type
  ) -> Number {
    guard offset >= 0, offset + MemoryLayout<Number>.size <= bytes.count else { return 0 }
    return bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)
  }

  /// Text that a zero or the field's end ends.
  public func text(at offset: Int, atMost count: Int) -> String {
    let end = min(offset + count, bytes.count)
    guard offset >= 0, offset < end else { return "" }
    return String(decoding: bytes[offset..<end].prefix { $0 != 0 }, as: UTF8.self)
  }
}
