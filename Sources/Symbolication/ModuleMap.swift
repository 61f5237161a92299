public import TraceModel

/// Which module an address of one process belongs to, and when.
///
/// `dlclose` leaves addresses to the next `dlopen`, so modules overlap in space and the time of
/// loading decides. A segment tree over the distinct bounds keeps, per node, the modules that cover
/// all of it in order of loading: *n* modules take O(*n* log *n*) memory and a look-up O(log² *n*)
/// time however they overlap (de Berg et al., "Computational Geometry", chapter 10.3).
public struct ModuleMap: Sendable {
  private let modules: [Module]
  /// Distinct bounds of modules; leaf `i` of the tree is the range from one to the next.
  private let bounds: [UInt64]
  /// Node `k` has the children `2k` and `2k + 1`; leaf `i` is node `bounds.count + i`. Indices into
  /// `modules`, by time of loading.
  private var nodes: [[Int32]]

  /// Makes the map of one process. Of two modules loaded at the same time the later one in
  /// `modules` counts as loaded last.
  public init(_ modules: [Module]) {
    let usable = modules.filter { $0.start < $0.end }.prefix(Int(Int32.max))
    // The standard library's sort is stable, which the order of equal times depends on.
    self.modules = usable.sorted { $0.loaded < $1.loaded }
    var bounds = self.modules.flatMap { [$0.start, $0.end] }.sorted()
    bounds.removeDuplicates()
    self.bounds = bounds
    nodes = Array(repeating: [], count: 2 * bounds.count)
    for (index, module) in self.modules.enumerated() {
      var low = bounds.count + (leaf(at: module.start) ?? 0)
      var high = bounds.count + (leaf(at: module.end) ?? 0)
      while low < high {
        if low & 1 == 1 {
          nodes[low].append(Int32(index))
          low += 1
        }
        if high & 1 == 1 {
          high -= 1
          nodes[high].append(Int32(index))
        }
        low >>= 1
        high >>= 1
      }
    }
  }

  /// The module that `address` was part of at `time`: the one loaded last by then or, when none had
  /// been seen by then, the first one seen later. Without a time, the one loaded last.
  public func module(containing address: UInt64, at time: Timestamp? = nil) -> Module? {
    guard let leaf = leaf(at: address) else { return nil }
    var latest: Int32 = -1
    var earliest = Int32.max
    var node = bounds.count + leaf
    while node >= 1 {
      let candidates = nodes[node]
      if let first = candidates.first, let last = candidates.last {
        earliest = min(earliest, first)
        if let time {
          let seen = candidates.partitioningIndex { modules[Int($0)].loaded > time }
          if seen > 0 { latest = max(latest, candidates[seen - 1]) }
        } else {
          latest = max(latest, last)
        }
      }
      node >>= 1
    }
    if latest >= 0 { return modules[Int(latest)] }
    return earliest < .max ? modules[Int(earliest)] : nil
  }

  /// The last leaf that begins at or before `address`.
  private func leaf(at address: UInt64) -> Int? {
    let next = bounds.partitioningIndex { $0 > address }
    return next > 0 ? next - 1 : nil
  }
}

extension Array {
  /// The first index whose element `belongs` to the second part of an array of two parts; `count`
  /// where none does.
  func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if belongs(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension Array where Element: Equatable {
  /// Keeps one of each run of equal elements.
  fileprivate mutating func removeDuplicates() {
    var kept = 0
    for index in indices where index == 0 || self[index] != self[kept - 1] {
      self[kept] = self[index]
      kept += 1
    }
    removeLast(count - kept)
  }
}
