internal import CZstd

/// Compresses chunks: one standard zstd frame each, with the content's size and checksum in it.
@safe
struct Compressor: ~Copyable {
  /// Bytes of which a block is made at least: each costs its code.
  private static let leastBlock = 512

  private let context: OpaquePointer

  init() throws(TraceFileError) {
    guard let context = unsafe ZSTD_createCCtx() else { throw .compression("no memory") }
    unsafe self.context = context
    // The level is the fastest that still comes close to the best on columns of small numbers.
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  /// Appends the frame of `payload`; returns its size.
  ///
  /// Parts that begin at `boundaries` become blocks of their own, each with the code that suits it.
  mutating func compress(
    _ payload: [UInt8], boundaries: [Int], into bytes: inout [UInt8]
  ) throws(TraceFileError) -> Int {
    let start = bytes.count
    var ends: [Int] = []
    for end in boundaries
    where end - (ends.last ?? 0) >= Compressor.leastBlock
      && payload.count - end >= Compressor.leastBlock
    {
      ends.append(end)
    }
    ends.append(payload.count)
    let room = ZSTD_compressBound(payload.count) + 32 * ends.count
    bytes.append(contentsOf: repeatElement(0, count: room))
    unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
    unsafe ZSTD_CCtx_setPledgedSrcSize(context, UInt64(payload.count))
    let (size, rest) = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe payload.withUnsafeBytes { payload in
        var output = unsafe ZSTD_outBuffer(
          dst: bytes.baseAddress.map { unsafe $0 + start }, size: room, pos: 0)
        var input = unsafe ZSTD_inBuffer(src: payload.baseAddress, size: 0, pos: 0)
        var rest = 0
        for end in ends where ZSTD_isError(rest) == 0 {
          unsafe input.size = end
          // There is room for all: nothing is left to be flushed by another call.
          rest = unsafe ZSTD_compressStream2(
            context, &output, &input, end == payload.count ? ZSTD_e_end : ZSTD_e_flush)
        }
        return unsafe (output.pos, rest)
      }
    }
    guard ZSTD_isError(rest) == 0 else { throw .compression(zstdMessage(rest)) }
    guard rest == 0 else { throw .compression("no room") }
    bytes.removeLast(room - size)
    return size
  }
}

/// Undoes what ``Compressor`` did, whatever the bytes.
@safe
struct Decompressor: ~Copyable {
  private let context: OpaquePointer

  init() throws(TraceFileError) {
    guard let context = unsafe ZSTD_createDCtx() else { throw .compression("no memory") }
    unsafe self.context = context
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// The content of `frame`, one frame of exactly `size` bytes of content; nil when it is not.
  mutating func decompress(_ frame: ArraySlice<UInt8>, size: Int) -> [UInt8]? {
    let written: Int
    var payload = [UInt8](repeating: 0, count: size)
    written = unsafe payload.withUnsafeMutableBytes { payload in
      unsafe frame.withUnsafeBytes { frame in
        unsafe ZSTD_decompressDCtx(
          context, payload.baseAddress, payload.count, frame.baseAddress, frame.count)
      }
    }
    return ZSTD_isError(written) == 0 && written == size ? payload : nil
  }
}

private func zstdMessage(_ code: Int) -> String {
  unsafe ZSTD_getErrorName(code).map { unsafe String(cString: $0) } ?? "error \(code)"
}
