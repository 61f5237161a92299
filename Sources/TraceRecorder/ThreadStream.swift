internal import CTraceABI
internal import LinuxSystem
internal import TraceFile
internal import TraceModel

/// One thread being recorded: turns the records of its ring into events.
///
/// Nothing that the ring says is believed: numbers out of range become unknown, times are kept
/// between the last event and the present, and a ring that is no ring any more is skipped and
/// reported.
final class ThreadStream {
  let slotIndex: Int
  let generation: UInt32
  let process: ProcessState
  var thread: Thread
  /// What the program calls the thread, where the kernel does not know it.
  private(set) var givenName: String?
  /// Events that are not in a chunk yet.
  private(set) var builder: EventChunkBuilder
  /// When the first of those was read.
  private(set) var oldest: Timestamp?
  private(set) var tail: UInt64
  /// Bytes of the ring that could not be read.
  private(set) var damagedBytes: UInt64 = 0
  /// Acquires that were made but could not be counted for a lock.
  private(set) var uncounted: UInt64 = 0
  var destroysSeen: UInt32 = 0
  private var lostWritten: UInt64 = 0
  /// When the last event happened, in units of the clock: nothing lies so far back that a span before it
  /// would be beyond all numbers.
  private var last = Int64.min / 2
  private var stacks = [StackID](repeating: .unknown, count: CTRACE_STACK_ENTRIES)
  private var lastWait: (start: UInt64, key: UInt64) = (0, 0)
  private var lastUse = Filling(key: 0, number: 0)
  private var written: [Filling: LockUse] = [:]

  /// One filling of an entry of the thread's table.
  private struct Filling: Hashable {
    var key: UInt64
    var number: UInt64

    init(key: UInt64, number: UInt64) {
      self.key = key
      self.number = number
    }
    init(_ use: ctrace_use) { self.init(key: use.key, number: use.counts & 0xffff) }
  }

  /// Locks looked up lately, by key.
  private struct CachedLock {
    var key: UInt64 = 0
    var lock: LockID = .unknown
  }
  private var cachedLocks = [CachedLock](repeating: CachedLock(), count: 64)
  private var cachedVersion: UInt32 = 0

  init(slotIndex: Int, slot: Slot, process: ProcessState, thread: Thread, clock: CounterClock) {
    self.slotIndex = slotIndex
    self.generation = slot.generation
    self.process = process
    self.thread = thread
    builder = EventChunkBuilder(
      process: process.process.id, thread: thread.id,
      scale: ClockScale(multiplier: clock.multiplier, step: Int64(clamping: clock.step)))
    tail = 0
  }

  /// Whether it is the thread that the process began with.
  var isMain: Bool { thread.tid == process.process.pid }

  /// Asks the kernel how long the thread has run; keeps what was known where it can't say any more.
  func readCPUTime() {
    guard let time = ProcFS.schedulingTimes(pid: process.process.pid, tid: thread.tid)?.ran
    else { return }
    thread.cpuTime = max(0, isMain ? time - process.cpuTimeBefore : time)
  }

  // MARK: The ring

  /// Whether a head can be one: not behind what was read, and not more than a ring ahead.
  func isPlausible(head: UInt64) -> Bool {
    head >= tail && head - tail <= UInt64(Arena.ringSize) && head % 8 == 0
  }

  /// Gives up what is in the ring.
  func skipDamaged(to head: UInt64) {
    damagedBytes += max(head &- tail, 8) & 0xfffff
    tail = head & ~7
  }

  /// Applies the destroys up to `head` without consuming anything.
  func applyDestroys(in slot: Slot, upTo head: UInt64, buffer: UnsafeMutableRawBufferPointer) {
    guard isPlausible(head: head), head > tail else { return }
    slot.copyRing(from: tail, to: head, into: buffer)
    var reader = RingReader(UnsafeRawBufferPointer(rebasing: buffer[..<Int(head - tail)]))
    while let record = reader.next() {
      guard record.head.kind == CTRACE_RECORD_DESTROY.rawValue else { continue }
      let lock = record.load(0, as: ctrace_record_lock.self)
      if isDestroyApplied(lock.head.time) { continue }
      process.locks.destroy(key: lock.key)
      process.lockVersion &+= 1
      lastDestroy = lock.head.time
    }
  }

  /// Destroys are looked for ahead of the other records; their times tell which are done.
  private var lastDestroy: UInt64 = 0
  private func isDestroyApplied(_ time: UInt64) -> Bool { time <= lastDestroy }

  /// Reads the records up to `head`.
  func read(
    _ slot: Slot, upTo head: UInt64, buffer: UnsafeMutableRawBufferPointer, context: Context,
    catalog: inout Catalog
  ) {
    guard isPlausible(head: head) else { return skipDamaged(to: head) }
    guard head > tail else { return }
    slot.copyRing(from: tail, to: head, into: buffer)
    var reader = RingReader(UnsafeRawBufferPointer(rebasing: buffer[..<Int(head - tail)]))
    while let record = reader.next() { read(record, context: context, catalog: &catalog) }
    if reader.isDamaged { damagedBytes += 8 }
    tail = head
    slot.setTail(head)
  }

  /// What reading needs to know of the recording.
  struct Context {
    let clock: CounterClock
    /// The present: nothing has happened later.
    let now: Timestamp
    /// The present in units of the clock.
    let present: Int64
    /// A second in units of the clock.
    let second: Int64

    init(_ clock: CounterClock) {
      self.clock = clock
      let stamp = clock.stamp()
      now = Timestamp(nanoseconds: clock.nanoseconds(stamp))
      present = clock.units(stamp)
      second = Int64(clamping: clock.ticks(nanoseconds: 1_000_000_000))
    }
  }

  private func read(_ record: RingRecord, context: Context, catalog: inout Catalog) {
    let head = record.head
    switch UInt32(head.kind) {
    case CTRACE_RECORD_WAIT.rawValue:
      let wait = record.load(0, as: ctrace_record_wait.self)
      lastWait = (wait.start, wait.key)
      append(
        wait: ctrace_pending(
          state: 2, lock_kind: head.lock_kind, operation: head.operation, outcome: head.outcome,
          stack: head.stack, start: wait.start, end: head.time, lock: wait.key,
          partner: wait.partner, owner: UInt32(truncatingIfNeeded: wait.owner), is_timed: 0),
        isFinished: true, context: context, catalog: &catalog)
    case CTRACE_RECORD_RELEASE.rawValue:
      let release = record.load(0, as: ctrace_record_release.self)
      let isKnown = release.acquired != 0
      append(
        Event(
          kind: .release, operation: Event.Operation(rawValue: head.operation) ?? .unknown,
          isDurationKnown: isKnown, thread: thread.id, time: .zero,
          lock: lock(release.key, head, &catalog), stack: stack(head.stack)),
        for: isKnown ? head.time &- release.acquired : 0, until: head.time, context)
    case CTRACE_RECORD_SIGNAL.rawValue:
      let signal = record.load(0, as: ctrace_record_lock.self)
      append(
        Event(
          kind: .signal, operation: Event.Operation(rawValue: head.operation) ?? .unknown,
          thread: thread.id, time: .zero, lock: lock(signal.key, head, &catalog),
          stack: stack(head.stack)),
        until: head.time, context)
    case CTRACE_RECORD_VALUE.rawValue:
      let value = record.load(0, as: ctrace_record_value.self)
      append(
        Event(
          kind: .value, operation: Event.Operation(rawValue: head.operation) ?? .unknown,
          thread: thread.id, time: .zero, lock: lock(value.key, head, &catalog),
          value: Int64(value.value & 0xffff_ffff)),
        until: head.time, context)
    case CTRACE_RECORD_ENQUEUE.rawValue, CTRACE_RECORD_DEQUEUE.rawValue:
      let items = record.load(0, as: ctrace_record_items.self)
      let isKnown = items.since != 0
      append(
        Event(
          kind: UInt32(head.kind) == CTRACE_RECORD_ENQUEUE.rawValue ? .enqueue : .dequeue,
          isDurationKnown: isKnown, thread: thread.id, time: .zero,
          lock: lock(items.key, head, &catalog), stack: stack(head.stack),
          value: Int64(clamping: items.count)),
        for: isKnown ? head.time &- items.since : 0, until: head.time, context)
    case CTRACE_RECORD_SLICE.rawValue:
      let slice = record.load(0, as: ctrace_record_release.self)
      append(
        Event(
          kind: .slice, operation: Event.Operation(rawValue: head.operation) ?? .unknown,
          thread: thread.id, time: .zero, lock: lock(slice.key, head, &catalog)),
        for: head.time &- slice.acquired, until: head.time, context)
    case CTRACE_RECORD_STEP.rawValue, CTRACE_RECORD_TASK_WAIT.rawValue,
      CTRACE_RECORD_TASK_RELEASE.rawValue:
      readTask(record, context: context, catalog: &catalog)
    case CTRACE_RECORD_INSTANT.rawValue, CTRACE_RECORD_COUNTER.rawValue:
      let number = record.load(0, as: ctrace_record_value.self)
      append(
        Event(
          kind: UInt32(head.kind) == CTRACE_RECORD_INSTANT.rawValue ? .instant : .counter,
          thread: thread.id, time: .zero, lock: lock(number.key, head, &catalog),
          stack: stack(head.stack), value: Int64(bitPattern: number.value)),
        until: head.time, context)
    case CTRACE_RECORD_NAME.rawValue:
      let name = record.load(0, as: ctrace_record_name.self)
      let text = record.tail(after: MemoryLayout<ctrace_record_name>.size)
      catalog.setName(
        String(decoding: text.prefix(Int(min(name.size, UInt64(text.count)))), as: UTF8.self),
        capacity: name.capacity, ofKey: name.key, kind: kind(head.lock_kind), in: process)
    case CTRACE_RECORD_PLACE.rawValue: readPlace(record)
    case CTRACE_RECORD_THREAD_NAME.rawValue:
      let name = record.load(0, as: ctrace_record_name.self)
      let text = record.tail(after: MemoryLayout<ctrace_record_name>.size)
      givenName = String(
        decoding: text.prefix(Int(min(name.size, UInt64(text.count)))), as: UTF8.self)
      thread.isDaemon = name.capacity != 0
    case CTRACE_RECORD_PROCESS_NAME.rawValue:
      let text = record.tail(after: MemoryLayout<ctrace_record>.size).prefix { $0 != 0 }
      process.process.name = String(decoding: text, as: UTF8.self)
      catalog.add(process.process)
    case CTRACE_RECORD_NOTE.rawValue:
      let text = record.tail(after: MemoryLayout<ctrace_record>.size).prefix { $0 != 0 }
      catalog.note(String(decoding: text, as: UTF8.self), of: process)
    case CTRACE_RECORD_NESTING.rawValue: readNesting(record, context: context, catalog: &catalog)
    case CTRACE_RECORD_STACK.rawValue:
      guard head.stack > 0, Int(head.stack) <= stacks.count else { return }
      let words = record.tail(after: MemoryLayout<ctrace_record>.size)
      let frames = (0..<min(words.count / 8, CTRACE_MAX_FRAMES)).map {
        words.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)
      }
      stacks[Int(head.stack) - 1] = catalog.stack(frames, in: process)
    case CTRACE_RECORD_USE.rawValue:
      let use = record.load(0, as: ctrace_record_use.self)
      lastUse = Filling(use.use)
      let before = written.removeValue(forKey: lastUse)
      if let (_, increase) = lockUse(use.use, use.detail, after: before, context, &catalog),
        increase.isSomething
      {
        catalog.definitions.append(.use(increase))
      }
    case CTRACE_RECORD_INIT.rawValue:
      let lock = record.load(0, as: ctrace_record_lock.self)
      _ = self.lock(lock.key, head, &catalog)
      catalog.setSite(
        stack(head.stack), ofKey: lock.key, kind: kind(head.lock_kind), isInitialisation: true,
        in: process)
    case CTRACE_RECORD_MODULE.rawValue:
      readModule(record, context: context, catalog: &catalog)
    case CTRACE_RECORD_EXEC.rawValue:
      let exec = record.load(0, as: ctrace_record_exec.self)
      let text = record.tail(after: MemoryLayout<ctrace_record_exec>.size)
      let path = text.prefix(Int(min(exec.path_size, UInt64(text.count))))
      catalog.execs.append(
        Catalog.Exec(
          pid: Int32(truncatingIfNeeded: exec.pid), parentPID: process.process.pid,
          path: String(decoding: path, as: UTF8.self),
          time: Timestamp(
            nanoseconds: min(context.clock.nanoseconds(head.time), context.now.nanoseconds))))
    case CTRACE_RECORD_ARGUMENTS.rawValue:
      let text = record.tail(after: MemoryLayout<ctrace_record>.size)
      var arguments = Array(text).split(separator: 0, omittingEmptySubsequences: false)
      while arguments.last?.isEmpty == true { arguments.removeLast() }
      process.process.arguments = arguments.map { String(decoding: $0, as: UTF8.self) }
      catalog.add(process.process)
    default: break
    }
  }

  private func readNesting(_ record: RingRecord, context: Context, catalog: inout Catalog) {
    let nesting = record.load(0, as: ctrace_record_nesting.self)
    let words = record.tail(after: MemoryLayout<ctrace_record_nesting>.size)
    let count = min(Int(clamping: nesting.count), words.count / 8, Int(CTRACE_MOST_HELD))
    let keys = (0..<count).map { words.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
    catalog.definitions.append(
      .nesting(
        Nesting(
          thread: thread.id, held: keys.map { held($0, &catalog) },
          wanted: catalog.lock(
            key: nesting.wanted & ~CTRACE_SHARED_HOLD, kind: kind(nesting.head.lock_kind),
            in: process),
          isShared: nesting.wanted & CTRACE_SHARED_HOLD != 0,
          time: Timestamp(
            nanoseconds: min(context.clock.nanoseconds(nesting.head.time), context.now.nanoseconds)),
          stack: stack(nesting.head.stack))))
  }

  private func held(_ key: UInt64, _ catalog: inout Catalog) -> Nesting.Held {
    // Its kind is told by others, which a cache of it would not hear of.
    Nesting.Held(
      lock: catalog.lock(key: key & ~CTRACE_SHARED_HOLD, kind: .unknown, in: process),
      isShared: key & CTRACE_SHARED_HOLD != 0)
  }

  /// Takes down which locks the thread has, now that it is seen for the last time.
  func writeHeld(_ slot: Slot, context: Context, catalog: inout Catalog) {
    var keys = slot.held.map {
      process.locks.latestKey(address: $0 & 0xffff_ffff_fffe) | $0 & CTRACE_SHARED_HOLD
    }
    if slot.interpreter != 0 { keys.append(slot.interpreter) }
    guard !keys.isEmpty else { return }
    catalog.definitions.append(
      .nesting(
        Nesting(
          thread: thread.id, held: keys.map { held($0, &catalog) }, time: thread.end ?? context.now)
      ))
  }

  private func readPlace(_ record: RingRecord) {
    let place = record.load(0, as: ctrace_record_place.self)
    let text = record.tail(after: MemoryLayout<ctrace_record_place>.size)
    let fileSize = Int(min(place.file_size, UInt64(text.count)))
    let function = text.dropFirst(fileSize)
    let functionSize = Int(min(place.function_size, UInt64(function.count)))
    process.add(
      PythonPlace(
        file: String(decoding: text.prefix(fileSize), as: UTF8.self),
        function: String(decoding: function.prefix(functionSize), as: UTF8.self),
        line: UInt32(clamping: place.line)),
      number: place.number)
  }

  private func readTask(_ record: RingRecord, context: Context, catalog: inout Catalog) {
    let head = record.head
    let task = record.load(0, as: ctrace_record_task.self)
    let event: Event.Kind =
      switch UInt32(head.kind) {
      case CTRACE_RECORD_STEP.rawValue: .slice
      case CTRACE_RECORD_TASK_WAIT.rawValue: .taskWait
      default: .taskRelease
      }
    let isKnown = task.start != 0
    append(
      Event(
        kind: event, operation: Event.Operation(rawValue: head.operation) ?? .unknown,
        outcome: Event.Outcome(rawValue: head.outcome) ?? .failed, isDurationKnown: isKnown,
        thread: thread.id, time: .zero, lock: lock(task.key, head, &catalog),
        stack: stack(head.stack), value: Int64(bitPattern: task.task)),
      for: isKnown ? head.time &- task.start : 0, until: head.time, context)
  }

  private func readModule(_ record: RingRecord, context: Context, catalog: inout Catalog) {
    let module = record.load(0, as: ctrace_record_module.self)
    let text = record.tail(after: MemoryLayout<ctrace_record_module>.size)
    var path = String(
      decoding: text.prefix(Int(min(module.path_size, UInt64(text.count)))), as: UTF8.self)
    if !path.hasPrefix("/"), let folder = ProcFS.currentFolder(pid: process.process.pid) {
      path = folder + "/" + path
    }
    let id = withUnsafeBytes(of: module.build_id) {
      Array($0.prefix(Int(module.build_id_size)))
    }
    catalog.add(
      Module(
        process: process.process.id, bias: module.bias, start: module.start, end: module.end,
        path: path, buildID: id,
        loaded: Timestamp(
          nanoseconds: min(context.clock.nanoseconds(module.head.time), context.now.nanoseconds))),
      to: process)
  }

  // MARK: Events

  /// Appends a wait, ended or not.
  private func append(
    wait: ctrace_pending, isFinished: Bool, context: Context, catalog: inout Catalog
  ) {
    let end = isFinished ? wait.end : context.clock.origin &+ UInt64(bitPattern: context.present)
    if kind(wait.lock_kind) == .futex {
      catalog.setSite(
        stack(wait.stack), ofFutex: wait.lock,
        isOwned: UInt32(wait.operation) == CTRACE_LOCK.rawValue, in: process)
    } else if kind(wait.lock_kind).isPython {
      catalog.setSite(
        stack(wait.stack), ofKey: wait.lock, kind: kind(wait.lock_kind), isInitialisation: false,
        in: process)
    }
    append(
      Event(
        kind: .wait, operation: Event.Operation(rawValue: wait.operation) ?? .unknown,
        outcome: isFinished ? Event.Outcome(rawValue: wait.outcome) ?? .failed : .unfinished,
        thread: thread.id, time: .zero, lock: lock(wait.lock, kind(wait.lock_kind), &catalog),
        partner: wait.partner == 0 ? .unknown : lock(wait.partner, .mutex, &catalog),
        owner: wait.owner == 0
          ? .unknown : catalog.threads[Int32(bitPattern: wait.owner)] ?? .unknown,
        stack: stack(wait.stack)),
      for: end &- wait.start, until: end, context)
  }

  /// Appends an event that lasted for a span of the clock until a stamp: at a time between the last
  /// event's and the present, and not since long before the recording.
  private func append(
    _ event: Event, for span: UInt64 = 0, until stamp: UInt64, _ context: Context
  ) {
    let time = max(min(context.clock.units(stamp), context.present), last)
    last = time
    // A hold may have begun a little before the recording's zero, in the runtime's own start. What
    // is negative was no span.
    let longest = max(0, time) + context.second
    let span = min(max(0, Int64(bitPattern: span)), longest)
    if oldest == nil { oldest = context.now }
    builder.append(event, from: time - span, to: time)
  }

  private func kind(_ raw: UInt8) -> LockKind { LockKind(rawValue: raw) ?? .unknown }

  /// The stack that a number of the thread's own stands for at the moment.
  func stack(_ index: UInt8) -> StackID {
    index > 0 && Int(index) <= stacks.count ? stacks[Int(index) - 1] : .unknown
  }

  private func lock(_ key: UInt64, _ head: ctrace_record, _ catalog: inout Catalog) -> LockID {
    lock(key, kind(head.lock_kind), &catalog)
  }

  private func lock(_ key: UInt64, _ kind: LockKind, _ catalog: inout Catalog) -> LockID {
    if cachedVersion != process.lockVersion {
      cachedVersion = process.lockVersion
      for index in cachedLocks.indices { cachedLocks[index] = CachedLock() }
    }
    let place = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 58)
    if cachedLocks[place].key == key, key != 0 { return cachedLocks[place].lock }
    let lock = catalog.lock(key: key, kind: kind, in: process)
    cachedLocks[place] = CachedLock(key: key, lock: lock)
    return lock
  }

  // MARK: Uses

  /// What an entry says, and by how much it is more than what has been written already.
  private func lockUse(
    _ use: ctrace_use, _ detail: ctrace_use_detail, after before: LockUse?, isFinal: Bool = false,
    _ context: Context, _ catalog: inout Catalog
  ) -> (whole: LockUse, increase: LockUse)? {
    guard use.key != 0 else { return nil }
    let kind = kind(UInt8(use.site >> 56))
    let id = lock(use.key, kind, &catalog)
    let address = use.site & 0xff_ffff_ffff_ffff
    if address != 0, before == nil {
      catalog.setSite(
        catalog.stack([address], in: process), ofKey: use.key, kind: kind,
        isInitialisation: false, in: process)
    }
    func span(_ ticks: UInt64) -> UInt64 { UInt64(context.clock.span(ticks)) }
    var whole = LockUse(
      thread: thread.id, lock: id, acquisitions: use.counts >> 16, releases: detail.releases,
      shortWaits: detail.short_waits, shortWaitTime: span(detail.short_wait_time),
      lostWaits: detail.lost_waits, lostWaitTime: span(detail.lost_wait_time),
      longestUnrecordedWait: span(detail.longest_unrecorded_wait),
      sampledHolds: detail.sampled_holds, sampledHoldTime: span(detail.sampled_hold_time))
    if isFinal, kind == .gil, use.acquired != 0 {
      // The process ended with the interpreter's lock in this thread's hands.
      let taken = Timestamp(nanoseconds: context.clock.nanoseconds(use.acquired))
      let held = UInt64(max(0, (thread.end ?? context.now) - max(taken, .zero)))
      whole.sampledHolds = whole.sampledHolds.saturatingAdd(1)
      whole.sampledHoldTime = whole.sampledHoldTime.saturatingAdd(held)
    }
    guard let before, before.lock == id else { return (whole, whole) }
    var increase = whole
    increase.acquisitions &-= min(before.acquisitions, whole.acquisitions)
    increase.releases &-= min(before.releases, whole.releases)
    increase.shortWaits &-= min(before.shortWaits, whole.shortWaits)
    increase.shortWaitTime &-= min(before.shortWaitTime, whole.shortWaitTime)
    increase.lostWaits &-= min(before.lostWaits, whole.lostWaits)
    increase.lostWaitTime &-= min(before.lostWaitTime, whole.lostWaitTime)
    increase.sampledHolds &-= min(before.sampledHolds, whole.sampledHolds)
    increase.sampledHoldTime &-= min(before.sampledHoldTime, whole.sampledHoldTime)
    return (whole, increase)
  }

  /// Writes what the thread's table says beyond what has been written. Only the final one may read
  /// a table of any size.
  func writeUses(_ table: UseTable, context: Context, catalog: inout Catalog, isFinal: Bool) {
    for index in 0..<table.count {
      guard let (use, detail) = table.entry(index) else { continue }
      let filling = Filling(use)
      // A process killed while it emptied an entry has left it in the ring and in the table.
      if filling == lastUse { continue }
      guard
        let (whole, increase) = lockUse(
          use, detail, after: written[filling], isFinal: isFinal, context, &catalog),
        increase.isSomething
      else { continue }
      catalog.definitions.append(.use(increase))
      if !isFinal { written[filling] = whole }
    }
  }

  // MARK: The end

  /// What is in the slot beside the ring: a wait that goes on or has just ended, and values that
  /// were held back. Only when the thread writes no more.
  func readRest(_ slot: Slot, context: Context, catalog: inout Catalog) {
    let pending = slot.pending
    let isWritten = lastWait == (pending.start, pending.lock)
    if pending.state == 2 && !isWritten {
      append(wait: pending, isFinished: true, context: context, catalog: &catalog)
    }
    readDeferred(slot, context: context, catalog: &catalog)
    readUnwritten(slot, context: context, catalog: &catalog)
    if pending.state == 1 {
      // Another thread may have told when it was over.
      append(
        wait: pending, isFinished: pending.end != 0 && pending.end >= pending.start,
        context: context, catalog: &catalog)
    }
    uncounted = slot.uncounted &+ slot.reentered
  }

  private func readDeferred(_ slot: Slot, context: Context, catalog: inout Catalog) {
    let values = (0..<CTRACE_DEFERRED_VALUES).map { slot.deferredValue($0) }
    for value in values.filter({ $0.lock != 0 }).sorted(by: { $0.time < $1.time }) {
      append(
        Event(
          kind: .value,
          operation: Event.Operation(rawValue: UInt8(truncatingIfNeeded: value.operation))
            ?? .unknown,
          thread: thread.id, time: .zero, lock: lock(value.lock, .semaphore, &catalog),
          value: Int64(value.value)),
        until: value.time, context)
    }
  }

  private func readUnwritten(_ slot: Slot, context: Context, catalog: inout Catalog) {
    for index in 0..<CTRACE_UNWRITTEN_ITEMS {
      let items = slot.unwrittenItems(Int(index))
      guard items.queue != 0 else { continue }
      append(
        Event(
          kind: UInt32(items.record_kind) == CTRACE_RECORD_ENQUEUE.rawValue ? .enqueue : .dequeue,
          isDurationKnown: false, thread: thread.id, time: .zero,
          lock: lock(items.queue, kind(items.lock_kind), &catalog),
          value: Int64(clamping: items.count)),
        until: items.time, context)
    }
  }

  /// Closes the chunk of events so far; nil when there is nothing to say.
  func seal(lost: UInt64) -> Chunk? {
    let newlyLost = lost &- min(lost, lostWritten)
    guard builder.count > 0 || newlyLost > 0 else { return nil }
    lostWritten = lost
    oldest = nil
    return builder.seal(lost: newlyLost)
  }
}

extension LockUse {
  /// Whether it says anything.
  var isSomething: Bool {
    acquisitions | releases | shortWaits | lostWaits | sampledHolds | sampledHoldTime != 0
  }
}
