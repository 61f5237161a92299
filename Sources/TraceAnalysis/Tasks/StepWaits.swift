internal import TraceModel

/// The longest wait of a thread within the step that goes on, which is known only when the step ends.
///
/// Kept are those waits that no later one was longer than: the first of them that began within the step is
/// the longest of it.
struct StepWaits {
  struct Wait {
    var lock: LockID
    var stack: StackID
    var start: Timestamp
    var duration: Int64
  }

  private static let most = 16
  private var waits: [Wait] = []

  /// The thread has waited.
  mutating func add(_ event: Event) {
    while let last = waits.last, last.duration <= event.duration { waits.removeLast() }
    guard waits.count < StepWaits.most else { return }
    waits.append(
      Wait(
        lock: event.lock, stack: event.stack, start: event.start, duration: event.duration))
  }

  /// The thread has ended a step that began at `start`; returns the longest wait within it.
  mutating func take(since start: Timestamp) -> Wait? {
    let longest = waits.first { $0.start >= start }
    waits.removeAll(keepingCapacity: true)
    return longest
  }
}
