public import TraceModel

/// Collects definitions and makes chunks of them.
///
/// A payload is a row of records: a kind, the length of what follows, and the fields in a fixed
/// order. A reader skips kinds that it does not know, and fields behind those that it does.
public struct DefinitionChunkBuilder: Sendable {
  private var full: [Chunk] = []
  private var payload: [UInt8] = []
  private var count: UInt32 = 0

  /// Makes an empty builder.
  public init() {}

  /// Whether there is nothing to seal.
  public var isEmpty: Bool { full.isEmpty && count == 0 }

  /// Bytes collected so far.
  public var byteCount: Int { full.reduce(payload.count) { $0 + $1.payload.count } }

  /// Adds a definition.
  public mutating func append(_ definition: Definition) {
    var body: [UInt8] = []
    let kind = definition.encode(into: &body)
    if payload.count + body.count + 16 > Format.goodPayload { closePayload() }
    payload.append(kind.rawValue)
    payload.append(variable: UInt64(body.count))
    payload += body
    count += 1
  }

  /// Chunks of all definitions so far; the builder begins anew.
  public mutating func seal() -> [Chunk] {
    closePayload()
    defer { full = [] }
    return full
  }

  private mutating func closePayload() {
    guard count > 0 else { return }
    let header = ChunkHeader(
      kind: .definitions, count: count, payloadSize: UInt32(payload.count))
    full.append(Chunk(header: header, payload: payload))
    payload = []
    count = 0
  }
}

/// Kinds of definitions: the numbers of the file format.
enum DefinitionKind: UInt8 {
  case recording = 1
  case process = 2
  case thread = 3
  case lock = 4
  case stack = 5
  case module = 6
  case symbol = 7
  case use = 8
  case task = 9
  case nesting = 10
}

extension Definition {
  /// Appends its fields.
  func encode(into bytes: inout [UInt8]) -> DefinitionKind {
    switch self {
    case .recording(let recording):
      bytes.append(texts: recording.program)
      bytes.append(signed: recording.startTime)
      bytes.append(signed: Int64(recording.cpus))
      bytes.append(recording.scheduling.rawValue)
      bytes.append(text: recording.schedulingReason)
      bytes.append(text: recording.host)
      bytes.append(text: recording.recorder)
      bytes.append(optional: recording.duration)
      switch recording.termination {
      case nil: bytes.append(0)
      case .exited(let status):
        bytes.append(1)
        bytes.append(signed: Int64(status))
      case .signalled(let signal):
        bytes.append(2)
        bytes.append(signed: Int64(signal))
      }
      bytes.append(variable: recording.unrecordedThreads)
      bytes.append(variable: recording.uncountedCalls)
      bytes.append(texts: recording.notes)
      return .recording
    case .process(let process):
      bytes.append(variable: UInt64(process.id.rawValue))
      bytes.append(signed: Int64(process.pid))
      bytes.append(signed: Int64(process.parentPID))
      bytes.append(text: process.name)
      bytes.append(texts: process.arguments)
      bytes.append(signed: process.start.nanoseconds)
      bytes.append(optional: process.end?.nanoseconds)
      bytes.append(process.runtime.rawValue)
      return .process
    case .thread(let thread):
      bytes.append(variable: UInt64(thread.id.rawValue))
      bytes.append(variable: UInt64(thread.process.rawValue))
      bytes.append(signed: Int64(thread.tid))
      bytes.append(text: thread.name)
      bytes.append(signed: thread.start.nanoseconds)
      bytes.append(optional: thread.end?.nanoseconds)
      bytes.append(optional: thread.cpuTime)
      bytes.append(optional: thread.runnableTime)
      bytes.append(thread.isDaemon ? 1 : 0)
      return .thread
    case .task(let task):
      bytes.append(variable: UInt64(task.id.rawValue))
      bytes.append(signed: Int64(task.tid))
      bytes.append(signed: task.start.nanoseconds)
      bytes.append(optional: task.end?.nanoseconds)
      bytes.append(variable: UInt64(task.parent.rawValue))
      return .task
    case .lock(let lock):
      bytes.append(variable: UInt64(lock.id.rawValue))
      bytes.append(variable: UInt64(lock.process.rawValue))
      bytes.append(lock.kind.rawValue)
      bytes.append(variable: lock.address)
      bytes.append(variable: UInt64(lock.generation))
      bytes.append(variable: UInt64(lock.site.rawValue))
      bytes.append(lock.isInitialised ? 1 : 0)
      bytes.append(variable: UInt64(lock.thread.rawValue))
      bytes.append(text: lock.name)
      bytes.append(variable: lock.capacity)
      return .lock
    case .stack(let stack):
      bytes.append(variable: UInt64(stack.id.rawValue))
      bytes.append(variable: UInt64(stack.process.rawValue))
      bytes.append(variable: UInt64(stack.frames.count))
      var last: UInt64 = 0
      for frame in stack.frames {
        bytes.append(signed: Int64(bitPattern: frame &- last))
        last = frame
      }
      return .stack
    case .module(let module):
      bytes.append(variable: UInt64(module.process.rawValue))
      bytes.append(variable: module.bias)
      bytes.append(variable: module.start)
      bytes.append(variable: module.end)
      bytes.append(text: module.path)
      bytes.append(variable: UInt64(module.buildID.count))
      bytes += module.buildID
      bytes.append(signed: module.loaded.nanoseconds)
      return .module
    case .symbol(let process, let address, let frames):
      bytes.append(variable: UInt64(process.rawValue))
      bytes.append(variable: address)
      bytes.append(variable: UInt64(frames.count))
      for frame in frames {
        bytes.append(text: frame.function)
        bytes.append(text: frame.file)
        bytes.append(variable: UInt64(frame.line))
        bytes.append(text: frame.module)
        bytes.append(variable: frame.offset)
      }
      return .symbol
    case .use(let use):
      bytes.append(variable: UInt64(use.thread.rawValue))
      bytes.append(variable: UInt64(use.lock.rawValue))
      for count in [
        use.acquisitions, use.releases, use.shortWaits, use.shortWaitTime, use.lostWaits,
        use.lostWaitTime, use.longestUnrecordedWait, use.sampledHolds, use.sampledHoldTime,
      ] {
        bytes.append(variable: count)
      }
      return .use
    case .nesting(let nesting):
      bytes.append(variable: UInt64(nesting.thread.rawValue))
      bytes.append(variable: UInt64(nesting.held.count))
      for held in nesting.held {
        bytes.append(variable: UInt64(held.lock.rawValue))
        bytes.append(held.isShared ? 1 : 0)
      }
      bytes.append(variable: UInt64(nesting.wanted.rawValue))
      bytes.append(nesting.isShared ? 1 : 0)
      bytes.append(signed: nesting.time.nanoseconds)
      bytes.append(variable: UInt64(nesting.stack.rawValue))
      return .nesting
    }
  }
}

extension [UInt8] {
  /// Appends texts behind their number.
  fileprivate mutating func append(texts: [String]) {
    append(variable: UInt64(texts.count))
    for text in texts { append(text: text) }
  }

  /// Appends 0 for nil, otherwise 1 and the number.
  fileprivate mutating func append(optional value: Int64?) {
    append(value == nil ? 0 : 1)
    if let value { append(signed: value) }
  }
}
