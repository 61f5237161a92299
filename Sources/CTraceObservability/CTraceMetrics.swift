internal import CTraceProbes
public import CoreMetrics
internal import Synchronization

/// Puts a program's metrics on the timeline of its recording.
///
///     MetricsSystem.bootstrap(CTraceMetrics())
///
/// Counters, meters and recorders become counters of the recording; timers, work that has just ended.
/// Fractions are cut off. Where the program is not recorded, everything is ignored. A program that has
/// another backend too takes both by `MultiplexMetricsHandler`.
public struct CTraceMetrics: MetricsFactory {
  /// Makes one.
  public init() {}

  /// A counter, with its sum.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Number(label, dimensions)
  }

  /// A counter of fractions, with the whole part of its sum.
  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    Number(label, dimensions)
  }

  /// A gauge, with its value.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    Number(label, dimensions)
  }

  /// A recorder, with the value recorded last.
  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    Number(label, dimensions)
  }

  /// A timer: each length is work that has just ended.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Lengths(label, dimensions)
  }

  /// Nothing: all there is goes with the handler.
  public func destroyCounter(_ handler: any CounterHandler) {}
  /// Nothing: all there is goes with the handler.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  /// Nothing: all there is goes with the handler.
  public func destroyMeter(_ handler: any MeterHandler) {}
  /// Nothing: all there is goes with the handler.
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  /// Nothing: all there is goes with the handler.
  public func destroyTimer(_ handler: any TimerHandler) {}
}

/// `requests{method=GET,status=200}`.
private func name(_ label: String, _ dimensions: [(String, String)]) -> String {
  guard !dimensions.isEmpty else { return label }
  return "\(label){\(dimensions.map { "\($0)=\($1)" }.joined(separator: ","))}"
}

/// A number over time, whatever it is called for.
private final class Number: CounterHandler, FloatingPointCounterHandler, MeterHandler,
  RecorderHandler
{
  private let name: String
  private let value = Mutex(0.0)

  init(_ label: String, _ dimensions: [(String, String)]) {
    name = CTraceObservability.name(label, dimensions)
  }

  func increment(by amount: Int64) { change { $0 + Double(amount) } }
  func increment(by amount: Double) { change { $0 + amount } }
  func decrement(by amount: Double) { change { $0 - amount } }
  func reset() { change { _ in 0 } }
  func set(_ value: Int64) { change { _ in Double(value) } }
  func set(_ value: Double) { change { _ in value } }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }

  private func change(_ change: (Double) -> Double) {
    guard Probes.isRecorded else { return }
    // Told while it cannot change: what is told last is what it is.
    value.withLock {
      $0 = change($0)
      Probes.counter(name, Int(exactly: $0.rounded(.towardZero)) ?? ($0 < 0 ? .min : .max))
    }
  }
}

private final class Lengths: TimerHandler {
  private let name: String

  init(_ label: String, _ dimensions: [(String, String)]) {
    name = CTraceObservability.name(label, dimensions)
  }

  func recordNanoseconds(_ duration: Int64) {
    Probes.spanLasted(name, nanoseconds: UInt64(max(duration, 0)))
  }
}
