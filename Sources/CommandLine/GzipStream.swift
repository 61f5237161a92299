internal import CZlib

/// Compresses bytes as gzip does (RFC 1952), piece by piece.
final class GzipStream {
  /// Half of what the best level takes off costs a fifth of its time.
  private static let level: Int32 = 1
  private static let pieceSize = 64 << 10

  private var stream = z_stream()
  private var piece = [UInt8](repeating: 0, count: GzipStream.pieceSize)

  init() throws {
    // 15 is the largest window, and 16 stands for gzip's own head and checksum.
    let result = deflateInit2_(
      &stream, GzipStream.level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else { throw Failure(message: "zlib does not start", exitCode: 1) }
  }

  deinit { deflateEnd(&stream) }

  /// Compresses more; calls `write` with what is ready of it.
  func add(_ bytes: [UInt8], _ write: (ArraySlice<UInt8>) throws -> Void) throws {
    try deflate(bytes, flush: Z_NO_FLUSH, write)
  }

  /// Ends it; nothing may be added after.
  func finish(_ write: (ArraySlice<UInt8>) throws -> Void) throws {
    try deflate([], flush: Z_FINISH, write)
  }

  private func deflate(
    _ bytes: [UInt8], flush: Int32, _ write: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    var bytes = bytes
    let count = bytes.count
    try bytes.withUnsafeMutableBufferPointer { input in
      var done = 0
      repeat {
        // What does not fit into zlib's counts is given to it in parts.
        let part = min(count - done, 1 << 30)
        stream.next_in = input.baseAddress.map { $0 + done }
        stream.avail_in = UInt32(part)
        done += part
        var room: UInt32
        repeat {
          piece.withUnsafeMutableBufferPointer {
            stream.next_out = $0.baseAddress
            stream.avail_out = UInt32($0.count)
            _ = CZlib.deflate(&stream, flush)
          }
          room = stream.avail_out
          let written = piece.count - Int(room)
          if written > 0 { try write(piece[..<written]) }
        } while room == 0
      } while done < count
    }
  }
}
