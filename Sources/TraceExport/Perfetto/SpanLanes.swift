/// Tracks for spans of one name, which may overlap: each span is on the first one that is free.
struct SpanLanes {
  /// Beyond these, spans are cut.
  private static let most = 64
  private var ends: [Int64] = []
  private(set) var tracks: [UInt64] = []

  /// The lane of a span that ends now, and where it begins there. `tracks` lacks that of a new lane.
  mutating func place(from start: Int64, to end: Int64) -> (lane: Int, begin: Int64) {
    if let lane = ends.firstIndex(where: { $0 <= start }) {
      ends[lane] = end
      return (lane, start)
    }
    guard ends.count < SpanLanes.most else {
      var lane = 0
      for place in ends.indices where ends[place] < ends[lane] { lane = place }
      let begin = ends[lane]
      ends[lane] = end
      return (lane, begin)
    }
    ends.append(end)
    return (ends.count - 1, start)
  }

  mutating func add(track: UInt64) { tracks.append(track) }
}
