/// Why a recording could not be read or written. Offsets are bytes from the start of the file.
public enum TraceFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Reading failed with this `errno`.
  case unreadable(errno: Int32, reason: String)
  /// The file is empty.
  case empty
  /// It is a file of something else.
  case foreign
  /// It was made by a later version that this one can't read.
  case newer(version: UInt32)
  /// It ends before its first chunk does.
  case truncated(at: UInt64)
  /// What stands there can't be: the file was changed after it was written, or not written by us.
  case damaged(at: UInt64, what: String)
  /// Reading it would take more memory than any real recording needs.
  case tooLarge(at: UInt64, what: String)
  /// The compressor gave up.
  case compression(String)

  /// A sentence without its full stop: what is wrong and, where something can be done, what.
  public var description: String {
    switch self {
    case .unreadable(_, let reason): "cannot be read: \(reason)"
    case .empty: "is empty: the recording did not begin; record again"
    case .foreign: "is not a ctrace recording; make one with 'ctrace record PROGRAM'"
    case .newer(let version):
      "was recorded by a later ctrace (format \(version)); read it with that version"
    case .truncated(let offset):
      "ends at byte \(offset), before anything was recorded; record again"
    case .damaged(let offset, let what):
      "is damaged at byte \(offset): \(what); copy it again from where it was recorded"
    case .tooLarge(let offset, let what):
      "asks for too much memory at byte \(offset): \(what)"
    case .compression(let reason): "cannot be compressed: \(reason)"
    }
  }
}
