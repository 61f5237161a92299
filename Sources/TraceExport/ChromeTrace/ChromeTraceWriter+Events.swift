internal import TraceModel

// What becomes of the events of each kind. `lock` and `track` are places in the writer's arrays.
extension ChromeTraceWriter {
  mutating func beginWait(_ lock: Int) {
    locks[lock].waiting += 1
    appendWaiters(lock)
  }

  mutating func endWait(_ event: Event, _ lock: Int, _ track: Int) {
    let slice = place(event, track)
    appendSlice(#"{"ph":"X","cat":"wait","name":"wait "#, lock, track, slice)
    appendArguments(event, lock)
    output.append(event.outcome.argument)
    let owner = threads[threadIndex[event.owner.rawValue]].owner
    if !owner.isEmpty {
      output.append(",\"owner\":")
      texts.write(owner, to: &output)
    }
    if event.partner != .unknown {
      output.append(",\"mutex\":\"")
      texts.write(locks[lockIndex[event.partner.rawValue]].name, to: &output)
      output.append("\"")
    }
    if slice.isCut {
      output.append(#","cut":true,"waited_ns":"#)
      output.append(event.duration)
      output.append(",\"requested_us\":")
      output.append(microseconds: event.start.nanoseconds)
    }
    appendEnd(event)

    if event.outcome == .acquired, !isBehindWindow,
      let flow = locks[lock].wakeups.take(
        for: event.thread, since: slice.start, isShared: event.operation.isShared)
    {
      appendMoment(
        #"{"ph":"X","cat":"wakeup","name":"acquired "#, lock, track, .arriving(flow))
      output.append("}}")
    }
    if locks[lock].waiting > 0 {
      locks[lock].waiting -= 1
      appendWaiters(lock)
    }
    if locks[lock].waiting == 0 { locks[lock].wakeups.removeAll() }
  }

  mutating func release(_ event: Event, _ lock: Int, _ track: Int) {
    if locks[lock].ownTrack != 0 { return releaseInterpreter(event, lock) }
    let flow = wakeup(event, lock) { $0.replace(with: $1) }
    if event.isDurationKnown {
      let slice = place(event, track)
      appendSlice(#"{"ph":"X","cat":"hold","name":"hold "#, lock, track, slice, flow)
      appendArguments(event, lock)
      if slice.isCut {
        output.append(#","cut":true,"held_ns":"#)
        output.append(event.duration)
        output.append(",\"acquired_us\":")
        output.append(microseconds: event.start.nanoseconds)
      }
    } else {
      appendMoment(#"{"ph":"X","cat":"hold","name":"release "#, lock, track, flow)
      appendArguments(event, lock)
    }
    appendEnd(event)
  }

  mutating func signal(_ event: Event, _ lock: Int, _ track: Int) {
    let flow = wakeup(event, lock) { $0.append($1) }
    appendMoment(#"{"ph":"X","cat":"wakeup","name":"signal "#, lock, track, flow)
    appendArguments(event, lock)
    appendEnd(event)
  }

  mutating func setValue(_ event: Event, _ lock: Int, _ track: Int) {
    if locks[lock].isLoop { return setCounter("ready", lock, event.value) }
    if locks[lock].isQueue {
      // What the kernel says counts while not both ends were seen.
      guard event.operation != .told || !locks[lock].hasBothEnds else { return }
      if event.operation == .told { locks[lock].items.begin(with: event.value) }
      return changeDepth(to: event.value, lock)
    }
    setCounter("value", lock, event.value)
    // A post that nobody waits for is told by the value alone.
    guard event.operation == .post, locks[lock].waiting > 0 else { return }
    let flow = wakeup(event, lock) { $0.append($1) }
    appendMoment(#"{"ph":"X","cat":"wakeup","name":"post "#, lock, track, flow)
    appendArguments(event, lock)
    appendEnd(event)
  }

  /// Items go in.
  mutating func enqueue(_ event: Event, _ lock: Int, _ track: Int) {
    changeDepth(by: event.value, lock)
    lastFlow += 1
    appendMoment(#"{"ph":"X","cat":"queue","name":"enqueue "#, lock, track, .leaving(lastFlow))
    locks[lock].items.append(event.value, at: event.time.nanoseconds, flow: lastFlow)
    appendArguments(event, lock)
    appendItems(event)
    appendEnd(event)
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
    appendMoment(
      #"{"ph":"X","cat":"queue","name":"dequeue "#, lock, track, flow.map(Flow.arriving) ?? .none)
    appendArguments(event, lock)
    appendItems(event)
    if event.isDurationKnown {
      output.append(",\"residence_ns\":")
      output.append(event.duration)
    }
    appendEnd(event)
  }

  private mutating func appendItems(_ event: Event) {
    output.append(",\"items\":")
    output.append(event.value)
  }

  private mutating func changeDepth(by difference: Int64, _ lock: Int) {
    // A loop tells itself what is ready to run.
    if locks[lock].isLoop { return }
    if difference > 0 { locks[lock].isPutInto = true } else { locks[lock].isTakenFrom = true }
    let (sum, overflow) = locks[lock].depth.addingReportingOverflow(difference)
    // What a queue of the kernel's holds is known from the start on: more goes out of it than came in
    // only where what came in was seen too late.
    changeDepth(to: overflow ? .max : locks[lock].isKernelQueue ? sum : max(sum, 0), lock)
  }

  private mutating func changeDepth(to depth: Int64, _ lock: Int) {
    locks[lock].depth = depth
    appendDepth(lock)
  }

  mutating func appendDepth(_ lock: Int) {
    appendCounter("depth", lock, min(max(locks[lock].depth, 0), locks[lock].greatestDepth))
  }

  /// A piece of work, of a queue or of a label.
  mutating func work(_ event: Event, _ lock: Int, _ track: Int) {
    if event.operation == .span { return span(event, lock, track) }
    if locks[lock].isTask { return step(event, lock, track) }
    let slice = place(event, track)
    appendSlice(#"{"ph":"X","cat":"work","name":""#, lock, track, slice)
    appendArguments(event, lock)
    appendCut(event, slice)
    appendEnd(event)
  }

  /// Appends the true measures of work, or of a hold, that is drawn cut.
  mutating func appendCut(_ event: Event, _ slice: SlicePlace) {
    guard slice.isCut else { return }
    output.append(#","cut":true,"ran_ns":"#)
    output.append(event.duration)
    output.append(",\"began_us\":")
    output.append(microseconds: event.start.nanoseconds)
  }

  /// Work of more than one thread: on a track of its own, by its number.
  private mutating func span(_ event: Event, _ lock: Int, _ track: Int) {
    lastSpan += 1
    let begin = shown(ChromeTime.drawn(event.start))
    appendSpanEnd(#"{"ph":"b""#, lock, track, at: begin)
    output.append(",\"args\":{")
    appendArguments(event, lock)
    appendEnd(event)
    appendSpanEnd(#"{"ph":"e""#, lock, track, at: now)
    output.append("}")
  }

  private mutating func appendSpanEnd(
    _ head: StaticString, _ lock: Int, _ track: Int, at time: Int64
  ) {
    appendSeparator()
    output.append(head)
    output.append(#","cat":"span","id":"#)
    output.append(lastSpan)
    output.append(#","name":""#)
    texts.write(locks[lock].name, to: &output)
    output.append("\",")
    texts.write(tracks[track].place, to: &output)
    output.append(",\"ts\":")
    output.append(drawn: time)
  }

  /// Something happened that the program has a name for: a slice without a length.
  mutating func instant(_ event: Event, _ lock: Int, _ track: Int) {
    appendMoment(#"{"ph":"X","cat":"instant","name":""#, lock, track, .none)
    appendArguments(event, lock)
    output.append(",\"value\":")
    output.append(event.value)
    appendEnd(event)
  }

  /// Keeps an event for the waiter that it wakes, if anybody waits.
  mutating func wakeup(
    _ event: Event, _ lock: Int, keep: (inout Wakeups, Wakeups.Wakeup) -> Void
  ) -> Flow {
    guard locks[lock].waiting > 0, !isBehindWindow else { return .none }
    lastFlow += 1
    keep(
      &locks[lock].wakeups,
      Wakeups.Wakeup(
        flow: lastFlow, time: now, thread: event.thread, wakesAll: event.operation == .broadcast))
    return .leaving(lastFlow)
  }
}
