internal import CProbes

/// A piece of work that goes on, in the thread that began it.
public struct TracedSlice: Sendable {
  private let label: UInt64
  private let start: UInt64

  /// Begins it. Work that began within another ends before it.
  public init(_ name: StaticString) {
    guard let api else {
      (label, start) = (0, 0)
      return
    }
    label = name.withUTF8Buffer { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        api.pointee.label($0.baseAddress, $0.count)
      }
    }
    start = api.pointee.time()
  }

  /// Ends it.
  public func end() {
    guard let api, start != 0 else { return }
    api.pointee.slice(label, start)
  }
}

/// A piece of work that may end in another thread than the one in which it began, and beside others of
/// its name.
public struct TracedSpan: Sendable {
  private let start: UInt64

  /// Begins it, `nanoseconds` ago. It has its name when it ends.
  public init(nanoseconds: UInt64 = 0) {
    guard let api else {
      start = 0
      return
    }
    start = api.pointee.time_before(nanoseconds)
  }

  /// Ends it.
  public func end(_ name: String) {
    guard let api, start != 0 else { return }
    api.pointee.span(CTraceProbes.label(name, api), start)
  }
}
