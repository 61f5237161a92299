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

  /// What a thread did.
  private enum Step {
    case enter(Call)
    case exit(tid: Int32, result: Int64)
  }

  /// What was told since the last time. Each CPU tells in order, but a thread may have entered on one CPU
  /// and have left on another that was heard first.
  private var steps: [(step: Step, time: UInt64)] = []
  private var open: [Int32: (call: Call, start: UInt64)] = [:]

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
      steps.append((.enter(call), time))
    }
  }

  /// A thread leaves it.
  mutating func exit(tid: Int32, result: Int64, at time: UInt64) {
    steps.append((.exit(tid: tid, result: result), time))
  }

  /// What has ended since the last time, in the order of the ends. All CPUs must have told what happened
  /// before `limit`.
  mutating func take(before limit: UInt64) -> [Wait] {
    steps.sort { $0.time < $1.time }
    let count = steps.firstIndex { $0.time >= limit } ?? steps.count
    defer { steps.removeFirst(count) }
    return steps[..<count].compactMap { entry in
      switch entry.step {
      case .enter(let call):
        open[call.tid] = (call, entry.time)
        return nil
      case .exit(let tid, let result): return end(tid: tid, result: result, at: entry.time)
      }
    }
  }

  private mutating func end(tid: Int32, result: Int64, at time: UInt64) -> Wait? {
    guard let (call, start) = open.removeValue(forKey: tid) else { return nil }
    let operation = call.operation & Operation.mask
    let isWake = !Operation.waits.contains(operation)
    // Nobody was there to be woken; or the word had changed already, and nothing was waited for.
    if isWake ? result < (operation == Operation.unlock ? 0 : 1) : result == -11 {
      return nil
    }
    let outcome: Event.Outcome =
      result == 0 || isWake ? .acquired : result == -110 ? .timedOut : .failed
    return Wait(call: call, start: start, end: time, outcome: outcome, isWake: isWake)
  }

  /// Waits that go on.
  func unfinished(at time: UInt64) -> [Wait] {
    open.values.filter { Operation.waits.contains($0.call.operation & Operation.mask) }.map {
      Wait(call: $0.call, start: $0.start, end: time, outcome: .unfinished, isWake: false)
    }
  }
}
