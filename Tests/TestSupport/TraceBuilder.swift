public import TraceFile
public import TraceModel

/// A small recording made by hand.
///
///     var trace = TraceBuilder()
///     let worker = trace.thread("worker")
///     let lock = trace.lock("cache_mu")
///     trace.wait(worker, lock, from: 100, to: 300)
public struct TraceBuilder {
  /// Everything defined so far.
  public private(set) var list: [Definition] = []
  /// Events in the order they were added.
  public internal(set) var events: [Event] = []
  private var lastThread: UInt32 = 0
  private var lastLock: UInt32 = 0
  private var lastStack: UInt32 = 0
  private let process = ProcessID(rawValue: 1)

  /// A recording of one process, pid 100, that lasted `duration` nanoseconds and exited with 0.
  public init(
    duration: Int64 = 1_000_000, program: String = "prog", cpus: Int32 = 2,
    scheduling: SchedulingSource = .off
  ) {
    list.append(
      .recording(
        Recording(
          program: [program], startTime: 1_700_000_000_000_000_000, cpus: cpus,
          scheduling: scheduling, duration: duration, termination: .exited(0))))
    list.append(
      .process(
        Process(
          id: process, pid: 100, parentPID: 1, name: program, arguments: [program], start: .zero,
          end: Timestamp(nanoseconds: duration))))
  }

  /// All definitions as a reader has them.
  public var definitions: TraceDefinitions { TraceDefinitions(list) }

  /// Adds anything.
  public mutating func define(_ definition: Definition) { list.append(definition) }

  /// A thread that lives from `start` to `end`.
  public mutating func thread(
    _ name: String, from start: Int64 = 0, to end: Int64? = nil, cpuTime: Int64? = nil,
    of process: ProcessID? = nil, tid: Int32? = nil
  ) -> ThreadID {
    lastThread += 1
    let id = ThreadID(rawValue: lastThread)
    list.append(
      .thread(
        Thread(
          id: id, process: process ?? self.process, tid: tid ?? Int32(100 + lastThread), name: name,
          start: Timestamp(nanoseconds: start), end: end.map { Timestamp(nanoseconds: $0) },
          cpuTime: cpuTime)))
    return id
  }

  /// A process that is none of the program's.
  public mutating func foreignProcess(_ name: String) -> ProcessID {
    let id = ProcessID(rawValue: 900)
    list.append(
      .process(Process(id: id, pid: 900, parentPID: 1, name: name, start: .zero, runtime: .foreign))
    )
    return id
  }

  /// A lock in static storage.
  public mutating func lock(
    _ name: String, kind: LockKind = .mutex, capacity: UInt64 = 0
  ) -> LockID {
    lastLock += 1
    let id = LockID(rawValue: lastLock)
    let address = 0x1000 + UInt64(lastLock) * 64
    list.append(
      .lock(Lock(id: id, process: process, kind: kind, address: address, capacity: capacity)))
    list.append(
      .symbol(
        process: process, address: address, frames: [Symbol(function: name, module: "prog")]))
    return id
  }

  /// A stack of functions, innermost first.
  public mutating func stack(_ functions: String...) -> StackID { stack(functions) }

  /// The address of a frame of a stack.
  func frameAddress(_ place: Int, of stack: StackID) -> UInt64 {
    0x10000 + UInt64(stack.rawValue) * 256 + UInt64(place)
  }

  /// A stack of functions, innermost first.
  public mutating func stack(_ functions: [String]) -> StackID {
    lastStack += 1
    let id = StackID(rawValue: lastStack)
    let frames = functions.indices.map { frameAddress($0, of: id) }
    list.append(.stack(Stack(id: id, process: process, frames: frames)))
    for (frame, function) in zip(frames, functions) {
      list.append(
        .symbol(
          process: process, address: frame, frames: [Symbol(function: function, module: "prog")]))
    }
    return id
  }

  /// A thread waits for a lock.
  public mutating func wait(
    _ thread: ThreadID, _ lock: LockID, from start: Int64, to end: Int64,
    operation: Event.Operation = .lock, outcome: Event.Outcome = .acquired,
    owner: ThreadID = .unknown, partner: LockID = .unknown, stack: StackID = .unknown
  ) {
    events.append(
      Event(
        kind: .wait, operation: operation, outcome: outcome, thread: thread,
        time: Timestamp(nanoseconds: end), duration: end - start, lock: lock, partner: partner,
        owner: owner, stack: stack))
  }

  /// A thread releases a lock that it has held, and that others wait for.
  public mutating func release(
    _ thread: ThreadID, _ lock: LockID, from start: Int64, to end: Int64,
    operation: Event.Operation = .lock, stack: StackID = .unknown
  ) {
    events.append(
      Event(
        kind: .release, operation: operation, thread: thread, time: Timestamp(nanoseconds: end),
        duration: end - start, lock: lock, stack: stack))
  }

  /// A semaphore has a value from a moment on.
  public mutating func value(
    _ thread: ThreadID, _ lock: LockID, _ value: Int64, at time: Int64,
    operation: Event.Operation = .post
  ) {
    events.append(
      Event(
        kind: .value, operation: operation, thread: thread, time: Timestamp(nanoseconds: time),
        lock: lock, value: value))
  }

  /// A thread puts items into a queue.
  public mutating func enqueue(
    _ thread: ThreadID, _ queue: LockID, count: Int64 = 1, at time: Int64,
    stack: StackID = .unknown
  ) {
    events.append(
      Event(
        kind: .enqueue, thread: thread, time: Timestamp(nanoseconds: time), lock: queue,
        stack: stack, value: count))
  }

  /// A thread takes items out of a queue that were put in at `since`, if that is known.
  public mutating func dequeue(
    _ thread: ThreadID, _ queue: LockID, count: Int64 = 1, at time: Int64, since: Int64? = nil,
    stack: StackID = .unknown
  ) {
    events.append(
      Event(
        kind: .dequeue, isDurationKnown: since != nil, thread: thread,
        time: Timestamp(nanoseconds: time), duration: time - (since ?? time), lock: queue,
        stack: stack, value: count))
  }

  /// Adds counts of a thread and a lock.
  public mutating func use(_ thread: ThreadID, _ lock: LockID, acquisitions: UInt64) {
    list.append(.use(LockUse(thread: thread, lock: lock, acquisitions: acquisitions)))
  }

  /// A thread had these locks when it asked for another, or when it was last seen.
  public mutating func nesting(
    _ thread: ThreadID, _ held: [LockID], wants wanted: LockID = .unknown, at time: Int64 = 0,
    stack: StackID = .unknown
  ) {
    list.append(
      .nesting(
        Nesting(
          thread: thread, held: held.map { Nesting.Held(lock: $0) }, wanted: wanted,
          time: Timestamp(nanoseconds: time), stack: stack)))
  }

  /// Adds any event.
  public mutating func add(_ event: Event) { events.append(event) }

  // MARK: Forms

  /// The events as a reader delivers them: in the order of time, waits announced.
  public var delivered: [Event] {
    var delivered: [(time: Int64, order: Int, event: Event)] = []
    for (order, event) in events.enumerated() {
      if event.kind == .wait {
        var begin = event
        begin.kind = .waitBegin
        begin.time = event.start
        begin.duration = 0
        delivered.append((begin.time.nanoseconds, 2 * order, begin))
      }
      delivered.append((event.time.nanoseconds, 2 * order + 1, event))
    }
    return delivered.sorted { ($0.time, $0.order) < ($1.time, $1.order) }.map(\.event)
  }

  /// The recording as a file; one chunk for each `eventsPerChunk` events of a thread. What CPUs did is
  /// in chunks of its own.
  public func file(
    eventsPerChunk: Int = .max, hasIndex: Bool = true, scheduling: [Chunk] = []
  ) throws -> [UInt8] {
    var writer = try TraceFileWriter()
    var bytes = writer.header()
    var builder = DefinitionChunkBuilder()
    for definition in list { builder.append(definition) }
    for chunk in builder.seal() { bytes += try writer.encode(chunk) }
    for thread in Set(events.map(\.thread)).sorted() {
      var chunk = EventChunkBuilder(process: process, thread: thread)
      let own = events.filter { $0.thread == thread }.sorted { $0.time < $1.time }
      for event in own {
        chunk.append(event)
        if chunk.count == eventsPerChunk { bytes += try writer.encode(chunk.seal(lost: 0)) }
      }
      if chunk.count > 0 { bytes += try writer.encode(chunk.seal(lost: 0)) }
    }
    for chunk in scheduling { bytes += try writer.encode(chunk) }
    if hasIndex { bytes += writer.finish() }
    return bytes
  }
}
