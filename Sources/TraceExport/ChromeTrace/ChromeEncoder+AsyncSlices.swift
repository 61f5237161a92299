internal import TraceModel

// What is on no thread's track: spans, waits of tasks and what tasks hold. The importer draws it from
// begins and ends ("b" and "e") with the same number.
extension ChromeEncoder {
  /// Begins a slice up to its arguments.
  mutating func beginAsync(_ slice: TimelineSlice) {
    switch slice.row {
    case .spans:
      lastSpan += 1
      appendSpanEnd(#"{"ph":"b""#, slice, at: slice.begin)
    default:
      appendRowEnd(slice.kind.isMoment ? #"{"ph":"n""# : #"{"ph":"b""#, slice, at: slice.begin)
    }
    output.append(",\"args\":{")
  }

  mutating func endAsync(_ slice: TimelineSlice) {
    if slice.kind.isMoment { return }
    appendSeparator()
    switch slice.row {
    case .spans: appendSpanEnd(#"{"ph":"e""#, slice, at: slice.end)
    default: appendRowEnd(#"{"ph":"e""#, slice, at: slice.end)
    }
    output.append("}")
  }

  mutating func placeSpan(of lock: Int, from start: Int64, to end: Int64) -> Int64 { start }

  /// Each span has a track of its own, by its number.
  private mutating func appendSpanEnd(
    _ head: StaticString, _ slice: TimelineSlice, at time: Int64
  ) {
    output.append(head)
    output.append(#","cat":"span","id":"#)
    output.append(lastSpan)
    output.append(#","name":""#)
    texts.write(locks[slice.lock].name, to: &output)
    output.append("\"")
    appendPlace(slice.track, at: time)
  }

  /// One end of a slice on the track of a task or of a lock.
  private mutating func appendRowEnd(
    _ head: StaticString, _ slice: TimelineSlice, at time: Int64
  ) {
    output.append(head)
    if case .task(let place) = slice.row {
      appendTask(place, slice.track, at: time)
    } else {
      output.append(#","cat":"hold","id2":{"local":""#)
      output.append(Int64(slice.lock))
      output.append("\"}")
      appendPlace(slice.track, at: time)
    }
    output.append(
      slice.kind == .taskWait
        ? ",\"name\":\"waits for "
        : slice.kind == .hold ? ",\"name\":\"hold " : ",\"name\":\"release ")
    texts.write(locks[slice.lock].name, to: &output)
    output.append("\"")
  }

  private mutating func appendTask(_ place: Int, _ track: Int, at time: Int64) {
    output.append(#","cat":"task","id2":{"local":""#)
    output.append(Int64(place + 1))
    output.append("\"}")
    appendPlace(track, at: time)
  }

  private mutating func appendPlace(_ track: Int, at time: Int64) {
    texts.write(tracks[track], to: &output)
    output.append(drawn: time)
  }

  // MARK: Tasks

  mutating func beginTask(_ place: Int, _ state: TaskTracks.State, number: Int64, at time: Int64) {
    appendTaskEnd(#"{"ph":"b""#, place, state, at: time)
    output.append(",\"args\":{\"task\":")
    output.append(number)
    output.append("}}")
  }

  mutating func endTask(_ place: Int, _ state: TaskTracks.State) {
    appendTaskEnd(#"{"ph":"e""#, place, state, at: state.end)
    output.append("}")
  }

  private mutating func appendTaskEnd(
    _ head: StaticString, _ place: Int, _ state: TaskTracks.State, at time: Int64
  ) {
    appendSeparator()
    output.append(head)
    appendTask(place, Int(state.track), at: time)
    output.append(",\"name\":\"")
    if state.lock == 0 {
      output.append("task")
    } else {
      texts.write(locks[Int(state.lock)].name, to: &output)
    }
    output.append("\"")
  }
}
