public import TraceModel

/// Threads that wait for each other in a circle, while they do.
public struct Deadlock: Sendable {
  /// One of them.
  public struct Member: Sendable {
    /// Its process.
    public var pid: Int32
    /// The thread.
    public var tid: Int32
    /// Its name.
    public var name: String
    /// What it waits for.
    public var lock: String
    /// Whether it waits for the end of the next.
    public var isJoin: Bool
    /// Nanoseconds that it has waited.
    public var waited: Int64
    /// Its calls, innermost first.
    public var stack: [Symbol]
  }

  /// Each waits for what the next has, and the last for what the first has.
  public var members: [Member]
  /// Other threads that wait for one of them.
  public var waitingBehind: Int
}
