internal import CProbes

/// A queue: items go in and come out, in the order in which they came or in another one.
public final class TracedQueue: Sendable {
  /// The moment at which an item came in, to be kept with it.
  public struct Arrival: Sendable {
    fileprivate let time: UInt64
  }

  private let object: NamedObject<ctrace_queue>

  /// Makes one.
  ///
  /// - Parameters:
  ///   - name: What reports call it.
  ///   - capacity: Of so many items it is full; 0 for never.
  public init(_ name: String, capacity: Int = 0) {
    object = NamedObject(name, isLock: false) {
      ctrace_queue(name: $0, capacity: UInt64(max(capacity, 0)))
    }
  }

  /// Items are about to come in. What it returns is for items that leave in another order than that in
  /// which they came: see ``dequeue(_:)``.
  @discardableResult
  public func enqueue(_ count: Int = 1) -> Arrival {
    guard let api, let queue = object.address else { return Arrival(time: 0) }
    let time = api.pointee.time()
    api.pointee.enqueue(queue, UInt64(max(count, 0)))
    return Arrival(time: time)
  }

  /// Items have left, those first that came first.
  public func dequeue(_ count: Int = 1) {
    guard let api, let queue = object.address else { return }
    api.pointee.dequeue(queue, UInt64(max(count, 0)), 0)
  }

  /// One item has left that had come at this moment.
  public func dequeue(_ arrival: Arrival) {
    guard let api, let queue = object.address else { return }
    api.pointee.dequeue(queue, 1, arrival.time)
  }

  /// It has this depth, whatever went in and out.
  public func setDepth(_ depth: Int) {
    guard let api, let queue = object.address else { return }
    api.pointee.set_depth(queue, UInt64(max(depth, 0)))
  }
}
