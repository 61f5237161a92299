public import TraceModel

/// Writes a recording in Perfetto's own format: protocol buffers.
///
/// It tells what the Chrome form tells, and beyond it of each CPU's switches and each thread's states what
/// Perfetto knows of a kernel trace: its critical path and the tables of its standard library work on them.
/// Locks, queues, tasks, spans and counters have tracks of their own below their process, in an order that
/// is said, and counters have units.
///
/// Slices of a thread nest. One that would cross another begins where that one ends; it has `cut` and
/// its true measures among its arguments.
///
/// Memory grows with the definitions, not with events, as long as the output is taken.
///
/// Source of the format: protos/perfetto/trace/trace.proto in Perfetto's repository.
public struct PerfettoTraceWriter: TimelineWriter {
  var output = ByteBuffer()
  /// What is being written of a TrackEvent, and what stands before it in its packet.
  var event = ByteBuffer()
  var head = ByteBuffer()
  /// Texts that are new, and not written.
  var data = ByteBuffer()
  let texts: TextTable
  var interned: InternedTexts
  let threads: [RecordedThread]
  let threadIndex: NumberIndex
  let lockIndex: NumberIndex
  var locks: [LockTracks]
  var tracks: [ThreadTrack]
  var processes: [ProcessTracks]
  var tasks = TaskTracks()
  /// The track of the first task; the others follow, so that none has to be kept.
  let firstTaskTrack: UInt64
  var lastTrack: UInt64
  var lastFlow: UInt64 = 0
  /// When the last event happened: no slice may end before one that was written.
  var now: Int64 = 0
  var scheduling = SchedulingBundles()
  var cpuSwitches: CPUSwitches
  var schedulingNow: Int64 = 0
  var hasScheduling = false
  /// Whether wakers have to be told by what locks and signals say.
  let needsWakers: Bool
  /// What is shown.
  let window: Range<Int64>
  let isCut: Bool
  /// Whether the window has not begun: what happens is taken note of, and not written.
  var isBeforeWindow: Bool
  /// Whether the event in hand ended behind the window.
  var isBehindWindow = false
  private var areEventsFinished = false
  private var isFinished = false

  /// Writes what was recorded, and the names of all processes and threads.
  ///
  /// - Parameter cut: What is to be shown; the trace says what is not.
  public init(definitions: TraceDefinitions, cut: ExportCut = ExportCut()) {
    window = cut.window.lowerBound..<max(cut.window.upperBound, cut.window.lowerBound)
    isCut = !cut.isWhole
    isBeforeWindow = cut.window.lowerBound > 0
    var texts = TextTable()
    // The kernel's numbers end at 2^22, and fields for them at 2^31.
    let ids = ChromeIDs(definitions, firstMadeUp: 1 << 30, areThreadsTold: true)
    processes = ProcessTracks.all(ids)
    tracks = ThreadTrack.all(definitions, ids, firstTrack: UInt64(processes.count))
    (threads, threadIndex) = RecordedThread.all(definitions, ids, shown: cut.threads)
    interned = InternedTexts(definitions)
    (locks, lockIndex) = LockTracks.all(
      definitions, ids, shown: cut.locks, interned, &texts)
    self.texts = texts
    cpuSwitches = CPUSwitches(definitions, ids)
    firstTaskTrack = UInt64(processes.count + tracks.count + 1)
    lastTrack = firstTaskTrack + UInt64(TaskTracks.most)
    needsWakers = definitions.recording.scheduling == .switches
    appendHead(definitions, cut)
    for place in processes.indices.dropFirst() { appendTrack(ofProcess: place) }
    appendProcessTree(definitions, ids)
    for place in tracks.indices.dropFirst() where tracks[place].isThread {
      appendTrack(ofThread: place)
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
      let thread = threads[threadIndex[event.thread.rawValue]]
      if isCut {
        guard locks[lock].isShown || thread.isShown else { continue }
        addCut(event, lock, thread.track)
      } else {
        now = max(now, event.time.nanoseconds)
        add(event, lock, thread.track)
      }
    }
  }

  @inline(__always)
  mutating func add(_ event: Event, _ lock: Int, _ track: Int) {
    if !locks[lock].isIntroduced { introduce(lock) }
    if !tracks[track].isTold { appendTrack(ofThread: track) }
    tracks[track].firstTime = min(tracks[track].firstTime, now)
    tracks[track].lastTime = now
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

  /// Ends what the program itself did: only scheduling may be added afterwards.
  public mutating func finishEvents() {
    guard !areEventsFinished else { return }
    areEventsFinished = true
    endTasks()
  }

  /// Closes the trace. Nothing may be added afterwards.
  public mutating func finish() {
    guard !isFinished else { return }
    finishEvents()
    isFinished = true
    finishScheduling()
  }

  /// Takes the bytes that were written since the last call. Call it after each batch of events:
  /// what is not taken stays in memory.
  public mutating func takeOutput() -> [UInt8] { output.take() }
}
