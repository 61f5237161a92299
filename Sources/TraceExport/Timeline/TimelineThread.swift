internal import TraceModel

/// A thread of the recording: where its events go.
struct TimelineThread {
  /// The place of its track.
  var track: Int
  /// Its program image.
  var process = ProcessID.unknown
  /// Whether everything that it did is shown.
  var isShown = true

  /// All threads; the first one stands for threads without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: TimelineIDs, shown: Set<ThreadID>?
  ) -> (threads: [TimelineThread], index: NumberIndex) {
    let threads = definitions.orderedThreads
    return (
      [TimelineThread(track: TimelineIDs.unknown, isShown: shown == nil)]
        + threads.map {
          TimelineThread(
            track: ids.track($0.id), process: $0.process, isShown: shown?.contains($0.id) ?? true)
        },
      NumberIndex(threads.map(\.id.rawValue))
    )
  }
}

extension TraceDefinitions {
  /// All threads in the order of their numbers.
  var orderedThreads: [Thread] { threads.values.sorted { $0.id < $1.id } }

  /// All locks in the order of their numbers.
  var orderedLocks: [Lock] { locks.values.sorted { $0.id < $1.id } }

  /// All stacks in the order of their numbers.
  var orderedStacks: [Stack] { stacks.values.sorted { $0.id < $1.id } }
}

extension Thread {
  /// What it is called as the owner of a lock.
  var ownerName: String { (name.isEmpty ? "thread" : name) + " (\(tid))" }
}
