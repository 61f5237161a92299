internal import TraceModel

// What becomes of the events of each kind. `lock` and `track` are places in the timeline's arrays.
extension Timeline {
  // MARK: Waits

  mutating func beginWait(_ event: Event, _ lock: Int, _ track: Int) {
    locks[lock].waiting += 1
    writeWaiters(lock)
    guard !encoder.isHidden, !isBehindWindow else { return }
    encoder.addSample(event.stack, track, at: now)
  }

  mutating func endWait(_ event: Event, _ lock: Int, _ track: Int) {
    let slice = slice(.wait, event, lock, track)
    encoder.begin(slice, event.operation)
    encoder.add(event.outcome)
    let owner = threadIndex[event.owner.rawValue]
    if owner != 0 { encoder.add(owner: owner) }
    if event.partner != .unknown { encoder.add(mutex: lockIndex[event.partner.rawValue]) }
    addCut(event, slice, .waited, .requested)
    encoder.end(slice, event.stack)

    if event.outcome == .acquired, !isBehindWindow { acquire(event, lock, track) }
    if locks[lock].waiting > 0 {
      locks[lock].waiting -= 1
      writeWaiters(lock)
    }
    if locks[lock].waiting == 0 { locks[lock].wakeups.removeAll() }
  }

  /// A wait has ended because another thread did something, as far as that is known.
  private mutating func acquire(_ event: Event, _ lock: Int, _ track: Int) {
    let start = min(Encoder.drawn(event.start), now)
    let isShared = event.operation == .read
    if let wakeup = locks[lock].wakeups.take(for: event.thread, since: start, isShared: isShared) {
      let isOneOfSeveral = wakeup.wakesAll || isShared
      let moment = TimelineSlice(
        .acquired, lock, track, at: now,
        isOneOfSeveral ? .arrivingAmongOthers(wakeup.flow) : .arriving(wakeup.flow))
      encoder.begin(moment, event.operation)
      encoder.end(moment, .unknown)
      if needsWakers {
        writeWakeup(
          of: track, by: threads[threadIndex[wakeup.thread.rawValue]].track, at: wakeup.time)
      }
    } else if needsWakers, let joined = locks[lock].joined, joined.end >= start,
      joined.end <= now
    {
      writeWakeup(of: track, by: joined.track, at: joined.end)
    }
  }

  // MARK: Releases

  mutating func release(_ event: Event, _ lock: Int, _ track: Int) {
    let arrow = wakeup(event, lock) { $0.replace(with: $1) }
    guard event.isDurationKnown else {
      return writeMoment(.release, event, lock, track, arrow)
    }
    let isInterpreter = locks[lock].role == .interpreter
    // Those who share a lock have it at once.
    if isInterpreter || Encoder.showsOwners, event.operation != .read {
      writeHold(
        event, lock, track, by: .thread(threadIndex[event.thread.rawValue]),
        isInterpreter ? arrow : .none)
    }
    // That a thread has the interpreter is nothing that it does: it is on the track of that alone.
    if isInterpreter { return }
    let slice = slice(.hold, event, lock, track, arrow)
    encoder.begin(slice, event.operation)
    addCut(event, slice, .held, .acquired)
    encoder.end(slice, event.stack)
  }

  mutating func signal(_ event: Event, _ lock: Int, _ track: Int) {
    let arrow = wakeup(event, lock) { $0.append($1) }
    writeMoment(.signal, event, lock, track, arrow)
  }

  /// Keeps an event for the waiter that it wakes, if anybody waits.
  private mutating func wakeup(
    _ event: Event, _ lock: Int, keep: (inout Wakeups, Wakeups.Wakeup) -> Void
  ) -> Arrow {
    guard locks[lock].waiting > 0, !isBehindWindow else { return .none }
    lastArrow += 1
    keep(
      &locks[lock].wakeups,
      Wakeups.Wakeup(
        flow: lastArrow, time: now, thread: event.thread, wakesAll: event.operation == .broadcast))
    return .leaving(lastArrow)
  }

  // MARK: Values and queues

  mutating func setValue(_ event: Event, _ lock: Int, _ track: Int) {
    switch locks[lock].role {
    case .loop: return setCounter(.ready, lock, event.value)
    case .queue:
      let isTold = event.operation == .told
      guard locks[lock].depth.tell(event.value, byKernel: isTold) else { return }
      if isTold { locks[lock].items.begin(with: event.value) }
      return writeDepth(lock)
    default: setCounter(.value, lock, event.value)
    }
    // A post that nobody waits for is told by the value alone.
    guard event.operation == .post, locks[lock].waiting > 0 else { return }
    let arrow = wakeup(event, lock) { $0.append($1) }
    writeMoment(.post, event, lock, track, arrow)
  }

  /// Items go in.
  mutating func enqueue(_ event: Event, _ lock: Int, _ track: Int) {
    changeDepth(by: event.value, lock)
    lastArrow += 1
    locks[lock].items.append(event.value, at: event.time.nanoseconds, flow: lastArrow)
    let moment = TimelineSlice(.enqueue, lock, track, at: now, .leaving(lastArrow))
    encoder.begin(moment, event.operation)
    encoder.add(.items, event.value)
    encoder.end(moment, event.stack)
  }

  /// Items come out; an arrow leads to them where it is known when they went in.
  mutating func dequeue(_ event: Event, _ lock: Int, _ track: Int) {
    changeDepth(by: 0 &- event.value, lock)
    var flow: UInt64?
    if event.isDurationKnown {
      flow = locks[lock].items.take(event.value, from: event.start.nanoseconds)
    } else if locks[lock].isOrdered {
      flow = locks[lock].items.takeFirst(event.value)
    }
    let moment = TimelineSlice(
      .dequeue, lock, track, at: now, flow.map(Arrow.arrivingAmongOthers) ?? .none)
    encoder.begin(moment, event.operation)
    encoder.add(.items, event.value)
    if event.isDurationKnown { encoder.add(.residence, event.duration) }
    encoder.end(moment, event.stack)
  }

  private mutating func changeDepth(by difference: Int64, _ lock: Int) {
    // A loop tells itself what is ready to run.
    if locks[lock].role == .loop { return }
    locks[lock].depth.change(by: difference, at: now)
    writeDepth(lock)
  }

  // MARK: Work

  /// A piece of work, of a queue or of a label.
  mutating func work(_ event: Event, _ lock: Int, _ track: Int) {
    if event.operation == .span { return span(event, lock, track) }
    if locks[lock].role == .task { return step(event, lock, track) }
    writeSlice(.work, event, lock, track)
  }

  /// Work of more than one thread: beside what overlaps it.
  private mutating func span(_ event: Event, _ lock: Int, _ track: Int) {
    let begin = encoder.placeSpan(of: lock, from: shown(event.start), to: now)
    let slice = TimelineSlice(
      kind: .span, row: .spans, track: track, lock: lock, begin: begin, end: now)
    encoder.begin(slice, event.operation)
    addCut(event, slice, .ran, .began)
    encoder.end(slice, event.stack)
  }

  /// Something happened that the program has a name for.
  mutating func instant(_ event: Event, _ lock: Int, _ track: Int) {
    let moment = TimelineSlice(.instant, lock, track, at: now)
    encoder.begin(moment, event.operation)
    encoder.add(.value, event.value)
    encoder.end(moment, event.stack)
  }
}
