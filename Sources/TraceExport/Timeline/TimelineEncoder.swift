internal import TraceModel

/// How one form of a timeline looks, and what its viewer's importer demands. What is in a timeline is
/// decided by ``Timeline``, which is generic over this: nothing here is called through a table, and
/// nothing is allocated for an event.
///
/// Locks, tracks and threads are places in the arrays that are made of the definitions in the order of
/// their numbers; place 0 stands for what has no definition.
protocol TimelineEncoder {
  /// The numbers that processes and threads have.
  static func ids(_ definitions: TraceDefinitions) -> TimelineIDs
  /// How slices of a thread have to nest.
  static var nesting: SliceNesting { get }
  /// Whether each lock has a track of who has it; otherwise only interpreters have, and what tasks hold.
  static var showsOwners: Bool { get }
  /// Whether wakeups can be written at any time, and not only with scheduling.
  static var takesWakeups: Bool { get }
  /// A time as it is drawn: never negative, and as exact as the form can say it. Keeps the order.
  static func drawn(_ time: Timestamp) -> Int64

  var output: ByteBuffer { get set }
  /// Whether what is told is taken note of, and not written: the window that is shown has not begun.
  var isHidden: Bool { get set }

  /// Writes what comes before the first event.
  init(_ definitions: TraceDefinitions, _ ids: TimelineIDs, _ cut: ExportCut)

  /// An event is about these.
  mutating func mention(_ lock: Int, _ track: Int, at time: Int64)

  // MARK: Slices

  /// Begins a slice up to its own arguments: these follow, and ``end(_:_:)``.
  mutating func begin(_ slice: TimelineSlice, _ operation: Event.Operation)
  mutating func add(_ argument: SliceArgument, _ value: Int64)
  mutating func add(_ outcome: Event.Outcome)
  mutating func add(owner thread: Int)
  mutating func add(mutex lock: Int)
  /// Adds the true measures of a slice that is drawn cut: its length, and when it began.
  mutating func addCut(_ event: Event, _ length: SliceArgument, _ start: SliceArgument)
  /// Ends what was begun last.
  mutating func end(_ slice: TimelineSlice, _ stack: StackID)
  /// Finds room for a span of a lock's name that ends now; returns where it begins there.
  mutating func placeSpan(of lock: Int, from start: Int64, to end: Int64) -> Int64

  /// Begins the track of a task, and the slice on it that encloses its waits.
  mutating func beginTask(_ place: Int, _ state: TaskTracks.State, number: Int64, at time: Int64)
  mutating func endTask(_ place: Int, _ state: TaskTracks.State)

  // MARK: Values

  /// A counter of a lock's has a value from now on.
  mutating func set(_ counter: LockCounter, of lock: Int, to value: Int64, at time: Int64)
  /// The stack of a thread where a wait begins.
  mutating func addSample(_ stack: StackID, _ track: Int, at time: Int64)

  // MARK: Scheduling

  /// What the program did has been told.
  mutating func endEvents()
  mutating func beginScheduling()
  mutating func add(_ change: CPUChange)
  /// A thread can run again, on a CPU, because another woke it.
  mutating func addWakeup(of track: Int, by waker: Int, cpu: Int, at time: Int64)
  /// Closes the timeline, of which this was shown.
  mutating func finish(_ window: Range<Int64>)
}

/// A slice of a timeline, or a moment.
struct TimelineSlice {
  var kind: SliceKind
  var row = SliceRow.thread
  /// The track of the thread that did it.
  var track: Int
  /// What it is about.
  var lock: Int
  var begin: Int64
  var end: Int64
  var arrow = Arrow.none
}

extension TimelineSlice {
  /// A moment of a thread.
  init(_ kind: SliceKind, _ lock: Int, _ track: Int, at time: Int64, _ arrow: Arrow = .none) {
    self.init(kind: kind, track: track, lock: lock, begin: time, end: time, arrow: arrow)
  }
}

/// What a slice tells.
enum SliceKind {
  case wait, hold, work, call, span, taskWait
  // Moments.
  case acquired, release, signal, post, enqueue, dequeue, instant

  /// Whether it has no length.
  var isMoment: Bool {
    switch self {
    case .wait, .hold, .work, .call, .span, .taskWait: false
    case .acquired, .release, .signal, .post, .enqueue, .dequeue, .instant: true
    }
  }
}

/// Where a slice is drawn.
enum SliceRow {
  /// On the track of its thread.
  case thread
  /// On that of its lock, which shows who has it.
  case owners(LockOwner)
  /// On that of the task at a place.
  case task(Int)
  /// Where there was room for a span.
  case spans
}

/// Who has a lock.
enum LockOwner {
  case thread(Int)
  /// A task that is called as this lock; 0 where its name is not known.
  case task(Int)
}

/// The arrow that begins or ends at a slice, by its number.
enum Arrow {
  case none
  case leaving(UInt64)
  case arriving(UInt64)
  /// One of several that the same event has woken.
  case arrivingAmongOthers(UInt64)
}

/// What is said of a slice. The raw value is the number where names are written once.
enum SliceArgument: UInt64, CaseIterable {
  case lock = 1
  case kind, address, operation, outcome, owner, mutex, stack, cut
  case waited, requested, held, acquired, ran, began
  case value, task, items, residence
}

/// What a counter of a lock counts.
enum LockCounter {
  case waiters, value, depth, ready
}
