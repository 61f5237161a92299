/// A number that a recording gives to one of its things.
///
/// Numbers of the kernel and addresses get reused within one recording; these never are. Zero stands
/// for "unknown" throughout.
public protocol RecordingNumber: Hashable, Comparable, Sendable, RawRepresentable<UInt32> {
  /// Makes it from the number.
  init(rawValue: UInt32)
}

extension RecordingNumber {
  /// Nothing, or something that the recorder could not tell.
  @inlinable
  public static var unknown: Self { Self(rawValue: 0) }

  /// The order in which the recorder first saw them.
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One program image: a process from its start, fork or exec to its end or next exec.
///
/// Numbered by the recording, not by the kernel: see ``Process/pid`` for the kernel's number.
public struct ProcessID: RecordingNumber {
  /// The number.
  public var rawValue: UInt32
  /// Makes it from the recording's number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// One thread of one ``ProcessID``. See ``Thread/tid`` for the kernel's number.
public struct ThreadID: RecordingNumber {
  /// The number.
  public var rawValue: UInt32
  /// Makes it from the recording's number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// One lock, condition, semaphore, barrier or other thing that threads wait for: an address in a
/// process, in one of its generations (an address gets reused after a destroy).
public struct LockID: RecordingNumber {
  /// The number.
  public var rawValue: UInt32
  /// Makes it from the recording's number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// One distinct call stack of one process.
public struct StackID: RecordingNumber {
  /// The number.
  public var rawValue: UInt32
  /// Makes it from the recording's number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// One task of the kernel. See ``KernelTask``.
public struct KernelTaskID: RecordingNumber {
  /// The number.
  public var rawValue: UInt32
  /// Makes it from the recording's number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}
