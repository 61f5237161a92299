/// What is in a queue, as far as it is known: who put it in, so that an arrow leads to who takes it out.
///
/// Which item comes out is known of those that say when they went in, and of queues whose items come
/// out in the order in which they went in.
struct PendingItems {
  private struct Run {
    /// The number of the arrow; 0 where none begins.
    var flow: UInt64
    /// When they went in.
    var time: Int64
    /// Items, or bytes, that are left of it.
    var count: Int64
  }

  /// Beyond these, what came first is forgotten.
  private static let most = 1 << 16
  /// Nanoseconds by which the same moment may differ when it is told twice: clocks are rounded.
  private static let tolerance: Int64 = 8
  /// Items that went in at the same moment, of which one is looked for.
  private static let mostAtOnce = 64

  private var runs: [Run] = []
  private var first = 0
  /// What was in before anything was seen to go in.
  private var unseen: Int64 = 0

  /// What the kernel says was in before.
  mutating func begin(with count: Int64) {
    if runs.isEmpty { unseen = max(count, 0) }
  }

  /// Items go in, later than all before.
  mutating func append(_ count: Int64, at time: Int64, flow: UInt64) {
    guard count > 0 else { return }
    if runs.count - first >= PendingItems.most { first += 1 }
    if first > 64, first * 2 > runs.count {
      runs.removeFirst(first)
      first = 0
    }
    runs.append(Run(flow: flow, time: max(time, runs.last?.time ?? time), count: count))
  }

  /// Items come out that went in at a time; returns their arrow.
  mutating func take(_ count: Int64, from time: Int64) -> UInt64? {
    // Whatever a file says, what is nearby are numbers.
    let time = min(max(time, .min / 2), .max / 2)
    var low = first
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].time < time - PendingItems.tolerance {
        low = middle + 1
      } else {
        high = middle
      }
    }
    for place in low..<min(low + PendingItems.mostAtOnce, runs.count) {
      guard runs[place].time <= time + PendingItems.tolerance else { break }
      guard runs[place].count > 0 else { continue }
      runs[place].count -= min(runs[place].count, max(count, 1))
      while first < runs.count, runs[first].count == 0 { first += 1 }
      return runs[place].flow == 0 ? nil : runs[place].flow
    }
    return nil
  }

  /// Items come out in the order in which they went in; returns the arrow of the first of them.
  mutating func takeFirst(_ count: Int64) -> UInt64? {
    let before = min(unseen, max(count, 0))
    unseen -= before
    var left = max(count, 0) - before
    var flow: UInt64?
    while left > 0, first < runs.count {
      if flow == nil, before == 0 { flow = runs[first].flow }
      let taken = min(left, runs[first].count)
      runs[first].count -= taken
      left -= taken
      if runs[first].count == 0 { first += 1 }
    }
    return flow == 0 ? nil : flow
  }

  /// Forgets where arrows began: that is not shown.
  mutating func forgetArrows() {
    for place in runs.indices { runs[place].flow = 0 }
  }
}
