internal import TraceExport
internal import TraceFile
internal import TraceModel

/// Reads a recording and writes it as a timeline.
struct TimelineExport<Writer: TimelineWriter> {
  let input: TraceInput
  let cut: ExportCut

  /// Calls `write` with one piece after the other, and with the time that has been reached by it.
  func write(_ write: ([UInt8], Timestamp) throws -> Void) throws {
    var writer = Writer(definitions: input.definitions, cut: cut)
    let end = Timestamp(nanoseconds: .max)
    try write(writer.takeOutput(), .zero)
    try input.forEachEvent("exporting", kinds: [.events]) { events in
      writer.add(events)
      try write(writer.takeOutput(), events.isEmpty ? .zero : events[events.count - 1].time)
    }
    writer.finishEvents()
    try write(writer.takeOutput(), end)
    try input.forEachEvent("exporting scheduling", kinds: [.scheduling]) { events in
      writer.addScheduling(events)
      try write(writer.takeOutput(), events.isEmpty ? .zero : events[events.count - 1].time)
    }
    writer.finish()
    try write(writer.takeOutput(), end)
  }

  /// Ends the window of a cut early enough for the document to have no more than so many bytes.
  ///
  /// How many there are up to which time is measured by writing it all to nobody; what is still going on
  /// when the window ends takes some more, so that the first guess may have to be bettered.
  func shorten(_ cut: inout ExportCut, to size: UInt64) throws {
    let whole = cut
    while true {
      let sizes = try TimelineExport(input: input, cut: cut).measure()
      if sizes.total <= size { return }
      let begin = whole.window.lowerBound
      let reached = min(cut.window.upperBound, input.length)
      guard reached - begin > shortest else {
        throw Failure(
          message: "the names alone need more than --max-bytes \(size): choose a larger size")
      }
      // At least a 50th shorter each time.
      let guess = min(sizes.time(of: size), reached - (reached - begin) / 50)
      let end = guess > begin ? guess : begin + (reached - begin) / 2
      cut.window = begin..<end
      cut.notes = Array(whole.notes.drop { $0 == whole.windowNote(of: input) })
      cut.notes.insert("\(cut.windowNote(of: input)), to have no more than \(size) bytes", at: 0)
    }
  }

  private func measure() throws -> DocumentSize {
    var sizes = DocumentSize(from: cut.window.lowerBound, length: input.length)
    try write { sizes.add($0.count, at: $1) }
    return sizes
  }
}

/// Nanoseconds of a recording below which there is no use in shortening it further.
private let shortest: Int64 = 1000

/// Bytes of a document by the time of the recording that they tell of.
private struct DocumentSize {
  private static let parts = 1024
  private(set) var total: UInt64 = 0
  private var byPart = [UInt64](repeating: 0, count: DocumentSize.parts)
  /// Bytes that are there however short it is.
  private var fixed: UInt64 = 0
  private let partLength: Int64
  /// The part with the first bytes, and the one with the last.
  private let firstPart: Int
  private var lastPart: Int

  init(from begin: Int64, length: Int64) {
    partLength = length / Int64(DocumentSize.parts) + 1
    firstPart = Int(min(begin / partLength, Int64(DocumentSize.parts - 1)))
    lastPart = firstPart
  }

  mutating func add(_ count: Int, at time: Timestamp) {
    total += UInt64(count)
    guard time.nanoseconds > 0, time.nanoseconds != .max else {
      fixed += UInt64(count)
      lastPart = firstPart
      return
    }
    // Evenly over the time since the piece before.
    let part = Int(min(time.nanoseconds / partLength, Int64(byPart.count - 1)))
    let first = min(lastPart, part)
    let share = UInt64(count) / UInt64(part - first + 1)
    for place in first..<part { byPart[place] += share }
    byPart[part] += UInt64(count) - share * UInt64(part - first)
    lastPart = part
  }

  /// The latest time up to which there are so many bytes.
  func time(of size: UInt64) -> Int64 {
    var sum = fixed
    for part in byPart.indices {
      sum += byPart[part]
      if sum > size { return Int64(part) * partLength }
    }
    return Int64(byPart.count) * partLength
  }
}
