internal import TraceModel

/// The tracks of a lock, or of what else threads wait for or put things into.
struct LockTracks {
  /// The place of its process.
  var process: Int
  /// The arguments that all slices begin with, as fields of a TrackEvent: name, kind and address.
  var arguments: TextTable.Text
  /// Whether the texts that those refer to were written.
  var isIntroduced = false
  /// Where its counters are.
  var group: ProcessTracks.Group
  /// Its rank among the tracks of its group.
  var rank: UInt64
  /// The numbers of its tracks; 0 for those that have not been needed.
  var ownerTrack: UInt64 = 0
  var waitersTrack: UInt64 = 0
  var valueTrack: UInt64 = 0
  var isInBytes = false
  var lanes = SpanLanes()

  /// Those of all locks; the first one stands for locks without a definition.
  static func all(
    _ definitions: TraceDefinitions, _ ids: TimelineIDs, _ interned: InternedTexts,
    _ texts: inout TextTable
  ) -> [LockTracks] {
    var all: [LockTracks] = []
    for (place, lock) in ([nil] + definitions.orderedLocks.map(Optional.some)).enumerated() {
      var arguments = ByteBuffer()
      arguments.append(argument: .lock, text: interned.number(ofLock: place))
      if let lock {
        arguments.append(argument: .kind, text: InternedTexts.number(of: lock.kind))
        arguments.append(argument: .address, pointer: lock.address)
      }
      let group: ProcessTracks.Group =
        switch lock.map({ TimelineLock.Role($0.kind) }) {
        case .queue, .loop: .queues
        case .label: .counters
        default: .locks
        }
      all.append(
        LockTracks(
          process: ids.place(of: lock?.process ?? .unknown),
          arguments: texts.add(arguments.take()), group: group, rank: UInt64(place),
          isInBytes: lock?.kind.holdsBytes ?? false))
    }
    return all
  }
}
