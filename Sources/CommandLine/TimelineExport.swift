internal import TraceExport
internal import TraceFile
internal import TraceModel

/// Reads a recording and writes it as a timeline.
struct TimelineExport<Writer: TimelineWriter> {
  let input: TraceInput
  let cut: ExportCut

  /// Calls `write` with one piece after the other.
  func write(_ write: ([UInt8]) throws -> Void) throws {
    var writer = Writer(definitions: input.definitions, cut: cut)
    try input.forEachEvent("exporting", kinds: [.events]) { events in
      writer.add(events)
      try write(writer.takeOutput())
    }
    writer.finishEvents()
    try input.forEachEvent("exporting scheduling", kinds: [.scheduling]) { events in
      writer.addScheduling(events)
      try write(writer.takeOutput())
    }
    writer.finish()
    try write(writer.takeOutput())
  }

  /// Ends the window of a cut early enough for the document to have no more than so many bytes, and not
  /// many fewer.
  ///
  /// How many there are up to which time is measured by writing it all to nobody. The time is searched
  /// for between one that is early enough and one that is too late: by turns where it should be if there
  /// were as many at all times, and in the middle.
  func shorten(_ cut: inout ExportCut, to size: UInt64) throws {
    let begin = cut.window.lowerBound
    var late = (time: min(cut.window.upperBound, input.length), size: try measure())
    if late.size <= size { return }
    var early = (time: begin, size: 0 as UInt64)
    for search in 0..<mostSearches where early.size < size / 10 * 9 {
      let share =
        search % 2 == 0 ? Double(size - early.size) / Double(late.size - early.size) : 0.5
      let time = early.time + Int64(Double(late.time - early.time) * share)
      guard time > early.time, time < late.time else { continue }
      let shorter = ending(at: time, for: size)
      let found = (time: time, size: try TimelineExport(input: input, cut: shorter).measure())
      if found.size > size { late = found } else { early = found }
    }
    guard early.time > begin else {
      throw Failure(
        message: "nearly nothing fits into --max-bytes \(size): choose a larger size")
    }
    cut = ending(at: early.time, for: size)
  }

  /// The cut with an earlier end, and why.
  private func ending(at time: Int64, for size: UInt64) -> ExportCut {
    var shorter = cut
    shorter.window = cut.window.lowerBound..<time
    shorter.notes.removeAll { $0 == cut.windowNote(of: input) }
    shorter.notes.insert(
      "\(shorter.windowNote(of: input)), to have no more than \(size) bytes", at: 0)
    return shorter
  }

  /// How many bytes it has.
  private func measure() throws -> UInt64 {
    var size: UInt64 = 0
    try write { size += UInt64($0.count) }
    return size
  }
}

/// Times that a recording is read, at most, to find out where it has the size that is wanted.
private let mostSearches = 16
