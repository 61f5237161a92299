internal import CLinux
public import SystemPackage

/// A thread that runs one function, with all signals held back.
public struct BackgroundThread: ~Copyable {
  private let thread: UInt64

  /// Starts it. Throws `resourceTemporarilyUnavailable` when the machine has no thread to give.
  public init(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    var thread: UInt64 = 0
    let box = Unmanaged.passRetained(Box(body))
    let error = clinux_start_thread(
      &thread,
      { argument in
        guard let argument else { return }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      }, box.toOpaque())
    guard error == 0 else {
      box.release()
      throw Errno(rawValue: error)
    }
    self.thread = thread
  }

  /// Waits until the function has returned.
  public consuming func join() { clinux_join_thread(thread) }

  /// Leaves it to itself: it is gone when the function has returned.
  public consuming func detach() { clinux_detach_thread(thread) }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
