public import TraceModel

/// Writes a recording as a Chrome trace: JSON that Perfetto opens without an error.
///
/// Each thread is a track of slices: its waits, the holds that others waited for and, without a
/// length, its signals and posts. Each lock that was waited for has a counter of its waiters, each
/// semaphore one of its value, and each queue one of its depth. Work that the program has a name for, or
/// that came out of a queue, is a slice too, and so are the steps of tasks, which have tracks of their own
/// for what they wait for. An interpreter's lock has one for who holds it. Scheduling comes behind all of
/// it: a track for each CPU, and the states of each thread.
///
/// Slices of a thread nest. One that would cross another begins where that one ends; it has
/// `"cut":true` and its true measures in its arguments.
///
/// Memory grows with the definitions, not with events, as long as the output is taken.
public struct ChromeTraceWriter: TimelineWriter {
  private var timeline: Timeline<ChromeEncoder>

  /// Writes the start of the document and the names of all processes and threads.
  ///
  /// - Parameter cut: What is to be shown; the document says what is not.
  public init(definitions: TraceDefinitions, cut: ExportCut = ExportCut()) {
    timeline = Timeline(definitions, cut)
  }

  /// Adds events in the order of time, each wait announced by its
  /// ``TraceModel/Event/Kind/waitBegin``.
  ///
  /// Events that name threads, locks or stacks without a definition are drawn as far as they can be,
  /// and times that go back count as the latest one before them.
  public mutating func add(_ events: Span<Event>) { timeline.add(events) }

  /// Ends what the program itself did: only scheduling may be added afterwards.
  public mutating func finishEvents() { timeline.finishEvents() }

  /// Adds the events of scheduling in the order of time, after everything else.
  public mutating func addScheduling(_ events: Span<Event>) { timeline.addScheduling(events) }

  /// Closes the timeline. Nothing may be added afterwards.
  public mutating func finish() { timeline.finish() }

  /// Takes the bytes that were written since the last call. Call it after each batch of events: what is
  /// not taken stays in memory.
  public mutating func takeOutput() -> [UInt8] { timeline.takeOutput() }
}
