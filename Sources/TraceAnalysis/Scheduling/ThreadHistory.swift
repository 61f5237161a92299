internal import TraceModel

/// What a thread has done up to each of its latest moments, so that it can be asked what it did while
/// others waited for it.
///
/// Sums are kept at the moments at which the thread went from one activity to another; between two of
/// them it did one thing, or, where it was only sampled, is taken to have done all at an even pace. When
/// there are too many, every other one of the older half is forgotten: what is long past is told less
/// exactly, and memory does not grow.
struct ThreadHistory {
  /// A moment, what had been done by then, and what lay before it.
  private struct Point {
    var time: Timestamp
    var sum: StateTimes
    /// What the thread waited for since the point before; 0 for nothing.
    var lock: UInt32
  }

  private static let most = 256

  private var points: [Point]

  /// The history of a thread that begins at a moment.
  init(start: Timestamp) { points = [Point(time: start, sum: StateTimes(), lock: 0)] }

  /// Notes what has been done by a moment.
  @inline(__always)
  mutating func append(_ sum: StateTimes, at time: Timestamp, waitingFor lock: UInt32) {
    points.append(Point(time: time, sum: sum, lock: lock))
    if points.count >= ThreadHistory.most { thin() }
  }

  private mutating func thin() {
    let half = points.count / 2
    var kept = 0
    for index in points.indices where index >= half || index % 2 == 0 {
      points[kept] = points[index]
      kept += 1
    }
    points.removeLast(points.count - kept)
  }

  /// What had been done by a moment that is not after the last one; nil before the first.
  func sum(at time: Timestamp) -> StateTimes? {
    guard let last = points.last else { return nil }
    if time >= last.time { return last.sum }
    let index = firstIndex(after: time)
    guard index > 0 else { return nil }
    let (before, after) = (points[index - 1], points[index])
    return before.sum
      + (after.sum - before.sum).scaled(time - before.time, of: after.time - before.time)
  }

  /// Calls `body` with each lock that was waited for between two moments, and for how long.
  func forEachLock(from start: Timestamp, to end: Timestamp, _ body: (UInt32, Int64) -> Void) {
    var index = firstIndex(after: start)
    while index < points.count {
      let from = index > 0 ? max(start, points[index - 1].time) : start
      let time = min(end, points[index].time) - from
      if points[index].lock != 0, time > 0 { body(points[index].lock, time) }
      if points[index].time >= end { return }
      index += 1
    }
  }

  /// The same for a thread that is only sampled: it goes on as it did between the last two moments.
  func extrapolatedSum(at time: Timestamp) -> StateTimes? {
    guard points.count >= 2, let last = points.last, time > last.time else { return sum(at: time) }
    let before = points[points.count - 2]
    return last.sum + (last.sum - before.sum).scaled(time - last.time, of: last.time - before.time)
  }

  private func firstIndex(after time: Timestamp) -> Int {
    var (low, high) = (0, points.count)
    while low < high {
      let middle = (low + high) / 2
      if points[middle].time > time { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
