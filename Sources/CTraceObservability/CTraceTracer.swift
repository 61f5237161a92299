internal import CTraceProbes
internal import Synchronization
public import Tracing

/// Puts a program's spans on the timeline of its recording.
///
///     InstrumentationSystem.bootstrap(CTraceTracer())
///
/// A span is work from its start to its end, in whatever threads; its events and errors are moments.
/// Attributes, links and the context that goes to other processes are not recorded. Where the program is
/// not recorded, spans cost next to nothing and tell nothing. A program that has another tracer too
/// takes both by `MultiplexInstrument`.
public struct CTraceTracer: Tracer {
  /// Makes one.
  public init() {}

  /// Begins a span, at a moment that may have been.
  public func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> InstrumentationContext,
    ofKind kind: SpanKind, at instant: @autoclosure () -> Instant, function: String,
    file fileID: String, line: UInt
  ) -> CTraceSpan {
    CTraceSpan(operationName, context: context(), start: instant())
  }

  /// Nothing: the recording has all processes on one clock, and nothing has to travel with a request.
  public func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {}

  /// Nothing, likewise.
  public func inject<Carrier, Inject: Injector>(
    _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {}

  /// Nothing: what is told is recorded at once.
  public func forceFlush() {}
}

/// A span of ``CTraceTracer``.
public final class CTraceSpan: Span {
  private struct State {
    var name: String
    var attributes = SpanAttributes()
    var hasEnded = false
  }

  /// What goes along with it through the program.
  public let context: InstrumentationContext
  private let state: Mutex<State>
  private let span: TracedSpan

  init(_ name: String, context: InstrumentationContext, start: some TracerInstant) {
    self.context = context
    state = Mutex(State(name: name))
    let now = Probes.isRecorded ? DefaultTracerClock.now.nanosecondsSinceEpoch : 0
    let began = Probes.isRecorded ? start.nanosecondsSinceEpoch : 0
    span = TracedSpan(nanoseconds: now > began ? now - began : 0)
  }

  /// Whether it is still to be told.
  public var isRecording: Bool { Probes.isRecorded && !state.withLock { $0.hasEnded } }

  /// Its name: the last one counts.
  public var operationName: String {
    get { state.withLock { $0.name } }
    set { state.withLock { $0.name = newValue } }
  }

  /// Kept for the program, and not recorded.
  public var attributes: SpanAttributes {
    get { state.withLock { $0.attributes } }
    set { state.withLock { $0.attributes = newValue } }
  }

  /// An error is a moment, `NAME: error`.
  public func setStatus(_ status: SpanStatus) {
    if status.code == .error { Probes.instant("\(operationName): error") }
  }

  /// An event is a moment, `NAME: EVENT`.
  public func addEvent(_ event: SpanEvent) { Probes.instant("\(operationName): \(event.name)") }

  /// An error is a moment, `NAME: TYPE`.
  public func recordError<Instant: TracerInstant>(
    _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
  ) {
    Probes.instant("\(operationName): \(type(of: error))")
  }

  /// Not recorded.
  public func addLink(_ link: SpanLink) {}

  /// Ends it; later calls do nothing.
  public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
    let name = state.withLock { state -> String? in
      defer { state.hasEnded = true }
      return state.hasEnded ? nil : state.name
    }
    if let name { span.end(name) }
  }
}
