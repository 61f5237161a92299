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
public struct PerfettoTraceWriter: TimelineWriter {
  private var timeline: Timeline<PerfettoEncoder>

  /// Writes what was recorded, and the names of all processes and threads.
  ///
  /// - Parameter cut: What is to be shown; the trace says what is not.
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
