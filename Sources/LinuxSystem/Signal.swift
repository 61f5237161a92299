internal import CLinux
internal import Glibc
public import SystemPackage

/// Wakes a thread that has run out of work, and one that waits for room to hand some over.
public struct Signal: ~Copyable, Sendable {
  private let work: FileDescriptor
  private let room: FileDescriptor

  /// Throws where the process has no descriptors left.
  public init() throws(Errno) {
    let work = try Signal.event()
    let room: FileDescriptor
    do { room = try Signal.event() } catch {
      try? work.close()
      throw error
    }
    self.work = work
    self.room = room
  }

  deinit {
    try? work.close()
    try? room.close()
  }

  /// There is work.
  public func wake() { Signal.raise(work) }
  /// Returns when there has been work since the last time.
  public func wait() { Signal.await(work) }
  /// There is room.
  public func makeRoom() { Signal.raise(room) }
  /// Returns when there has been room since the last time.
  public func waitForRoom() { Signal.await(room) }

  private static func event() throws(Errno) -> FileDescriptor {
    let descriptor = clinux_open_event()
    guard descriptor >= 0 else { throw Errno(rawValue: currentErrno) }
    return FileDescriptor(rawValue: descriptor)
  }

  private static func raise(_ descriptor: FileDescriptor) {
    var one: UInt64 = 1
    _ = write(descriptor.rawValue, &one, 8)
  }

  private static func await(_ descriptor: FileDescriptor) {
    var count: UInt64 = 0
    while read(descriptor.rawValue, &count, 8) < 0 && currentErrno == EINTR {}
  }
}
