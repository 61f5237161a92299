/// Keeps the slices of one track nested: the importer drops a slice that begins inside another one
/// and ends after it, as the holds of two locks do that are released in the order of acquisition.
///
/// Slices come in the order of their ends. One can only cross those outermost so far, so these alone
/// are kept; a slice that encloses them takes their place.
struct SliceNesting {
  private struct Slice {
    var start: Int64
    var end: Int64
  }

  /// The newest ones, never merged.
  private static let exactCount = 64
  private static let firstLimit = 256

  /// The outermost slices so far: ascending, none overlaps another.
  private var outermost: [Slice] = []
  private var limit = SliceNesting.firstLimit
  /// Whether readers take slices that begin at the same moment in the order in which they are told, and
  /// not the longest first: one that encloses another begins a nanosecond before it then.
  private let beginsBefore: Bool

  /// Slices of this length and beyond begin at a whole microsecond.
  private let exact: Int64

  init(beginsBefore: Bool = false, exact: Int64 = .max) {
    self.beginsBefore = beginsBefore
    self.exact = exact
  }

  /// Slices and merged ones that are remembered.
  var count: Int { outermost.count }

  /// Adds a slice from `start` to `end`, which no slice before it ends after, and returns where it is
  /// to begin: at `start`, or where those end that it would cross.
  mutating func add(from start: Int64, to end: Int64) -> Int64 {
    var start = begin(start, endingAt: end)
    var kept = outermost.count
    while kept > 0, outermost[kept - 1].start >= start { kept -= 1 }
    while kept > 0, outermost[kept - 1].end > start {
      start = begin(outermost[kept - 1].end, endingAt: end)
      // Rounding may have carried it into the next ones.
      while kept < outermost.count, outermost[kept].start < start { kept += 1 }
    }
    while beginsBefore, kept < outermost.count, outermost[kept].start == start,
      outermost[kept].end > start
    {
      let isFree = start > 0 && (kept == 0 || outermost[kept - 1].end < start)
      guard !isFree else {
        start -= 1
        break
      }
      start = outermost[kept].end
      kept += 1
    }
    outermost.removeLast(outermost.count - kept)
    outermost.append(Slice(start: start, end: end))
    if outermost.count > limit { merge() }
    return start
  }

  /// Where a slice that ends at `end` may begin: at `start` or, when it is longer than is said exactly, at
  /// the next whole microsecond.
  private func begin(_ start: Int64, endingAt end: Int64) -> Int64 {
    guard end - start >= exact, start % 1000 != 0 else { return start }
    return start + 1000 - start % 1000
  }

  /// Merges neighbours that are short, with the gap between them, in view of how long ago they were.
  /// A slice that begins in such a gap is drawn from the end of the merged ones instead: late by at
  /// most a 32nd of its length. What is left grows with the logarithm of time.
  private mutating func merge() {
    guard let now = outermost.last?.end else { return }
    var last = 0
    for place in 1..<outermost.count {
      let next = outermost[place]
      let isOld = place < outermost.count - SliceNesting.exactCount
      if isOld, next.end - outermost[last].start <= (now - next.end) / 32 {
        outermost[last].end = next.end
      } else {
        last += 1
        outermost[last] = next
      }
    }
    outermost.removeLast(outermost.count - last - 1)
    limit = max(SliceNesting.firstLimit, 2 * outermost.count)
  }
}
