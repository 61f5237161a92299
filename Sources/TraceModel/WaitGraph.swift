/// Who waits for whom, and where that leads back to where it began.
///
/// A thread may wait for several at once, as a writer does for all readers: any of them that never goes on
/// keeps it waiting for ever, so that each cycle is a deadlock.
public struct WaitGraph: Sendable {
  private let waitsFor: [ThreadID: [ThreadID]]
  /// Threads in the order in which each waits for the next, and the last for the first.
  public private(set) var cycles: [[ThreadID]] = []
  /// Threads that are in no cycle, and wait for one that is.
  public private(set) var waitingBehind: Set<ThreadID> = []

  /// - Parameter waitsFor: Threads that wait, each with those that it waits for. These need not wait
  ///   themselves.
  public init(_ waitsFor: [ThreadID: [ThreadID]]) {
    self.waitsFor = waitsFor
    findCycles()
  }

  private func next(_ thread: ThreadID) -> [ThreadID] {
    (waitsFor[thread] ?? []).filter { waitsFor[$0] != nil }
  }

  /// A search in depth; the path is kept here, because it may be as long as there are threads.
  private mutating func findCycles() {
    var isDone: [ThreadID: Bool] = [:]
    var stuck: Set<ThreadID> = []
    for start in waitsFor.keys.sorted() where isDone[start] == nil {
      var path: [(thread: ThreadID, next: [ThreadID])] = [(start, next(start))]
      isDone[start] = false
      while let last = path.last {
        guard let following = last.next.last else {
          isDone[last.thread] = true
          path.removeLast()
          if stuck.contains(last.thread), let before = path.last { stuck.insert(before.thread) }
          continue
        }
        path[path.count - 1].next.removeLast()
        switch isDone[following] {
        case nil:
          isDone[following] = false
          path.append((following, next(following)))
        case false?:
          let first = path.firstIndex { $0.thread == following } ?? path.count - 1
          cycles.append(path[first...].map(\.thread))
          stuck.insert(last.thread)
        case true?:
          if stuck.contains(following) { stuck.insert(last.thread) }
        }
      }
    }
    waitingBehind = stuck.subtracting(cycles.joined())
  }
}
