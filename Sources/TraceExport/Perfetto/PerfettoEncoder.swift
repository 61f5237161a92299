internal import TraceModel

/// Writes a timeline as packets of Perfetto's: the begins and ends of slices, values of counters and samples
/// of stacks. Texts are written once, before what first refers to them, and so are tracks.
///
/// Source of the format: protos/perfetto/trace/trace.proto in Perfetto's repository.
struct PerfettoEncoder: TimelineEncoder {
  private typealias Schema = PerfettoSchema

  static let showsOwners = true
  static let takesWakeups = true
  static var nesting: SliceNesting { SliceNesting(beginsBefore: true) }

  /// The kernel's numbers end at 2^22, and fields for them at 2^31.
  static func ids(_ definitions: TraceDefinitions) -> TimelineIDs {
    TimelineIDs(definitions, firstMadeUp: 1 << 30, areThreadsTold: true)
  }
  static func drawn(_ time: Timestamp) -> Int64 { max(time.nanoseconds, 0) }

  var output = ByteBuffer()
  var isHidden = false
  /// What is being written of a TrackEvent, and what stands before it in its packet.
  var event = ByteBuffer()
  var head = ByteBuffer()
  /// Texts that are new, and not written.
  var data = ByteBuffer()
  let texts: TextTable
  var interned: InternedTexts
  var locks: [LockTracks]
  var tracks: [ThreadTrack]
  var processes: [ProcessTracks]
  /// The track of the first task; the others follow, so that none has to be kept.
  let firstTaskTrack: UInt64
  var lastTrack: UInt64
  /// That of the span in hand.
  private var spanTrack: UInt64 = 0
  var scheduling = SchedulingBundles()

  init(_ definitions: TraceDefinitions, _ ids: TimelineIDs, _ cut: ExportCut) {
    var texts = TextTable()
    processes = ProcessTracks.all(ids)
    tracks = ThreadTrack.all(definitions, ids, firstTrack: UInt64(processes.count))
    interned = InternedTexts(definitions)
    locks = LockTracks.all(definitions, ids, interned, &texts)
    self.texts = texts
    firstTaskTrack = UInt64(processes.count + tracks.count + 1)
    lastTrack = firstTaskTrack + UInt64(TaskTracks.most)
    appendHead(definitions, cut)
    for place in processes.indices.dropFirst() { appendTrack(ofProcess: place) }
    appendProcessTree(definitions, ids)
    for place in tracks.indices.dropFirst() where tracks[place].isThread {
      appendTrack(ofThread: place)
    }
  }

  @inline(__always)
  mutating func mention(_ lock: Int, _ track: Int, at time: Int64) {
    if !locks[lock].isIntroduced { introduce(lock) }
    if !tracks[track].isTold { appendTrack(ofThread: track) }
    tracks[track].firstTime = min(tracks[track].firstTime, time)
    tracks[track].lastTime = time
  }

  mutating func endEvents() {}

  // MARK: Slices

  @inline(__always)
  mutating func begin(_ slice: TimelineSlice, _ operation: Event.Operation) {
    if case .thread = slice.row {
      tracks[slice.track].firstTime = min(tracks[slice.track].firstTime, slice.begin)
    }
    let track = track(of: slice)
    let name = name(of: slice)
    startEvent(slice.kind.isMoment ? .instant : .begin, on: track, slice.kind.category, named: name)
    switch slice.kind {
    case .acquired, .enqueue, .dequeue:
      // The name of the lock alone, of what there may be very much.
      event.append(argument: .lock, text: interned.number(ofLock: slice.lock))
    default:
      texts.write(locks[slice.lock].arguments, to: &event)
      if operation.isWord {
        event.append(argument: .operation, text: InternedTexts.number(of: operation))
      }
    }
  }

  @inline(__always)
  mutating func end(_ slice: TimelineSlice, _ stack: StackID) {
    if let number = interning({ $0.text(ofStack: stack, &$1) }) {
      event.append(argument: .stack, text: number)
    }
    append(slice.arrow)
    finishEvent(at: slice.begin)
    if !slice.kind.isMoment { appendEnd(on: track(of: slice), at: slice.end) }
  }

  mutating func placeSpan(of lock: Int, from start: Int64, to end: Int64) -> Int64 {
    let (lane, begin) = locks[lock].lanes.place(from: start, to: end)
    if lane == locks[lock].lanes.tracks.count {
      let track = appendTrack(
        in: .work, ofProcess: locks[lock].process, rank: locks[lock].rank,
        named: interned.lockNames[lock])
      locks[lock].lanes.add(track: track)
    }
    spanTrack = locks[lock].lanes.tracks[lane]
    return begin
  }

  mutating func beginTask(_ place: Int, _ state: TaskTracks.State, number: Int64, at time: Int64) {
    let name = Int(state.lock)
    let track = appendTrack(
      in: .tasks, ofProcess: tracks[Int(state.track)].process, rank: UInt64(name),
      number: firstTaskTrack + UInt64(place),
      named: name == 0 ? "task" : interned.lockNames[name])
    startEvent(.begin, on: track, .task, named: self.name(.plain, name))
    event.append(argument: .task, number)
    finishEvent(at: time)
  }

  mutating func endTask(_ place: Int, _ state: TaskTracks.State) {
    appendEnd(on: firstTaskTrack + UInt64(place), at: state.end)
  }

  /// The number of the track that a slice is on.
  @inline(__always)
  private mutating func track(of slice: TimelineSlice) -> UInt64 {
    switch slice.row {
    case .thread: tracks[slice.track].uuid
    case .owners: ownerTrack(slice.lock)
    case .task(let place): firstTaskTrack + UInt64(place)
    case .spans: spanTrack
    }
  }

  /// The number of the name of a slice: on the track of a lock that of its owner.
  @inline(__always)
  private mutating func name(of slice: TimelineSlice) -> UInt64 {
    if slice.kind == .hold, case .owners(let owner) = slice.row {
      switch owner {
      case .thread(let thread): return interning { $0.ownerName(thread, &$1) }
      case .task(let task) where task != 0: return name(.plain, task)
      case .task: break
      }
    }
    return name(slice.kind.name, slice.lock)
  }

  @inline(__always)
  private mutating func name(_ name: InternedTexts.Name, _ lock: Int) -> UInt64 {
    interning { $0.name(name, of: lock, &$1) }
  }

  private mutating func append(_ arrow: Arrow) {
    switch arrow {
    case .none: break
    case .leaving(let number): event.append(field: Schema.Event.flow, number)
    case .arriving(let number): event.append(field: Schema.Event.endingFlow, number)
    case .arrivingAmongOthers(let number):
      // An ending flow of the newer kind is over with the first slice at which it ends.
      var legacy = ByteBuffer()
      legacy.append(field: Schema.LegacyEvent.bindID, number)
      legacy.append(field: Schema.LegacyEvent.flowDirection, Schema.LegacyEvent.flowIn)
      event.append(field: Schema.Event.legacy, legacy)
    }
  }

  // MARK: Arguments

  mutating func add(_ argument: SliceArgument, _ value: Int64) {
    event.append(argument: argument, value)
  }

  mutating func add(_ outcome: Event.Outcome) {
    event.append(argument: .outcome, text: InternedTexts.number(of: outcome))
  }

  mutating func add(owner thread: Int) {
    event.append(argument: .owner, text: interning { $0.text(ofThread: thread, &$1) })
  }

  mutating func add(mutex lock: Int) {
    event.append(argument: .mutex, text: interning { $0.text(ofLock: lock, &$1) })
  }

  mutating func addCut(_ event: Event, _ length: SliceArgument, _ start: SliceArgument) {
    self.event.append(argument: .cut, true)
    self.event.append(argument: length, event.duration)
    self.event.append(argument: start, event.start.nanoseconds)
  }

  // MARK: Values

  mutating func set(_ counter: LockCounter, of lock: Int, to value: Int64, at time: Int64) {
    let track = counter == .waiters ? locks[lock].waitersTrack : locks[lock].valueTrack
    event.removeAll()
    event.append(field: Schema.Event.type, TrackEventType.counter.rawValue)
    event.append(
      field: Schema.Event.track, track != 0 ? track : appendTrack(of: counter, lock))
    event.append(field: Schema.Event.counterValue, UInt64(bitPattern: value))
    finishEvent(at: time)
  }

  /// Viewers make flame graphs of samples.
  mutating func addSample(_ stack: StackID, _ track: Int, at time: Int64) {
    guard interning({ $0.text(ofStack: stack, &$1) }) != nil else { return }
    typealias Schema = PerfettoSchema.PerfSample
    event.removeAll()
    event.append(field: Schema.pid, UInt64(tracks[track].pid))
    event.append(field: Schema.tid, UInt64(tracks[track].tid))
    event.append(field: Schema.callstack, UInt64(interned.stackIndex[stack.rawValue]))
    event.append(field: Schema.mode, Schema.user)
    appendPacket(PerfettoSchema.Packet.perfSample, event, at: time)
  }
}

extension SliceKind {
  fileprivate var name: InternedTexts.Name {
    switch self {
    case .wait: .wait
    case .hold: .hold
    case .taskWait: .waitsFor
    case .work, .call, .span, .instant: .plain
    case .acquired: .acquired
    case .release: .release
    case .signal: .signal
    case .post: .post
    case .enqueue: .enqueue
    case .dequeue: .dequeue
    }
  }

  fileprivate var category: InternedTexts.Category {
    switch self {
    case .wait: .wait
    case .hold, .release: .hold
    case .acquired, .signal, .post: .wakeup
    case .enqueue, .dequeue: .queue
    case .work: .work
    case .instant: .instant
    case .call: .call
    case .span: .span
    case .taskWait: .task
    }
  }
}

extension Event.Operation {
  /// Whether it says how something was waited for or released, and not why a thread left its CPU.
  fileprivate var isWord: Bool {
    switch self {
    case .unknown, .told, .preempted, .blocked, .uninterruptible, .ended, .interrupt, .span: false
    default: true
    }
  }
}
