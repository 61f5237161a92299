internal import TraceModel

/// What a thread did most in each of equal parts of the recording, for drawing its life in a line.
struct StateStrip {
  static let parts = 40

  /// Of the parts that are over.
  private var letters: [UInt8]
  private var current = StateTimes()
  private var partEnd: Timestamp
  private let partLength: Int64

  /// A strip of a thread that begins at `start`.
  ///
  /// - Parameters:
  ///   - origin: Where the first part begins.
  ///   - partLength: Nanoseconds of each part.
  init(start: Timestamp, origin: Timestamp, partLength: Int64) {
    self.partLength = max(partLength, 1)
    let before = min(max(0, start - origin) / self.partLength, Int64(StateStrip.parts))
    letters = Array(repeating: UInt8(ascii: " "), count: Int(before))
    partEnd = origin
    moveEnd(by: before + 1)
  }

  /// The thread did one thing from one moment to another, which is not before the last one told.
  @inline(__always)
  mutating func add(_ activity: ThreadActivity, from start: Timestamp, to end: Timestamp) {
    if end <= partEnd { return current[activity] &+= max(0, end - start) }
    var times = StateTimes()
    times[activity] = end - start
    add(times, from: start, to: end)
  }

  /// The thread did several things, at an even pace.
  mutating func add(_ times: StateTimes, from start: Timestamp, to end: Timestamp) {
    let whole = end - start
    var start = start
    while end > partEnd, letters.count < StateStrip.parts {
      if partEnd > start {
        current = current + times.scaled(partEnd - start, of: whole)
        start = partEnd
      }
      letters.append(letter)
      current = StateTimes()
      moveEnd(by: 1)
    }
    if end > start { current = current + times.scaled(end - start, of: whole) }
  }

  /// One letter for each part, told up to the end of the thread: see ``ThreadSummary/states``.
  var text: String {
    var all = letters
    if all.count < StateStrip.parts { all.append(letter) }
    all += Array(repeating: UInt8(ascii: " "), count: StateStrip.parts - all.count)
    return String(decoding: all, as: UTF8.self)
  }

  private mutating func moveEnd(by parts: Int64) {
    let (length, isHuge) = parts.multipliedReportingOverflow(by: partLength)
    let (end, overflow) = partEnd.nanoseconds.addingReportingOverflow(isHuge ? .max : length)
    partEnd = Timestamp(nanoseconds: overflow ? .max : end)
  }

  /// What the thread did most in the current part.
  private var letter: UInt8 {
    var most = (time: Int64(0), letter: UInt8(ascii: " "))
    let idle = current[.sleeping] &+ current[.disk]
    for (time, letter) in [
      (current[.lockWait], UInt8(ascii: "l")), (current[.running], UInt8(ascii: "r")),
      (current[.runnable], UInt8(ascii: "w")), (current[.queueWait], UInt8(ascii: "q")),
      (idle, UInt8(ascii: "i")), (current[.untold], UInt8(ascii: "u")),
    ] where time > most.time { most = (time, letter) }
    return most.letter
  }
}
