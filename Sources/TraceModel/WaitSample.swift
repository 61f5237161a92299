/// How often, and for how long, threads waited at one place: or, of who held what they waited for, made
/// others wait.
public struct WaitSample: Hashable, Sendable {
  /// What was waited for.
  public var lock: LockID
  /// Who waited, or held it; unknown where that can't be told.
  public var thread: ThreadID
  /// Where; unknown for what was counted only.
  public var stack: StackID
  /// How often.
  public var count: UInt64
  /// Nanoseconds, summed over all that waited at once.
  public var time: Int64

  /// Makes a sample.
  public init(lock: LockID, thread: ThreadID, stack: StackID, count: UInt64, time: Int64) {
    self.lock = lock
    self.thread = thread
    self.stack = stack
    self.count = count
    self.time = time
  }
}
