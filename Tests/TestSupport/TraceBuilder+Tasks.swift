public import TraceModel

/// What tasks do, and frames of Python code.
///
///     let fetch = trace.lock("fetch", kind: .task)
///     trace.step(loop, fetch, task: 7, from: 100, to: 300)
extension TraceBuilder {
  /// A task runs on a thread.
  public mutating func step(
    _ thread: ThreadID, _ name: LockID, task: Int64, from start: Int64, to end: Int64,
    stack: StackID = .unknown
  ) {
    add(
      Event(
        kind: .slice, thread: thread, time: Timestamp(nanoseconds: end), duration: end - start,
        lock: name, stack: stack, value: task))
  }

  /// A task of a thread's waits.
  public mutating func taskWait(
    _ thread: ThreadID, _ lock: LockID, task: Int64, from start: Int64, to end: Int64,
    operation: Event.Operation = .lock, outcome: Event.Outcome = .acquired,
    stack: StackID = .unknown
  ) {
    add(
      Event(
        kind: .taskWait, operation: operation, outcome: outcome, thread: thread,
        time: Timestamp(nanoseconds: end), duration: end - start, lock: lock, stack: stack,
        value: task))
  }

  /// A task of a thread's releases what it has held since `start`, if that is known.
  public mutating func taskRelease(
    _ thread: ThreadID, _ lock: LockID, task: Int64, from start: Int64?, to end: Int64,
    stack: StackID = .unknown
  ) {
    add(
      Event(
        kind: .taskRelease, operation: .lock, isDurationKnown: start != nil, thread: thread,
        time: Timestamp(nanoseconds: end), duration: end - (start ?? end), lock: lock, stack: stack,
        value: task))
  }

  /// A stack of Python code, innermost first: functions with their files and lines.
  public mutating func python(_ frames: (function: String, file: String, line: UInt32)...)
    -> StackID
  {
    let id = stack(frames.map(\.function))
    for (place, frame) in frames.enumerated() {
      define(
        .symbol(
          process: ProcessID(rawValue: 1), address: frameAddress(place, of: id),
          frames: [
            Symbol(
              function: frame.function, file: frame.file, line: frame.line,
              module: Symbol.pythonModule)
          ]))
    }
    return id
  }
}
