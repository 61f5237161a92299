internal import TraceModel

/// The track of a thread while it is written. Program images of one process share that of its main thread.
struct ThreadTrack {
  var uuid: UInt64
  /// The place of its process.
  var process: Int
  var pid: UInt32
  var tid: UInt32
  var name: String
  /// False for what is no thread: the tracks that the Chrome form has for interpreters.
  var isThread = false
  /// Whether it is none of the program's.
  var isForeign = false
  /// Whether its name was written.
  var isTold = false
  var start: Int64 = .max
  /// When it ended; nil while it runs.
  var end: Int64?
  /// The first and the last moment at which it is known to have lived.
  var firstTime: Int64 = .max
  var lastTime: Int64 = 0

  var isMain: Bool { tid == pid }
  /// The last moment at which it may have lived, as far as that is known.
  var last: Int64 { max(end ?? 0, lastTime) }

  static func all(
    _ definitions: TraceDefinitions, _ ids: TimelineIDs, firstTrack: UInt64
  ) -> [ThreadTrack] {
    var places: [UInt32: Int] = [:]
    for (place, process) in ids.processes.enumerated() { places[process.pid] = place }
    var tracks = ids.tracks.enumerated().map { place, track in
      ThreadTrack(
        uuid: firstTrack + UInt64(place) + 1, process: places[track.pid] ?? TimelineIDs.unknown,
        pid: track.pid, tid: track.tid, name: track.shownName)
    }
    tracks[TimelineIDs.unknown].isThread = true
    tracks[TimelineIDs.unknown].start = 0
    // Program images that share a track are one thread to the kernel: it ends with the last.
    var ends: [Int: Timestamp] = [:]
    for thread in definitions.threads.values {
      let place = ids.track(thread.id)
      tracks[place].isThread = true
      if definitions.isForeign(thread) { tracks[place].isForeign = true }
      tracks[place].start = min(tracks[place].start, max(thread.start.nanoseconds, 0))
      let end = thread.end ?? Timestamp(nanoseconds: .max)
      ends[place] = max(ends[place] ?? end, end)
    }
    for (place, end) in ends where end.nanoseconds < .max {
      tracks[place].end = max(end.nanoseconds, 0)
    }
    return tracks
  }
}

/// A process while its tracks are written.
struct ProcessTracks {
  /// What the tracks of a process that are no threads' are grouped by, in the order in which they are
  /// shown.
  enum Group: Int, CaseIterable {
    case locks, queues, tasks, work, counters

    var name: String {
      switch self {
      case .locks: "Locks"
      case .queues: "Queues"
      case .tasks: "Tasks"
      case .work: "Work"
      case .counters: "Counters"
      }
    }
  }

  var uuid: UInt64
  var pid: UInt32
  var name: String
  /// The numbers of the groups' tracks; 0 for those that have not been needed.
  var groups: [UInt64] = Array(repeating: 0, count: Group.allCases.count)
  var isTold = false

  static func all(_ ids: TimelineIDs) -> [ProcessTracks] {
    ids.processes.enumerated().map { place, process in
      ProcessTracks(uuid: UInt64(place) + 1, pid: process.pid, name: process.shownName)
    }
  }
}

extension TimelineIDs.Process {
  /// The name of its last image, with the kernel's number where another one was made up.
  var shownName: String {
    let name = images.last.flatMap { $0.isEmpty ? nil : $0 } ?? "process"
    return (kernelPID.map { "\(name) (pid \($0))" } ?? name).bounded
  }
}

extension TimelineIDs.Track {
  /// Its name, with the kernel's number where another one was made up.
  var shownName: String {
    let name = name.isEmpty ? "thread" : name
    return (kernelTID.map { "\(name) (tid \($0))" } ?? name).bounded
  }
}
