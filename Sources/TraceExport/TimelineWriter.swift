public import TraceModel

/// Writes a recording as a timeline, for as many events as there are: what was written is taken after each
/// batch.
public protocol TimelineWriter {
  /// Writes what comes before the first event.
  init(definitions: TraceDefinitions, cut: ExportCut)
  /// Adds events in the order of time, each wait announced by its
  /// ``TraceModel/Event/Kind/waitBegin``.
  mutating func add(_ events: Span<Event>)
  /// Ends what the program itself did: only scheduling may be added afterwards.
  mutating func finishEvents()
  /// Adds the events of scheduling in the order of time, after everything else.
  mutating func addScheduling(_ events: Span<Event>)
  /// Closes the timeline. Nothing may be added afterwards.
  mutating func finish()
  /// Takes the bytes that were written since the last call.
  mutating func takeOutput() -> [UInt8]
}
