internal import TraceModel

/// Waits for futexes from entries and exits of the futex call, for programs that the runtime is not in.
struct FutexWaits {
  /// An entry.
  struct Call {
    var pid: Int32
    var tid: Int32
    var address: UInt64
    var operation: Int32
    var stack: [UInt64]
  }

  /// A wait that has ended, or a wake.
  struct Wait {
    var call: Call
    var start: UInt64
    var end: UInt64
    var outcome: Event.Outcome
    var isWake: Bool
  }

  private var open: [Int32: (call: Call, start: UInt64)] = [:]
  private var ended: [Wait] = []

  /// Operations of futex(2), without the bits for private futexes and for the clock.
  private enum Operation {
    static let mask: Int32 = ~(128 | 256)
    /// WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2.
    static let waits: Set<Int32> = [0, 6, 9, 11, 13]
    /// WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAKE_BITSET, CMP_REQUEUE_PI.
    static let wakes: Set<Int32> = [1, 3, 4, 5, 10, 12]
    static let unlock: Int32 = 7
  }

  /// A thread enters the call.
  mutating func enter(_ call: Call, at time: UInt64) {
    let operation = call.operation & Operation.mask
    if Operation.waits.contains(operation) || Operation.wakes.contains(operation)
      || operation == Operation.unlock
    {
      open[call.tid] = (call, time)
    }
  }

  /// A thread leaves it.
  mutating func exit(tid: Int32, result: Int64, at time: UInt64) {
    guard let (call, start) = open.removeValue(forKey: tid) else { return }
    let operation = call.operation & Operation.mask
    let isWake = !Operation.waits.contains(operation)
    // Nobody was there to be woken; or the word had changed already, and nothing was waited for.
    if isWake ? result < (operation == Operation.unlock ? 0 : 1) : result == -11 { return }
    let outcome: Event.Outcome =
      result == 0 || isWake ? .acquired : result == -110 ? .timedOut : .failed
    ended.append(Wait(call: call, start: start, end: time, outcome: outcome, isWake: isWake))
  }

  /// What has ended since the last time, in the order of the ends on each CPU.
  mutating func take() -> [Wait] {
    defer { ended.removeAll(keepingCapacity: true) }
    return ended.sorted { $0.end < $1.end }
  }

  /// Waits that go on.
  func unfinished(at time: UInt64) -> [Wait] {
    open.values.filter { Operation.waits.contains($0.call.operation & Operation.mask) }.map {
      Wait(call: $0.call, start: $0.start, end: time, outcome: .unfinished, isWake: false)
    }
  }
}
