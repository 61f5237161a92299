/// Where the bytes of a recording come from: a file, or an array in a test.
public protocol ByteSource {
  /// Bytes that there are.
  var byteCount: UInt64 { get }

  /// The bytes from an offset on: `count` of them, or fewer at the end.
  ///
  /// - Throws: ``TraceFileError/unreadable(errno:reason:)``.
  func read(at offset: UInt64, count: Int) throws(TraceFileError) -> [UInt8]
}

extension [UInt8]: ByteSource {
  /// Bytes of the array.
  public var byteCount: UInt64 { UInt64(count) }

  /// The bytes from an offset on; never throws.
  public func read(at offset: UInt64, count: Int) throws(TraceFileError) -> [UInt8] {
    guard offset < byteCount, count > 0 else { return [] }
    let start = Int(offset)
    return Array(self[start..<start + Swift.min(count, self.count - start)])
  }
}
