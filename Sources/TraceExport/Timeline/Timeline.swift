internal import TraceModel

/// Turns the events of a recording into what a timeline shows: slices and moments on tracks, counters,
/// arrows, and who is on which CPU. How that is written is up to the encoder.
///
/// Slices of a thread nest. One that would cross another begins where that one ends, and has its true
/// measures among its arguments. An arrow goes from what woke a waiter to a moment at the end of the
/// wait: viewers take the arrow of two slices to go from the one that begins first, and a wait begins
/// before the release that ends it.
///
/// What it does and when is said at ``TimelineWriter``.
struct Timeline<Encoder: TimelineEncoder> {
  var encoder: Encoder
  let threads: [TimelineThread]
  let threadIndex: NumberIndex
  let lockIndex: NumberIndex
  var locks: [TimelineLock]
  /// How the slices of each track nest.
  var nestings: [SliceNesting]
  var tasks = TaskTracks()
  /// The number of the last arrow.
  var lastArrow: UInt64 = 0
  /// When the last event happened: no slice may end before one that was written.
  var now: Int64 = 0
  var schedulingNow: Int64 = 0
  var hasScheduling = false
  var cpuSwitches: CPUSwitches
  /// Whether wakers have to be told by what locks and signals say.
  let needsWakers: Bool
  /// What is shown.
  let window: Range<Int64>
  let isCut: Bool
  /// Whether the event in hand ended behind the window.
  var isBehindWindow = false
  private var areEventsFinished = false
  private var isFinished = false

  init(_ definitions: TraceDefinitions, _ cut: ExportCut) {
    let lower = Encoder.drawn(Timestamp(nanoseconds: cut.window.lowerBound))
    window = lower..<max(lower, cut.window.upperBound)
    isCut = !cut.isWhole
    let ids = Encoder.ids(definitions)
    (threads, threadIndex) = TimelineThread.all(definitions, ids, shown: cut.threads)
    (locks, lockIndex) = TimelineLock.all(definitions, ids, shown: cut.locks)
    nestings = Array(repeating: Encoder.nesting, count: ids.tracks.count)
    cpuSwitches = CPUSwitches(definitions, ids)
    needsWakers = Encoder.takesWakeups && definitions.recording.scheduling == .switches
    encoder = Encoder(definitions, ids, cut)
    encoder.isHidden = window.lowerBound > 0
  }

  mutating func add(_ events: Span<Event>) {
    for place in events.indices {
      let event = events[place]
      if event.kind.isScheduling { continue }
      let lock = lockIndex[event.lock.rawValue]
      let thread = threads[threadIndex[event.thread.rawValue]]
      if isCut {
        guard locks[lock].isShown || thread.isShown else { continue }
        addCut(event, lock, thread.track)
      } else {
        now = max(now, Encoder.drawn(event.time))
        add(event, lock, thread.track)
      }
    }
  }

  @inline(__always)
  mutating func add(_ event: Event, _ lock: Int, _ track: Int) {
    encoder.mention(lock, track, at: now)
    switch event.kind {
    case .waitBegin: beginWait(event, lock, track)
    case .wait: endWait(event, lock, track)
    case .release: release(event, lock, track)
    case .signal: signal(event, lock, track)
    case .value: setValue(event, lock, track)
    case .enqueue: enqueue(event, lock, track)
    case .dequeue: dequeue(event, lock, track)
    case .slice: work(event, lock, track)
    case .instant: instant(event, lock, track)
    case .counter: setCounter(.value, lock, event.value)
    case .taskWait: taskWait(event, lock, track)
    case .taskRelease: taskRelease(event, lock, track)
    case .switch, .wakeup, .sample: break
    }
  }

  mutating func finishEvents() {
    guard !areEventsFinished else { return }
    areEventsFinished = true
    endTasks()
    encoder.endEvents()
  }

  mutating func finish() {
    guard !isFinished else { return }
    finishEvents()
    isFinished = true
    finishScheduling()
    encoder.finish(window)
  }

  mutating func takeOutput() -> [UInt8] { encoder.output.take() }
}
