internal import TraceModel

// The parts that slices, moments and counters are put together from. Those that change nothing are always
// inlined: called, they would be given a copy of the timeline, with all its references counted.
extension Timeline {
  /// A slice of a thread that ends now, where it nests with the others.
  @inline(__always)
  mutating func slice(
    _ kind: SliceKind, _ event: Event, _ lock: Int, _ track: Int, _ arrow: Arrow = .none
  ) -> TimelineSlice {
    let begin = nestings[track].add(from: shown(event.start), to: now)
    return TimelineSlice(
      kind: kind, track: track, lock: lock, begin: begin, end: now, arrow: arrow)
  }

  /// Where something is drawn from that began at `start` and ends now.
  @inline(__always)
  func shown(_ start: Timestamp) -> Int64 {
    min(max(Encoder.drawn(start), window.lowerBound), now)
  }

  /// Adds the true measures of a slice where what is drawn is not all of it.
  @inline(__always)
  mutating func addCut(
    _ event: Event, _ slice: TimelineSlice, _ length: SliceArgument, _ start: SliceArgument
  ) {
    guard
      slice.begin != Encoder.drawn(event.start) || event.start < .zero || isBehindWindow
    else { return }
    encoder.addCut(event, length, start)
  }

  /// A slice of a thread that is called as what it is about.
  mutating func writeSlice(
    _ kind: SliceKind, _ event: Event, _ lock: Int, _ track: Int, task: Int64? = nil
  ) {
    let slice = slice(kind, event, lock, track)
    encoder.begin(slice, event.operation)
    if let task { encoder.add(.task, task) }
    addCut(event, slice, .ran, .began)
    encoder.end(slice, event.stack)
  }

  /// A moment of which nothing more is to be said.
  mutating func writeMoment(
    _ kind: SliceKind, _ event: Event, _ lock: Int, _ track: Int, _ arrow: Arrow
  ) {
    let moment = TimelineSlice(kind, lock, track, at: now, arrow)
    encoder.begin(moment, event.operation)
    encoder.end(moment, event.stack)
  }

  /// A hold on the track of its lock, which shows one owner after the other.
  mutating func writeHold(
    _ event: Event, _ lock: Int, _ track: Int, by owner: LockOwner, _ arrow: Arrow,
    task: Int64? = nil
  ) {
    let begin = max(shown(event.start), min(locks[lock].lastHold, now))
    locks[lock].lastHold = now
    let slice = TimelineSlice(
      kind: .hold, row: .owners(owner), track: track, lock: lock, begin: begin, end: now,
      arrow: arrow)
    encoder.begin(slice, event.operation)
    if let task { encoder.add(.task, task) }
    addCut(event, slice, .held, .acquired)
    encoder.end(slice, event.stack)
  }

  // MARK: Counters

  mutating func writeWaiters(_ lock: Int) {
    write(.waiters, lock, Int64(locks[lock].waiting))
  }

  mutating func writeDepth(_ lock: Int) {
    write(.depth, lock, locks[lock].depth.shown)
  }

  /// Sets a counter of a lock's to a value that it keeps.
  mutating func setCounter(_ counter: LockCounter, _ lock: Int, _ value: Int64) {
    // A semaphore that nobody ever posts to, as each of Dispatch's root queues has one, needs no track.
    guard value != 0 || locks[lock].lastValue != nil else { return }
    locks[lock].lastValue = value
    write(counter, lock, value)
  }

  /// Writes the value that a counter has from now on.
  mutating func write(_ counter: LockCounter, _ lock: Int, _ value: Int64) {
    guard locks[lock].isShown, !encoder.isHidden, !isBehindWindow else { return }
    encoder.set(counter, of: lock, to: value, at: now)
  }
}
