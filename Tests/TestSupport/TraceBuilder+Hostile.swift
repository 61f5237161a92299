internal import TraceModel

extension TraceBuilder {
  /// A recording of things of every kind, of which all numbers are extremes: what nobody records, and
  /// anybody can write into a file.
  public static func hostile(seed: UInt64, events count: Int = 20_000) -> TraceBuilder {
    var random = SeededGenerator(seed: seed)
    func one<Value>(of values: [Value]) -> Value {
      values[Int.random(in: values.indices, using: &random)]
    }
    let times: [Int64] = [.min, -5, 0, 7, 1 << 62, .max]
    let counts: [UInt64] = [0, 1, UInt64(Int64.max), .max]
    var trace = TraceBuilder(duration: one(of: [0, 1, .max]))
    let child = ProcessID(rawValue: 2)
    trace.define(
      .process(
        Process(
          id: child, pid: -1, start: Timestamp(nanoseconds: .max),
          end: Timestamp(nanoseconds: .min))))
    let threads = [
      trace.thread("a"), trace.thread("b", from: .min, to: .max, cpuTime: .max),
      trace.thread("c", from: .max, to: .min, cpuTime: .min, of: child),
    ]
    let locks = LockKind.allCases.map { trace.lock($0.name, kind: $0, capacity: one(of: counts)) }
    for lock in locks {
      for thread in threads {
        trace.define(
          .use(
            LockUse(
              thread: thread, lock: lock, acquisitions: one(of: counts),
              releases: one(of: counts), shortWaits: one(of: counts),
              shortWaitTime: one(of: counts), lostWaits: one(of: counts),
              lostWaitTime: one(of: counts), longestUnrecordedWait: one(of: counts),
              sampledHolds: one(of: counts), sampledHoldTime: one(of: counts))))
      }
    }
    let stacks = [.unknown, trace.stack("f"), StackID(rawValue: .max)]
    let someThreads = threads + [.unknown, ThreadID(rawValue: 9), ThreadID(rawValue: .max)]
    let someLocks = locks + [.unknown, LockID(rawValue: 1000), LockID(rawValue: .max)]
    for _ in 0..<count {
      trace.add(
        Event(
          kind: one(of: Event.Kind.allCases), operation: one(of: Event.Operation.allCases),
          outcome: one(of: Event.Outcome.allCases), isDurationKnown: one(of: [true, false]),
          thread: one(of: someThreads), time: Timestamp(nanoseconds: one(of: times)),
          duration: one(of: [0, 1, 1 << 62, .max]), lock: one(of: someLocks),
          partner: one(of: someLocks), owner: one(of: someThreads), stack: one(of: stacks),
          value: one(of: times)))
    }
    return trace
  }
}
