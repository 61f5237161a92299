internal import TraceModel

/// Calls `body` for every definition of a payload; false when the payload is damaged.
///
/// Each was encoded as ``DefinitionChunkBuilder`` tells.
func decodeDefinitions(_ payload: [UInt8], _ body: (Definition) -> Void) -> Bool {
  var reader = ByteReader(payload.span)
  while reader.remaining > 0 {
    guard let kind = reader.fixed(UInt8.self), let size = reader.count(),
      var fields = reader.part(size)
    else { return false }
    guard let kind = DefinitionKind(rawValue: kind) else { continue }
    guard let definition = Definition(kind, &fields) else { return false }
    body(definition)
  }
  return true
}

extension Definition {
  /// Reads the fields of a kind; nil when they end early or contradict themselves.
  fileprivate init?(_ kind: DefinitionKind, _ fields: inout ByteReader) {
    switch kind {
    case .recording:
      guard let recording = Recording(&fields) else { return nil }
      self = .recording(recording)
    case .process:
      guard let process = Process(&fields) else { return nil }
      self = .process(process)
    case .thread:
      guard let thread = Thread(&fields) else { return nil }
      self = .thread(thread)
    case .task:
      guard let task = KernelTask(&fields) else { return nil }
      self = .task(task)
    case .lock:
      guard let lock = Lock(&fields) else { return nil }
      self = .lock(lock)
    case .stack:
      guard let stack = Stack(&fields) else { return nil }
      self = .stack(stack)
    case .module:
      guard let module = Module(&fields) else { return nil }
      self = .module(module)
    case .symbol:
      guard let process = fields.variable32(), let address = fields.variable(),
        let count = fields.count()
      else { return nil }
      var frames: [Symbol] = []
      for _ in 0..<count {
        guard let frame = Symbol(&fields) else { return nil }
        frames.append(frame)
      }
      self = .symbol(process: ProcessID(rawValue: process), address: address, frames: frames)
    case .use:
      guard let use = LockUse(&fields) else { return nil }
      self = .use(use)
    case .nesting:
      guard let nesting = Nesting(&fields) else { return nil }
      self = .nesting(nesting)
    }
  }
}

extension Recording {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let program = fields.texts(), let startTime = fields.signed(),
      let cpus = fields.signed(), let scheduling = fields.fixed(UInt8.self),
      let schedulingReason = fields.text(), let host = fields.text(), let recorder = fields.text(),
      let duration = fields.optional(), let how = fields.fixed(UInt8.self)
    else { return nil }
    var termination: Termination?
    if how != 0 {
      guard let number = fields.signed().flatMap({ Int32(exactly: $0) }) else { return nil }
      termination = how == 1 ? .exited(number) : .signalled(number)
    }
    guard let unrecordedThreads = fields.variable(), let uncountedCalls = fields.variable(),
      let notes = fields.texts()
    else { return nil }
    self.init(
      program: program, startTime: startTime, cpus: Int32(clamping: cpus),
      scheduling: SchedulingSource(rawValue: scheduling) ?? .off,
      schedulingReason: schedulingReason, host: host, recorder: recorder,
      duration: duration.value, termination: termination, unrecordedThreads: unrecordedThreads,
      uncountedCalls: uncountedCalls, notes: notes)
  }
}

extension Process {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let id = fields.variable32(), let pid = fields.signed(), let parent = fields.signed(),
      let name = fields.text(), let arguments = fields.texts(), let start = fields.signed(),
      let end = fields.optional(), let runtime = fields.fixed(UInt8.self)
    else { return nil }
    self.init(
      id: ProcessID(rawValue: id), pid: Int32(clamping: pid), parentPID: Int32(clamping: parent),
      name: name, arguments: arguments, start: Timestamp(nanoseconds: start),
      end: end.value.map { Timestamp(nanoseconds: $0) },
      runtime: Runtime(rawValue: runtime) ?? .absent)
  }
}

extension Thread {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let id = fields.variable32(), let process = fields.variable32(),
      let tid = fields.signed(), let name = fields.text(), let start = fields.signed(),
      let end = fields.optional(), let cpuTime = fields.optional(),
      let runnableTime = fields.optional()
    else { return nil }
    self.init(
      id: ThreadID(rawValue: id), process: ProcessID(rawValue: process), tid: Int32(clamping: tid),
      name: name, start: Timestamp(nanoseconds: start),
      end: end.value.map { Timestamp(nanoseconds: $0) }, cpuTime: cpuTime.value,
      runnableTime: runnableTime.value,
      // Files of earlier versions end here.
      isDaemon: fields.fixed(UInt8.self) ?? 0 != 0)
  }
}

extension KernelTask {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let id = fields.variable32(), let tid = fields.signed(), let start = fields.signed(),
      let end = fields.optional(), let parent = fields.variable32()
    else { return nil }
    self.init(
      id: KernelTaskID(rawValue: id), tid: Int32(clamping: tid),
      start: Timestamp(nanoseconds: start), end: end.value.map { Timestamp(nanoseconds: $0) },
      parent: KernelTaskID(rawValue: parent))
  }
}

extension Lock {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let id = fields.variable32(), let process = fields.variable32(),
      let kind = fields.fixed(UInt8.self), let address = fields.variable(),
      let generation = fields.variable32(), let site = fields.variable32(),
      let isInitialised = fields.fixed(UInt8.self), let thread = fields.variable32()
    else { return nil }
    self.init(
      id: LockID(rawValue: id), process: ProcessID(rawValue: process),
      kind: LockKind(rawValue: kind) ?? .unknown, address: address, generation: generation,
      site: StackID(rawValue: site), isInitialised: isInitialised != 0,
      thread: ThreadID(rawValue: thread))
    // Files of before have neither.
    guard fields.remaining > 0 else { return }
    guard let name = fields.text(), let capacity = fields.variable() else { return nil }
    (self.name, self.capacity) = (name, capacity)
  }
}

extension Stack {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let id = fields.variable32(), let process = fields.variable32(),
      let count = fields.count()
    else { return nil }
    var frames: [UInt64] = []
    var last: UInt64 = 0
    for _ in 0..<count {
      guard let step = fields.signed() else { return nil }
      last &+= UInt64(bitPattern: step)
      frames.append(last)
    }
    self.init(
      id: StackID(rawValue: id), process: ProcessID(rawValue: process), frames: frames)
  }
}

extension Module {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let process = fields.variable32(), let bias = fields.variable(),
      let start = fields.variable(), let end = fields.variable(), let path = fields.text(),
      let size = fields.count(), let buildID = fields.array(size), let loaded = fields.signed()
    else { return nil }
    self.init(
      process: ProcessID(rawValue: process), bias: bias, start: start, end: end, path: path,
      buildID: buildID, loaded: Timestamp(nanoseconds: loaded))
  }
}

extension Symbol {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let function = fields.text(), let file = fields.text(), let line = fields.variable32(),
      let module = fields.text(), let offset = fields.variable()
    else { return nil }
    self.init(function: function, file: file, line: line, module: module, offset: offset)
  }
}

extension LockUse {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let thread = fields.variable32(), let lock = fields.variable32() else { return nil }
    var counts = InlineArray<9, UInt64>(repeating: 0)
    for index in counts.indices {
      guard let count = fields.variable() else { return nil }
      counts[index] = count
    }
    self.init(
      thread: ThreadID(rawValue: thread), lock: LockID(rawValue: lock), acquisitions: counts[0],
      releases: counts[1], shortWaits: counts[2], shortWaitTime: counts[3], lostWaits: counts[4],
      lostWaitTime: counts[5], longestUnrecordedWait: counts[6], sampledHolds: counts[7],
      sampledHoldTime: counts[8])
  }
}

extension Nesting {
  fileprivate init?(_ fields: inout ByteReader) {
    guard let thread = fields.variable32(), let count = fields.count() else { return nil }
    var held: [Held] = []
    for _ in 0..<count {
      guard let lock = fields.variable32(), let isShared = fields.fixed(UInt8.self) else {
        return nil
      }
      held.append(Held(lock: LockID(rawValue: lock), isShared: isShared != 0))
    }
    guard let wanted = fields.variable32(), let isShared = fields.fixed(UInt8.self),
      let time = fields.signed(), let stack = fields.variable32()
    else { return nil }
    self.init(
      thread: ThreadID(rawValue: thread), held: held, wanted: LockID(rawValue: wanted),
      isShared: isShared != 0, time: Timestamp(nanoseconds: time),
      stack: StackID(rawValue: stack))
  }
}

/// A number that may be absent, apart from one that could not be read.
private struct OptionalNumber {
  var value: Int64?
}

extension ByteReader {
  @_lifetime(self: copy self)
  fileprivate mutating func texts() -> [String]? {
    guard let count = count() else { return nil }
    var texts: [String] = []
    for _ in 0..<count {
      guard let text = text() else { return nil }
      texts.append(text)
    }
    return texts
  }

  @_lifetime(self: copy self)
  fileprivate mutating func optional() -> OptionalNumber? {
    guard let isThere = fixed(UInt8.self) else { return nil }
    guard isThere != 0 else { return OptionalNumber(value: nil) }
    return signed().map { OptionalNumber(value: $0) }
  }
}
