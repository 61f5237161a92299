internal import CLinux
internal import CTraceABI
internal import LinuxSystem
internal import SystemPackage

/// The memory that targets write to: see `ctrace_abi.h` for what lies where.
///
/// Only the recorder's own fields are believed. Whatever a target writes is read once, word by word
/// or by a copy, and checked by whoever uses it.
struct Arena: ~Copyable {
  /// Address space for slots and for tables of uses that outgrow them. Only what is written to takes
  /// up memory.
  static let size = 32 << 30
  static let heapOffset =
    CTRACE_SLOTS_OFFSET + CTRACE_MAX_SLOTS * slotSize
  static let slotSize = CTRACE_SLOT_SIZE
  static let ringSize = CTRACE_RING_SIZE

  let memory: SharedMemory
  private let token: UInt64

  init(clock: CounterClock, minimumWait: UInt64, flags: UInt32) throws(Errno) {
    memory = try SharedMemory(name: "ctrace", size: Arena.size)
    token = UInt64.random(in: 1...UInt64.max)
    let control = memory.pointer(at: 0).assumingMemoryBound(to: ctrace_control.self)
    control.pointee.magic = CTRACE_ABI_MAGIC
    control.pointee.version = CTRACE_ABI_VERSION
    control.pointee.flags = flags
    control.pointee.arena_size = UInt64(Arena.size)
    control.pointee.heap_offset = UInt64(Arena.heapOffset)
    control.pointee.heap_next = UInt64(Arena.heapOffset)
    control.pointee.token = token
    control.pointee.clock =
      clock.usesCounter ? CTRACE_CLOCK_COUNTER.rawValue : CTRACE_CLOCK_MONOTONIC.rawValue
    control.pointee.slot_capacity = UInt32(CTRACE_MAX_SLOTS)
    control.pointee.minimum_wait = clock.ticks(nanoseconds: minimumWait)
    control.pointee.value_window = clock.ticks(
      nanoseconds: UInt64(CTRACE_VALUE_WINDOW_NANOSECONDS))
  }

  /// What a child needs in its environment to find the arena.
  func environmentEntry(recorder pid: Int32) -> String {
    "\(CTRACE_SESSION_VARIABLE)=\(pid):\(memory.descriptor.rawValue):\(String(token, radix: 16))"
  }

  /// Says which process is the program itself. Before it starts.
  func setRoot(pid: Int32) { word(of: \.root_pid).storeReleasing32(UInt32(bitPattern: pid)) }

  /// Tells targets that nobody reads any more.
  func stop() { word(of: \.stopped).storeReleasing32(1) }

  /// Slots that have been in use, at most those that there are.
  var slotCount: Int {
    min(Int(UnsafeRawPointer(word(of: \.slot_count)).loadAcquiring32()), CTRACE_MAX_SLOTS)
  }

  /// Threads that found no slot.
  var unrecordedThreads: UInt64 {
    UnsafeRawPointer(word(of: \.unrecorded_threads)).loadAcquiring64()
  }

  /// Whether children are on their way that have no slot yet.
  var isForking: Bool { UnsafeRawPointer(word(of: \.forking)).loadAcquiring64() != 0 }

  func slot(_ index: Int) -> Slot {
    Slot(base: memory.pointer(at: CTRACE_SLOTS_OFFSET + index * Arena.slotSize))
  }

  /// Empties a slot whose thread has ended and offers it to the next.
  func recycle(_ index: Int) {
    let start = CTRACE_SLOTS_OFFSET + index * Arena.slotSize
    let slot = slot(index)
    let generation = slot.generation
    memory.discard(start..<start + Arena.slotSize)
    slot.setGeneration(generation &+ 1)
    let word = word(of: \.free_slots) + index / 64 * 8
    word.orReleasing64(1 << UInt64(index % 64))
  }

  /// The table of uses that a slot names, when it lies where one can lie.
  func uses(of slot: Slot) -> UseTable? {
    let table = slot.table
    let logarithm = Int(table & 0xff)
    let offset = Int(truncatingIfNeeded: table & ~0xff)
    guard logarithm >= CTRACE_FIRST_TABLE_LOG2,
      logarithm <= CTRACE_LAST_TABLE_LOG2, offset >= CTRACE_SLOTS_OFFSET,
      offset <= Arena.size - UseTable.byteCount(logarithm: logarithm)
    else { return nil }
    return UseTable(
      base: UnsafeRawPointer(memory.pointer(at: offset)), offset: UInt64(offset),
      count: 1 << logarithm)
  }

  /// Gives back the memory of a table in the heap; one inside a slot goes with the slot.
  func discard(_ table: UseTable) {
    let start = Int(table.offset)
    guard start >= Arena.heapOffset else { return }
    memory.discard(start..<start + UseTable.byteCount(count: table.count))
  }

  private func word<Value>(of path: KeyPath<ctrace_control, Value>) -> UnsafeMutableRawPointer {
    memory.pointer(at: MemoryLayout<ctrace_control>.offset(of: path) ?? 0)
  }
}

/// One slot of the arena: the head of a thread, and its ring.
struct Slot {
  let base: UnsafeMutableRawPointer

  var state: UInt32 { load32(\.state) }
  var process: UInt32 { load32(\.process) }
  var parentProcess: UInt32 { load32(\.parent_process) }
  var pid: Int32 { Int32(bitPattern: load32(\.pid)) }
  var parentPID: Int32 { Int32(bitPattern: load32(\.parent_pid)) }
  var tid: Int32 { Int32(bitPattern: load32(\.tid)) }
  var generation: UInt32 { load32(\.generation) }
  var started: UInt64 { load64(\.started) }
  var ended: UInt64 { load64(\.ended) }
  var handle: UInt64 { load64(\.handle) }
  var cpuNanoseconds: UInt64 { load64(\.cpu_nanoseconds) }
  var table: UInt64 { load64(\.table) }
  var lost: UInt64 { load64(\.lost) }
  var reentered: UInt64 { load64(\.reentered) }
  var uncounted: UInt64 { load64(\.uncounted) }
  var destroys: UInt32 { load32(\.destroys) }
  var head: UInt64 { load64(\.head) }

  var name: String {
    let start = UnsafeRawPointer(base) + offset(\.name)
    let bytes = UnsafeRawBufferPointer(start: start, count: CTRACE_NAME_SIZE)
    return String(decoding: Array(bytes).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Addresses of the locks that the thread has, in the order in which it acquired them.
  var held: [UInt64] {
    let count = min(load64(\.held_count), UInt64(CTRACE_MOST_HELD))
    return (0..<Int(count)).map {
      UnsafeRawPointer(base + offset(\.held) + $0 * 8).loadAcquiring64()
    }
  }
  /// The key of the interpreter's lock while the thread has it; otherwise 0.
  var interpreter: UInt64 { load64(\.interpreter) }

  var pending: ctrace_pending {
    UnsafeRawPointer(base).loadUnaligned(fromByteOffset: offset(\.pending), as: ctrace_pending.self)
  }

  func deferredValue(_ index: Int) -> ctrace_deferred_value {
    UnsafeRawPointer(base).loadUnaligned(
      fromByteOffset: offset(\.deferred) + index * MemoryLayout<ctrace_deferred_value>.stride,
      as: ctrace_deferred_value.self)
  }

  func unwrittenItems(_ index: Int) -> ctrace_unwritten_items {
    UnsafeRawPointer(base).loadUnaligned(
      fromByteOffset: offset(\.unwritten) + index * MemoryLayout<ctrace_unwritten_items>.stride,
      as: ctrace_unwritten_items.self)
  }

  func setTail(_ tail: UInt64) { (base + offset(\.tail)).storeReleasing64(tail) }
  func setGeneration(_ generation: UInt32) {
    (base + offset(\.generation)).storeReleasing32(generation)
  }

  /// Copies ring bytes from one position to another, at most a ring's length apart.
  func copyRing(from tail: UInt64, to head: UInt64, into buffer: UnsafeMutableRawBufferPointer) {
    let ring = UnsafeRawPointer(base) + CTRACE_SLOT_RING
    let start = Int(tail % UInt64(Arena.ringSize))
    let count = Int(head - tail)
    let first = min(count, Arena.ringSize - start)
    buffer.copyMemory(from: UnsafeRawBufferPointer(start: ring + start, count: first))
    if first < count {
      UnsafeMutableRawBufferPointer(rebasing: buffer[first...])
        .copyMemory(from: UnsafeRawBufferPointer(start: ring, count: count - first))
    }
  }

  private func offset<Value>(_ path: KeyPath<ctrace_thread, Value>) -> Int {
    MemoryLayout<ctrace_thread>.offset(of: path) ?? 0
  }
  private func load32<Value>(_ path: KeyPath<ctrace_thread, Value>) -> UInt32 {
    UnsafeRawPointer(base + offset(path)).loadAcquiring32()
  }
  private func load64(_ path: KeyPath<ctrace_thread, UInt64>) -> UInt64 {
    UnsafeRawPointer(base + offset(path)).loadAcquiring64()
  }
}

/// A thread's table of uses, as it is at the moment.
struct UseTable {
  let base: UnsafeRawPointer
  let offset: UInt64
  let count: Int

  static func byteCount(count: Int) -> Int {
    count * (MemoryLayout<ctrace_use>.stride + MemoryLayout<ctrace_use_detail>.stride)
  }
  static func byteCount(logarithm: Int) -> Int { byteCount(count: 1 << logarithm) }

  /// An entry with both of its parts; nil where it is empty, or became another while it was read.
  func entry(_ index: Int) -> (use: ctrace_use, detail: ctrace_use_detail)? {
    let place = base + index * MemoryLayout<ctrace_use>.stride
    let key = place.loadAcquiring64()
    guard key != 0 else { return nil }
    let use = place.loadUnaligned(as: ctrace_use.self)
    let detail = base.loadUnaligned(
      fromByteOffset: count * MemoryLayout<ctrace_use>.stride
        + index * MemoryLayout<ctrace_use_detail>.stride, as: ctrace_use_detail.self)
    readFence()
    // A filling bears its number in the low bits of its counts.
    let counts = (place + (MemoryLayout<ctrace_use>.offset(of: \.counts) ?? 0)).loadAcquiring64()
    guard place.loadAcquiring64() == key, use.key == key, (counts ^ use.counts) & 0xffff == 0
    else { return nil }
    return (use, detail)
  }
}
