internal import CZstd

/// Compresses chunks: one standard zstd frame each, with the content's size and checksum in it.
@safe
struct Compressor: ~Copyable {
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
  mutating func compress(_ payload: [UInt8], into bytes: inout [UInt8]) throws(TraceFileError)
    -> Int
  {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: ZSTD_compressBound(payload.count)))
    let size = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe payload.withUnsafeBytes { payload in
        unsafe ZSTD_compress2(
          context, buffer.baseAddress.map { unsafe $0 + start }, buffer.count - start,
          payload.baseAddress, payload.count)
      }
    }
    guard ZSTD_isError(size) == 0 else { throw .compression(zstdMessage(size)) }
    bytes.removeLast(bytes.count - start - size)
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
