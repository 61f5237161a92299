internal import CProbes

/// A lock that the program has made itself: tell of it what its threads do.
public final class TracedLock: Sendable {
  private let object: NamedObject<ctrace_lock>

  /// Makes one.
  ///
  /// - Parameter name: What reports call it.
  public init(_ name: String) {
    object = NamedObject(name, isLock: true) { ctrace_lock(name: $0, waiters: 0) }
  }

  /// The thread cannot have it at once, and begins to wait.
  public func requested() {
    guard let api, let lock = object.address else { return }
    api.pointee.lock_requested(lock)
  }

  /// The thread has it, after a wait or without.
  public func acquired() {
    guard let api, let lock = object.address else { return }
    api.pointee.lock_acquired(lock)
  }

  /// The thread is about to give it back.
  public func released() {
    guard let api, let lock = object.address else { return }
    api.pointee.lock_released(lock)
  }
}
