internal import TraceModel

/// The arrow of a slice. It is bound to the slice itself (`bind_id`), not to what lies at a moment of
/// its track: slices may touch, and one that began at that moment would get the arrow.
enum Flow {
  case none
  case leaving(UInt64)
  case arriving(UInt64)
}

/// Where a slice is drawn.
struct SlicePlace {
  /// Where it would begin if it did not have to nest.
  var start: Int64
  var begin: Int64
  var end: Int64
  var isCut: Bool
}

extension ChromeTraceWriter {
  /// Finds the place of a wait or hold that ends now.
  mutating func place(_ event: Event, _ track: Int) -> SlicePlace {
    let start = min(ChromeTime.drawn(event.start), now)
    let begin = tracks[track].nesting.add(from: shown(start), to: now)
    return SlicePlace(
      start: start, begin: begin, end: now,
      isCut: begin != start || event.start < .zero || isBehindWindow)
  }

  /// Where something is drawn from that began at `start`.
  func shown(_ start: Int64) -> Int64 { min(max(start, window.lowerBound), now) }

  /// Appends a slice up to its arguments. `head` goes up to the lock's name in that of the slice.
  mutating func appendSlice(
    _ head: StaticString, _ lock: Int, _ track: Int, _ place: SlicePlace, _ flow: Flow = .none
  ) {
    appendSeparator()
    output.append(head)
    texts.write(locks[lock].name, to: &output)
    output.append("\"")
    appendPlace(track, place, flow)
  }

  /// Appends where a slice is, behind its name, up to its arguments.
  mutating func appendPlace(_ track: Int, _ place: SlicePlace, _ flow: Flow) {
    output.append(",")
    texts.write(tracks[track].place, to: &output)
    output.append(",\"ts\":")
    output.append(drawn: place.begin)
    output.append(",\"dur\":")
    output.append(drawn: place.end - place.begin)
    switch flow {
    case .none: break
    case .leaving(let number):
      output.append(",\"bind_id\":")
      output.append(number)
      output.append(",\"flow_out\":true")
    case .arriving(let number):
      output.append(",\"bind_id\":")
      output.append(number)
      output.append(",\"flow_in\":true")
    }
    output.append(",\"args\":{")
  }

  /// Appends a slice without a length, now.
  mutating func appendMoment(
    _ head: StaticString, _ lock: Int, _ track: Int, _ flow: Flow
  ) {
    let begin = tracks[track].nesting.add(from: now, to: now)
    appendSlice(
      head, lock, track, SlicePlace(start: now, begin: begin, end: now, isCut: false), flow)
  }

  /// Appends the arguments that all slices begin with.
  mutating func appendArguments(_ event: Event, _ lock: Int) {
    texts.write(locks[lock].arguments, to: &output)
    output.append(event.operation.argument)
  }

  /// Appends the arguments that all slices end with, and the end of the slice.
  mutating func appendEnd(_ event: Event) {
    stacks.write(event.stack, texts, to: &output)
    output.append("}}")
  }

  mutating func appendWaiters(_ lock: Int) {
    appendCounter("waiters", lock, Int64(locks[lock].waiting))
  }

  /// Sets a counter of a lock's to a value that it keeps.
  mutating func setCounter(_ name: StaticString, _ lock: Int, _ value: Int64) {
    locks[lock].lastValue = value
    appendCounter(name, lock, value)
  }

  /// Appends a value of a lock's counter. Viewers call it by the event's name and the value's.
  mutating func appendCounter(_ name: StaticString, _ lock: Int, _ value: Int64) {
    guard locks[lock].isShown, !isBehindWindow else { return }
    appendSeparator()
    output.append("{\"ph\":\"C\",\"name\":\"")
    output.append(name)
    output.append("\",")
    texts.write(locks[lock].process, to: &output)
    output.append(",\"ts\":")
    output.append(drawn: now)
    output.append(",\"args\":{")
    texts.write(locks[lock].counter, to: &output)
    output.append(":")
    output.append(value)
    output.append("}}")
  }
}
