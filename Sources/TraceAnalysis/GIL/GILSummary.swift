/// The interpreter's lock of a process that runs Python code.
public struct GILSummary: Codable, Hashable, Sendable {
  /// The `id` of the lock.
  public var id: UInt32
  /// Its process.
  public var pid: Int32
  /// The process's life, which `utilisation` is a part of.
  public var wallNs: Int64
  /// Nanoseconds in which a thread had it.
  public var heldNs: Int64
  /// Part of the process's life in which a thread had it, from 0 to 1.
  public var utilisation: Double
  /// Times it was taken.
  public var acquisitions: UInt64
  /// How often a thread that waited asked the one that had it to let go.
  public var dropRequests: UInt64
  /// Times it could not be had at once.
  public var contended: UInt64
  /// Waits for it.
  public var waitNs: TimeSummary
  /// The hold that another thread waited for longest; nil where there was none.
  public var worstHold: GILHoldSummary?
  /// Holds that kept others waiting for long, by where they ended, most waiting first.
  public var longHolds: [GILPlaceSummary]
  /// The threads that wanted it: those that starved first, and otherwise those that had it longest.
  public var threads: [GILThreadSummary]
  /// Who waited for whom, the longest first.
  public var pairs: [GILPairSummary]
}

/// One hold.
public struct GILHoldSummary: Codable, Hashable, Sendable {
  /// The thread.
  public var tid: Int32
  /// Its name.
  public var thread: String
  /// When it took the lock.
  public var startNs: Int64
  /// How long it had it.
  public var ns: Int64
  /// For how long of that another thread waited.
  public var waitedForNs: Int64
  /// The calls at its end, innermost first.
  public var stack: [FrameSummary]
}

/// A place where a thread let go of the lock, after another had waited for it for at least 50 ms.
public struct GILPlaceSummary: Codable, Hashable, Sendable {
  /// Holds.
  public var count: UInt64
  /// Nanoseconds that another thread waited during these holds.
  public var ns: Int64
  /// The calls, innermost first.
  public var stack: [FrameSummary]
}

/// What one thread had of the lock.
public struct GILThreadSummary: Codable, Hashable, Sendable {
  /// The thread.
  public var tid: Int32
  /// Its name.
  public var name: String
  /// Times it took the lock.
  public var acquisitions: UInt64
  /// Nanoseconds in which it had it.
  public var heldNs: Int64
  /// Its longest hold among those that another thread waited for.
  public var longestHoldNs: Int64
  /// Waits for it.
  public var waits: UInt64
  /// All waits.
  public var waitNs: TimeSummary
  /// Whether it got much less of it than it asked for.
  public var starved: Bool
  /// Who had it while the thread waited longest; nil where it never waited, or for nobody that is known.
  public var waitedMostFor: GILOwnerSummary?
}

/// A thread that had the lock while another waited.
public struct GILOwnerSummary: Codable, Hashable, Sendable {
  /// The thread.
  public var tid: Int32
  /// Its name.
  public var name: String
  /// Waits that began while it had the lock.
  public var count: UInt64
  /// Nanoseconds of them.
  public var waitNs: Int64
}

/// A thread that waited, and the one that had the lock then.
public struct GILPairSummary: Codable, Hashable, Sendable {
  /// Who waited.
  public var waiter: String
  /// Its number.
  public var waiterTid: Int32
  /// Who had the lock when the waits began.
  public var owner: String
  /// Its number.
  public var ownerTid: Int32
  /// Waits.
  public var count: UInt64
  /// Nanoseconds of them.
  public var waitNs: Int64
}
