/// Which of many ranges of addresses an address belongs to: the one that begins last among those
/// that contain it, so the innermost where they nest.
///
/// The ranges may overlap in any way. They are flattened once, by a sweep over their starts, into
/// pieces that do not; a look-up is one binary search.
struct RangeMap: Sendable {
  /// First addresses of the pieces, ascending; a piece lasts until the next.
  private var starts: [UInt64] = []
  /// Per piece the owner of its range, or `none`.
  private var owners: [UInt32] = []
  private static let none = UInt32.max

  /// The owner of the range that an address belongs to.
  func owner(at address: UInt64) -> Int? {
    let next = starts.partitioningIndex { $0 > address }
    guard next > 0, owners[next - 1] != Self.none else { return nil }
    return Int(owners[next - 1])
  }

  private mutating func append(_ start: UInt64, owner: UInt32) {
    if starts.last == start {
      owners[owners.count - 1] = owner
    } else {
      starts.append(start)
      owners.append(owner)
    }
  }

  /// Takes ranges by ascending start, in O(1) amortised.
  struct Sweep {
    private var map = RangeMap()
    /// Ranges that are not over at the address the sweep has reached, innermost last.
    private var open: [(end: UInt64, owner: UInt32)] = []

    init(capacity: Int = 0) {
      map.starts.reserveCapacity(capacity)
      map.owners.reserveCapacity(capacity)
    }

    /// Where the innermost range ends that is not over at the address the sweep has reached.
    var innermostEnd: UInt64? { open.last?.end }

    /// Ends the ranges that are over at `limit`; what each one covered goes back to the one around.
    mutating func advance(to limit: UInt64) {
      while let last = open.last, last.end <= limit {
        while let outer = open.last, outer.end <= last.end { open.removeLast() }
        map.append(last.end, owner: open.last?.owner ?? RangeMap.none)
      }
    }

    /// Adds a range that does not begin before the ones added so far.
    mutating func add(start: UInt64, end: UInt64, owner: UInt32) {
      guard start < end else { return }
      advance(to: start)
      map.append(start, owner: owner)
      open.append((end, owner))
    }

    /// The map of what was added.
    consuming func finished() -> RangeMap {
      advance(to: .max)
      return map
    }
  }
}
