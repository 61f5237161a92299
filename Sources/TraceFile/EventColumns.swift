internal import TraceModel

// How events lie in a chunk's payload: by shapes, and of each shape by columns, so that like stands
// beside like and compresses well. The article "The trace file format" specifies it.

/// What an event is, apart from its numbers. A chunk lists its shapes, and each event names one, so
/// that a reader can step over events of kinds that it does not know.
struct EventShape: Hashable {
  var kind: UInt8
  var operation: UInt8
  var outcome: UInt8
  var flags: UInt8
  /// Which columns the shape has.
  var fields: UInt8

  static let size = 5
  static let isDurationKnown: UInt8 = 1
  static let isFromAcquire: UInt8 = 2

  /// - Parameters:
  ///   - lasts: Whether the event has a duration other than 0.
  ///   - isFromAcquire: Whether that is told from the acquire.
  init(_ event: Event, lasts: Bool, isFromAcquire: Bool) {
    kind = event.kind.rawValue
    operation = event.operation.rawValue
    outcome = event.outcome.rawValue
    flags =
      (event.isDurationKnown ? EventShape.isDurationKnown : 0)
      | (isFromAcquire ? EventShape.isFromAcquire : 0)
    fields =
      EventField.timeAfterWait.bit | EventField.time.bit
      | (lasts ? EventField.duration.bit : 0)
      | (event.lock != .unknown ? EventField.lock.bit : 0)
      | (event.partner != .unknown ? EventField.partner.bit : 0)
      | (event.owner != .unknown ? EventField.owner.bit : 0)
      | (event.stack != .unknown ? EventField.stack.bit : 0)
      | (event.value != 0 ? EventField.value.bit : 0)
  }

  init?(_ reader: inout ByteReader) {
    guard let bytes = reader.array(EventShape.size) else { return nil }
    (kind, operation, outcome, flags, fields) = (bytes[0], bytes[1], bytes[2], bytes[3], bytes[4])
  }

  func encode(into bytes: inout [UInt8]) {
    bytes += [kind, operation, outcome, flags, fields]
  }

  @inline(__always)
  func has(_ field: EventField) -> Bool { fields & field.bit != 0 }

  var isWait: Bool { kind == Event.Kind.wait.rawValue }
  var isFromAcquire: Bool { flags & EventShape.isFromAcquire != 0 }

  /// The event without its numbers; nil for a kind of a later version.
  func template(thread: ThreadID) -> Event? {
    guard let kind = Event.Kind(rawValue: kind), kind != .waitBegin else { return nil }
    return Event(
      kind: kind, operation: Event.Operation(rawValue: operation) ?? .unknown,
      outcome: Event.Outcome(rawValue: outcome) ?? .failed,
      isDurationKnown: flags & EventShape.isDurationKnown != 0, thread: thread, time: .zero)
  }
}

/// The columns of a shape in their order. It has those whose bits are set in its fields.
enum EventField: Int, CaseIterable {
  case timeAfterWait = 0
  case time = 1
  case duration = 2
  case lock = 3
  case partner = 4
  case owner = 5
  case stack = 6
  case value = 7

  /// Its bit in a shape's fields.
  var bit: UInt8 { 1 << UInt8(rawValue) }
  static let count = allCases.count
}

/// When the thread had last waited for a lock, as long as it has not released it: there begins the
/// hold that a release tells of, within a step or two of the clock.
///
/// One place for all locks whose numbers end alike: a wrong moment costs bytes, and is no error.
enum AcquireTimes {
  private static let none = Int64.min

  /// No wait has ended.
  static let empty = [Int64](repeating: none, count: 256)

  /// A wait has ended; one for a condition ends with its mutex in hand.
  @inline(__always)
  static func endWait(
    lock: UInt32, partner: UInt32, at time: Int64, in times: inout MutableSpan<Int64>
  ) {
    let held = partner != 0 ? partner : lock
    times[Int(UInt8(truncatingIfNeeded: held))] = time
  }

  /// The moment from which the hold of a release is told; nil where there is none.
  @inline(__always)
  static func release(lock: UInt32, in times: inout MutableSpan<Int64>) -> Int64? {
    let place = Int(UInt8(truncatingIfNeeded: lock))
    let time = times[place]
    times[place] = none
    return time == none ? nil : time
  }
}
