internal import TraceModel

/// What events of a thread are written with.
struct ThreadEntry {
  /// The number of its track.
  var track: Int
  /// Its name as the owner of a lock; empty for a thread without a definition.
  var owner = TextTable.Text()
  /// Whether everything that it did is shown.
  var isShown = true

  /// The entries of all threads; the first one stands for threads without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: ChromeIDs, shown: Set<ThreadID>?,
    _ texts: inout TextTable
  ) -> (entries: [ThreadEntry], index: NumberIndex) {
    let threads = definitions.threads.values.sorted { $0.id < $1.id }
    var entries = [ThreadEntry(track: ChromeIDs.unknown, isShown: shown == nil)]
    for thread in threads {
      let name = (thread.name.isEmpty ? "thread" : thread.name) + " (\(thread.tid))"
      entries.append(
        ThreadEntry(
          track: ids.track(thread.id), owner: texts.add(name.jsonString),
          isShown: shown.map { $0.contains(thread.id) } ?? true))
    }
    return (entries, NumberIndex(threads.map(\.id.rawValue)))
  }
}

/// A track while it is written.
struct TrackState {
  /// `"pid":1,"tid":2`.
  var place: TextTable.Text
  /// The process's number.
  var process: UInt32
  var nesting = SliceNesting()
}
