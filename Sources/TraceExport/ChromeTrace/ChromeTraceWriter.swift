public import TraceModel

/// Writes a recording as a Chrome trace: JSON that Perfetto opens without an error.
///
/// Each thread is a track of slices: its waits, the holds that others waited for and, without a
/// length, its signals and posts. An arrow goes from what woke a waiter to a slice without a length
/// at the end of the wait: viewers take the arrow of two slices to go from the one that begins first,
/// and a wait begins before the release that ends it. Each lock that was waited for has a counter of
/// its waiters, each semaphore one of its value, and each queue one of its depth. Work that the program
/// has a name for, or that came out of a queue, is a slice too, and so are the steps of tasks, which have
/// tracks of their own for what they wait for. An interpreter's lock has one for who holds it. Scheduling comes behind all of it: a track for
/// each CPU, and the states of each thread.
///
/// Slices of a thread nest. One that would cross another begins where that one ends; it has
/// `"cut":true` and its true measures in its arguments.
///
/// Memory grows with the definitions, not with events, as long as the output is taken.
public struct ChromeTraceWriter: TimelineWriter {
  var output = ByteBuffer()
  let texts: TextTable
  let stacks: StackTexts
  let threads: [ThreadEntry]
  let threadIndex: NumberIndex
  let lockIndex: NumberIndex
  var locks: [LockState]
  var tracks: [TrackState]
  var tasks = TaskTracks()
  /// When the last event happened: no slice may end before one that was written.
  var now: Int64 = 0
  /// What the threads of tracks are called in the lines of scheduling, and when the last of those
  /// happened.
  let schedulingNames: [SchedulingName]
  var schedulingNow: Int64 = 0
  var hasScheduling = false
  var cpuSwitches: CPUSwitches
  /// What is shown.
  let window: Range<Int64>
  let isCut: Bool
  /// Whether the window has not begun: what happens is taken note of, and nothing is written.
  var isBeforeWindow: Bool
  /// Whether the event in hand ended behind the window.
  var isBehindWindow = false
  /// The number of the last arrow.
  var lastFlow: UInt64 = 0
  /// The number of the last span.
  var lastSpan: UInt64 = 0
  /// What threads and locks without a definition are shown as, to be named at the end if need be.
  private let unknown: (process: ChromeIDs.Process, track: ChromeIDs.Track)
  private var needsUnknown: Bool
  var hasEvents = false
  private var isFinished = false
  private var areEventsFinished = false

  /// Writes the start of the document and the names of all processes and threads.
  ///
  /// - Parameter cut: What is to be shown; the document says what is not.
  public init(definitions: TraceDefinitions, cut: ExportCut = ExportCut()) {
    window =
      ChromeTime.drawn(
        Timestamp(nanoseconds: cut.window.lowerBound))..<max(
        cut.window.upperBound, cut.window.lowerBound)
    isCut = !cut.isWhole
    isBeforeWindow = cut.window.lowerBound > 0
    var texts = TextTable()
    let ids = ChromeIDs(definitions)
    stacks = StackTexts(definitions, &texts)
    (threads, threadIndex) = ThreadEntry.all(
      definitions, ids, shown: cut.threads, &texts)
    (locks, lockIndex) = LockState.all(
      definitions, ids, shown: cut.locks, &texts)
    tracks = ids.tracks.map {
      TrackState(place: texts.add("\"pid\":\($0.pid),\"tid\":\($0.tid)"))
    }
    let idle = SchedulingName.idle(&texts)
    schedulingNames = [idle] + ids.tracks.dropFirst().map { SchedulingName($0, &texts) }
    cpuSwitches = CPUSwitches(definitions, ids)
    self.texts = texts
    unknown = (ids.processes[ChromeIDs.unknown], ids.tracks[ChromeIDs.unknown])
    needsUnknown =
      definitions.threads.values.contains { definitions.processes[$0.process] == nil }
      || definitions.locks.values.contains { definitions.processes[$0.process] == nil }
    output.appendHead(definitions, cut)
    for process in ids.processes.dropFirst() {
      appendSeparator()
      output.appendName(of: process)
    }
    for track in ids.tracks.dropFirst() {
      appendSeparator()
      output.appendName(of: track)
    }
  }

  /// Adds events in the order of time, each wait announced by its
  /// ``TraceModel/Event/Kind/waitBegin``.
  ///
  /// Events that name threads, locks or stacks without a definition are drawn as far as they can be,
  /// and times that go back count as the latest one before them.
  public mutating func add(_ events: Span<Event>) {
    for place in events.indices {
      let event = events[place]
      if event.kind.isScheduling { continue }
      let lock = lockIndex[event.lock.rawValue]
      let thread = threadIndex[event.thread.rawValue]
      if isCut {
        guard locks[lock].isShown || threads[thread].isShown else { continue }
        addCut(event, lock, threads[thread].track)
      } else {
        now = max(now, ChromeTime.drawn(event.time))
        add(event, lock, threads[thread].track)
      }
    }
  }

  @inline(__always)
  mutating func add(_ event: Event, _ lock: Int, _ track: Int) {
    if lock == 0 || track == ChromeIDs.unknown { needsUnknown = true }
    switch event.kind {
    case .waitBegin: beginWait(lock)
    case .wait: endWait(event, lock, track)
    case .release: release(event, lock, track)
    case .signal: signal(event, lock, track)
    case .value: setValue(event, lock, track)
    case .enqueue: enqueue(event, lock, track)
    case .dequeue: dequeue(event, lock, track)
    case .slice: work(event, lock, track)
    case .instant: instant(event, lock, track)
    case .counter: setCounter("value", lock, event.value)
    case .taskWait: taskWait(event, lock, track)
    case .taskRelease: taskRelease(event, lock, track)
    case .switch, .wakeup, .sample: break
    }
  }

  /// Ends what the program itself did: only scheduling may be added afterwards.
  public mutating func finishEvents() {
    guard !areEventsFinished else { return }
    areEventsFinished = true
    endTasks()
    if needsUnknown {
      appendSeparator()
      output.appendName(of: unknown.process)
      appendSeparator()
      output.appendName(of: unknown.track)
    }
  }

  /// Closes the document. Nothing may be added afterwards.
  public mutating func finish() {
    guard !isFinished else { return }
    finishEvents()
    isFinished = true
    appendEndOfEvents()
  }

  /// Takes the bytes that were written since the last call. Call it after each batch of events:
  /// what is not taken stays in memory.
  public mutating func takeOutput() -> [UInt8] { output.take() }

  /// Begins another element of the array of events.
  mutating func appendSeparator() {
    if hasEvents { output.append(",\n") }
    hasEvents = true
  }
}
