internal import CProbes

/// Tells ctrace of a program's own queues, locks, work and numbers.
///
/// Where the program is not run by `ctrace record`, each call costs a comparison, and does nothing.
/// Everything here can be used from any thread, and beside `ctrace.h` in C.
///
///     let jobs = TracedQueue("jobs", capacity: 64)
///     jobs.enqueue()
///     Probes.slice("parse") { parse(input) }
///     Probes.counter("open files", files.count)
public enum Probes {
  /// Whether the program is recorded: for what would take time to find out.
  public static var isRecorded: Bool { api != nil }

  /// Runs a piece of work under a name.
  @discardableResult
  @inlinable
  public static func slice<Result, Failure: Error>(
    _ name: StaticString, _ work: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let slice = TracedSlice(name)
    defer { slice.end() }
    return try work()
  }

  /// Something happens now.
  public static func instant(_ name: String, _ value: Int = 0) {
    guard let api else { return }
    api.pointee.instant(label(name, api), Int64(value))
  }

  /// A counter has this value from now on.
  public static func counter(_ name: String, _ value: Int) {
    guard let api else { return }
    api.pointee.counter(label(name, api), Int64(value))
  }

  /// A name for a lock, condition, semaphore or barrier of libc's, by its address. After it was
  /// initialised.
  public static func name(lock: UnsafeRawPointer, _ name: String) {
    guard let api else { return }
    name.withCString { api.pointee.name_lock(lock, $0) }
  }

  /// Work that has just ended, of which only the duration is known.
  public static func spanLasted(_ name: String, nanoseconds: UInt64) {
    guard let api else { return }
    api.pointee.span(label(name, api), api.pointee.time_before(nanoseconds))
  }
}

/// The runtime's functions; nil where the program is not recorded. Never changes.
nonisolated(unsafe) let api: UnsafePointer<ctrace_api>? = ctrace_probes_api()

/// The number of a label.
func label(_ name: String, _ api: UnsafePointer<ctrace_api>) -> UInt64 {
  var name = name
  return name.withUTF8 { bytes in
    bytes.withMemoryRebound(to: CChar.self) {
      api.pointee.label($0.baseAddress, $0.count)
    }
  }
}
