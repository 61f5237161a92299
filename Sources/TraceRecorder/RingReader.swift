internal import CTraceABI

/// Walks the records in bytes copied from a ring. Stops at the first that can't be one.
struct RingReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  /// Whether bytes were left that are no record: the target has written over its ring.
  private(set) var isDamaged = false

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next record that is not padding.
  mutating func next() -> RingRecord? {
    while bytes.count - position >= 8 {
      let first = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let size = Int(first >> 16 & 0xffff) * 8
      let kind = UInt32(first & 0xff)
      guard size > 0, size <= bytes.count - position else { break }
      if kind == CTRACE_RECORD_PAD.rawValue {
        position += size
        continue
      }
      guard size >= RingRecord.leastSize(kind) else { break }
      defer { position += size }
      return RingRecord(
        bytes: UnsafeRawBufferPointer(rebasing: bytes[position..<position + size]))
    }
    isDamaged = position < bytes.count
    position = bytes.count
    return nil
  }
}

/// One record, as long as its kind demands at the least.
struct RingRecord {
  let bytes: UnsafeRawBufferPointer

  var head: ctrace_record { load(0, as: ctrace_record.self) }

  static func leastSize(_ kind: UInt32) -> Int {
    switch kind {
    case CTRACE_RECORD_WAIT.rawValue: MemoryLayout<ctrace_record_wait>.size
    case CTRACE_RECORD_RELEASE.rawValue, CTRACE_RECORD_SLICE.rawValue:
      MemoryLayout<ctrace_record_release>.size
    case CTRACE_RECORD_SIGNAL.rawValue, CTRACE_RECORD_INIT.rawValue,
      CTRACE_RECORD_DESTROY.rawValue:
      MemoryLayout<ctrace_record_lock>.size
    case CTRACE_RECORD_VALUE.rawValue, CTRACE_RECORD_INSTANT.rawValue,
      CTRACE_RECORD_COUNTER.rawValue:
      MemoryLayout<ctrace_record_value>.size
    case CTRACE_RECORD_ENQUEUE.rawValue, CTRACE_RECORD_DEQUEUE.rawValue:
      MemoryLayout<ctrace_record_items>.size
    case CTRACE_RECORD_NAME.rawValue, CTRACE_RECORD_THREAD_NAME.rawValue:
      MemoryLayout<ctrace_record_name>.size
    case CTRACE_RECORD_PLACE.rawValue: MemoryLayout<ctrace_record_place>.size
    case CTRACE_RECORD_STEP.rawValue, CTRACE_RECORD_TASK_WAIT.rawValue,
      CTRACE_RECORD_TASK_RELEASE.rawValue:
      MemoryLayout<ctrace_record_task>.size
    case CTRACE_RECORD_USE.rawValue: MemoryLayout<ctrace_record_use>.size
    case CTRACE_RECORD_NESTING.rawValue: MemoryLayout<ctrace_record_nesting>.size
    case CTRACE_RECORD_EXEC.rawValue: MemoryLayout<ctrace_record_exec>.size
    case CTRACE_RECORD_MODULE.rawValue: MemoryLayout<ctrace_record_module>.size
    default: MemoryLayout<ctrace_record>.size
    }
  }

  func load<Value: BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
    bytes.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// The bytes behind a head of so many.
  func tail(after size: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[size...])
  }
}
