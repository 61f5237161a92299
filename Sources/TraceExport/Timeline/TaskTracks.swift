internal import TraceModel

/// The tracks of tasks: each has one, from its first step to its last event, with its waits on it.
///
/// Of the tasks that are too many none has one: their steps are on the tracks of threads all the same.
struct TaskTracks {
  /// Memory for each is about 100 bytes.
  static let most = 1 << 18

  /// Images of an exec chain are one process to viewers, and each has a task of any number.
  private struct Key: Hashable {
    var process: ProcessID
    var task: Int64
  }

  struct State {
    /// The name that the track has, and the thread by which it began.
    var lock: Int32
    var track: Int32
    var begin: Int64
    /// Whether its beginning is written.
    var isDrawn = false
    /// When the last event was.
    var end: Int64
    /// The outermost wait so far, and when the one before it ended.
    var waitStart: Int64
    var waitEnd: Int64
    var waitEndBefore: Int64

    /// Where a wait begins that ends now: at its start, unless it would cross another.
    mutating func beginWait(from start: Int64, to end: Int64) -> Int64 {
      var begin = max(start, waitEndBefore, self.begin)
      // One that lies around the one before it comes before it; any other comes behind it.
      if begin >= waitStart {
        begin = max(begin, waitEnd)
        waitEndBefore = waitEnd
      }
      waitStart = begin
      waitEnd = end
      return begin
    }
  }

  private var places: [Key: Int32] = [:]
  private(set) var states: [State] = []

  /// The place of a task's state; nil where it has none yet.
  func place(of task: Int64, in process: ProcessID) -> Int? {
    places[Key(process: process, task: task)].map(Int.init)
  }

  /// Begins the track of a task; nil where there are too many.
  mutating func begin(
    _ task: Int64, in process: ProcessID, lock: Int, track: Int, at time: Int64
  ) -> Int? {
    guard states.count < TaskTracks.most else { return nil }
    places[Key(process: process, task: task)] = Int32(states.count)
    states.append(
      State(
        lock: Int32(clamping: lock), track: Int32(clamping: track), begin: time,
        end: time, waitStart: time, waitEnd: time, waitEndBefore: time))
    return states.count - 1
  }

  /// The track is written from `time` on.
  mutating func draw(_ place: Int, from time: Int64) {
    states[place].isDrawn = true
    states[place].begin = time
  }

  /// A wait of a task ends; returns where it begins.
  mutating func wait(_ place: Int, from start: Int64, to end: Int64) -> Int64 {
    states[place].end = max(states[place].end, end)
    return states[place].beginWait(from: start, to: end)
  }

  /// A step of a task ends.
  mutating func step(_ place: Int, at time: Int64) {
    states[place].end = max(states[place].end, time)
  }
}
