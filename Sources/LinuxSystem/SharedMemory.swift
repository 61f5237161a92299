internal import CLinux
internal import Glibc
public import SystemPackage

/// Memory shared with other processes: an object without a name, mapped whole.
///
/// Others write to it at any moment. Read single words with the loads given here, and copy anything
/// larger before looking at it twice.
public struct SharedMemory: ~Copyable {
  /// The descriptor under which children find it in /proc.
  public let descriptor: FileDescriptor
  /// Bytes.
  public let size: Int
  private let base: UnsafeMutableRawPointer

  /// Creates an object that reads as zeros and takes up memory only where it is written to.
  ///
  /// - Parameter name: shown in the maps of processes.
  public init(name: String, size: Int) throws(Errno) {
    let descriptor = clinux_create_memory(name, UInt64(size))
    guard descriptor >= 0 else { throw Errno(rawValue: currentErrno) }
    let base = mmap(
      nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
    guard let base, base != MAP_FAILED else {
      let error = Errno(rawValue: currentErrno)
      close(descriptor)
      throw error
    }
    // The arena is no part of a core file of the recorder.
    madvise(base, size, MADV_DONTDUMP)
    self.descriptor = FileDescriptor(rawValue: descriptor)
    self.size = size
    self.base = base
  }

  deinit {
    munmap(base, size)
    try? descriptor.close()
  }

  /// The memory from an offset on. Traps outside of the object: offsets are the caller's own.
  @inline(__always)
  public func pointer(at offset: Int) -> UnsafeMutableRawPointer {
    precondition(offset >= 0 && offset < size)
    return base + offset
  }

  /// Makes a range read as zeros and gives its memory back.
  public func discard(_ range: Range<Int>) {
    clinux_punch_hole(descriptor.rawValue, UInt64(range.lowerBound), UInt64(range.count))
  }
}

/// Keeps reads of shared memory before it from being made after those behind it.
@inline(__always)
public func readFence() { clinux_read_fence() }

extension UnsafeRawPointer {
  /// Reads a word that another process may be writing; what it wrote before is visible after.
  @inline(__always)
  public func loadAcquiring64() -> UInt64 { clinux_load64(self) }
  /// Reads a half word that another process may be writing; what it wrote before is visible after.
  @inline(__always)
  public func loadAcquiring32() -> UInt32 { clinux_load32(self) }
}

extension UnsafeMutableRawPointer {
  /// Writes a word after everything before it.
  @inline(__always)
  public func storeReleasing64(_ value: UInt64) { clinux_store64(self, value) }
  /// Writes a half word after everything before it.
  @inline(__always)
  public func storeReleasing32(_ value: UInt32) { clinux_store32(self, value) }
  /// Sets bits of a word after everything before it.
  @inline(__always)
  public func orReleasing64(_ bits: UInt64) { clinux_or64(self, bits) }
}
