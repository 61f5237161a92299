internal import TraceModel

// What becomes of the events of each kind. `lock` and `track` are places in the writer's arrays.
extension PerfettoTraceWriter {
  // MARK: Waits

  mutating func beginWait(_ event: Event, _ lock: Int, _ track: Int) {
    locks[lock].waiting += 1
    appendWaiters(lock)
    appendSample(event, track)
  }

  mutating func endWait(_ recorded: Event, _ lock: Int, _ track: Int) {
    let slice = place(recorded, track)
    let uuid = tracks[track].uuid
    startEvent(.begin, on: uuid, .wait, named: name(.wait, lock))
    appendArguments(recorded, lock)
    event.append(argument: .outcome, text: InternedTexts.number(of: recorded.outcome))
    let owner = threadIndex[recorded.owner.rawValue]
    if owner != 0 {
      event.append(argument: .owner, text: interning { $0.text(ofThread: owner, &$1) })
    }
    if recorded.partner != .unknown {
      let mutex = lockIndex[recorded.partner.rawValue]
      event.append(argument: .mutex, text: interning { $0.text(ofLock: mutex, &$1) })
    }
    appendCut(recorded, slice, .waited, .requested)
    appendStack(recorded.stack)
    finishEvent(at: slice.begin)
    appendEnd(on: uuid, at: slice.end)

    if recorded.outcome == .acquired, !isBehindWindow {
      let start = min(max(recorded.start.nanoseconds, 0), now)
      let isShared = recorded.operation.isShared
      if let wakeup = locks[lock].wakeups.takeWakeup(
        for: recorded.thread, since: start, isShared: isShared)
      {
        startEvent(.instant, on: uuid, .wakeup, named: name(.acquired, lock))
        appendName(lock)
        append(
          wakeup.wakesAll || isShared
            ? .arrivingAmongOthers(wakeup.flow) : .arriving(wakeup.flow))
        finishEvent(at: now)
        if needsWakers {
          appendWaking(
            of: track, by: threads[threadIndex[wakeup.thread.rawValue]].track, at: wakeup.time)
        }
      } else if needsWakers, let joined = locks[lock].joined, joined.end >= start,
        joined.end <= now
      {
        appendWaking(of: track, by: joined.track, at: joined.end)
      }
    }
    if locks[lock].waiting > 0 {
      locks[lock].waiting -= 1
      appendWaiters(lock)
    }
    if locks[lock].waiting == 0 { locks[lock].wakeups.removeAll() }
  }

  mutating func appendWaiters(_ lock: Int) {
    appendCounter(.waiters, lock, Int64(locks[lock].waiting))
  }

  /// Where a wait begins is a sample of the thread's stack: viewers make flame graphs of samples.
  private mutating func appendSample(_ recorded: Event, _ track: Int) {
    guard !isBeforeWindow, !isBehindWindow,
      interning({ $0.text(ofStack: recorded.stack, &$1) }) != nil
    else { return }
    typealias Schema = PerfettoSchema.PerfSample
    event.removeAll()
    event.append(field: Schema.pid, UInt64(tracks[track].pid))
    event.append(field: Schema.tid, UInt64(tracks[track].tid))
    event.append(
      field: Schema.callstack, UInt64(interned.stackIndex[recorded.stack.rawValue]))
    event.append(field: Schema.mode, Schema.user)
    appendPacket(PerfettoSchema.Packet.perfSample, event, at: now)
  }

  // MARK: Releases

  mutating func release(_ recorded: Event, _ lock: Int, _ track: Int) {
    let flow = wakeup(recorded, lock) { $0.replace(with: $1) }
    let isInterpreter = locks[lock].role == .interpreter
    if recorded.isDurationKnown {
      if recorded.operation != .read {
        appendOwner(recorded, lock, flow: isInterpreter ? flow : .none)
      }
      // That a thread has the interpreter is nothing that it does: it is on the track of that alone.
      if isInterpreter { return }
      let slice = place(recorded, track)
      startEvent(.begin, on: tracks[track].uuid, .hold, named: name(.hold, lock))
      appendArguments(recorded, lock)
      appendCut(recorded, slice, .held, .acquired)
      appendStack(recorded.stack)
      append(flow)
      finishEvent(at: slice.begin)
      appendEnd(on: tracks[track].uuid, at: slice.end)
    } else {
      appendInstant(recorded, lock, on: tracks[track].uuid, .hold, .release, flow)
    }
  }

  /// A hold on the track of the lock: its name is the thread's.
  private mutating func appendOwner(_ recorded: Event, _ lock: Int, flow: FlowEnd) {
    let thread = threadIndex[recorded.thread.rawValue]
    let name = interning { $0.ownerName(thread, &$1) }
    appendHold(recorded, lock, named: name, flow) { _ in }
  }

  /// A hold on the track of the lock, and what its name is.
  mutating func appendHold(
    _ recorded: Event, _ lock: Int, named name: UInt64, _ flow: FlowEnd,
    arguments: (inout PerfettoTraceWriter) -> Void
  ) {
    let begin = max(shown(recorded.start), min(locks[lock].lastHold, now))
    locks[lock].lastHold = now
    let uuid = ownerTrack(lock)
    startEvent(.begin, on: uuid, .hold, named: name)
    appendArguments(recorded, lock)
    arguments(&self)
    appendCut(recorded, drawn(recorded, from: begin), .held, .acquired)
    appendStack(recorded.stack)
    append(flow)
    finishEvent(at: begin)
    appendEnd(on: uuid, at: now)
  }

  mutating func signal(_ recorded: Event, _ lock: Int, _ track: Int) {
    let flow = wakeup(recorded, lock) { $0.append($1) }
    appendInstant(recorded, lock, on: tracks[track].uuid, .wakeup, .signal, flow)
  }

  // MARK: Values and queues

  mutating func setValue(_ recorded: Event, _ lock: Int, _ track: Int) {
    switch locks[lock].role {
    case .loop: return setCounter(.ready, lock, recorded.value)
    case .queue:
      guard locks[lock].depth.tell(recorded.value, byKernel: recorded.operation == .told)
      else { return }
      if recorded.operation == .told { locks[lock].items.begin(with: recorded.value) }
      return appendCounter(.depth, lock, locks[lock].depth.shown)
    default: break
    }
    setCounter(.value, lock, recorded.value)
    // A post that nobody waits for is told by the value alone.
    guard recorded.operation == .post, locks[lock].waiting > 0 else { return }
    let flow = wakeup(recorded, lock) { $0.append($1) }
    appendInstant(recorded, lock, on: tracks[track].uuid, .wakeup, .post, flow)
  }

  mutating func enqueue(_ recorded: Event, _ lock: Int, _ track: Int) {
    changeDepth(by: recorded.value, lock)
    lastFlow += 1
    locks[lock].items.append(recorded.value, at: recorded.time.nanoseconds, flow: lastFlow)
    startEvent(.instant, on: tracks[track].uuid, .queue, named: name(.enqueue, lock))
    appendName(lock)
    event.append(argument: .items, recorded.value)
    appendStack(recorded.stack)
    append(.leaving(lastFlow))
    finishEvent(at: now)
  }

  mutating func dequeue(_ recorded: Event, _ lock: Int, _ track: Int) {
    changeDepth(by: 0 &- recorded.value, lock)
    startEvent(.instant, on: tracks[track].uuid, .queue, named: name(.dequeue, lock))
    appendName(lock)
    event.append(argument: .items, recorded.value)
    let flow: UInt64?
    if recorded.isDurationKnown {
      event.append(argument: .residence, recorded.duration)
      flow = locks[lock].items.take(recorded.value, from: recorded.start.nanoseconds)
    } else {
      flow = locks[lock].isOrdered ? locks[lock].items.takeFirst(recorded.value) : nil
    }
    if let flow { append(.arrivingAmongOthers(flow)) }
    appendStack(recorded.stack)
    finishEvent(at: now)
  }

  private mutating func changeDepth(by difference: Int64, _ lock: Int) {
    // A loop tells itself what is ready to run.
    if locks[lock].role == .loop { return }
    locks[lock].depth.change(by: difference, at: now)
    appendCounter(.depth, lock, locks[lock].depth.shown)
  }

  // MARK: Work

  /// A piece of work, of a queue or of a label.
  mutating func work(_ recorded: Event, _ lock: Int, _ track: Int) {
    if recorded.operation == .span { return span(recorded, lock) }
    if locks[lock].role == .task { return step(recorded, lock, track) }
    appendSlice(recorded, lock, track, .work)
  }

  /// A slice of a thread that is called as what it is about.
  mutating func appendSlice(
    _ recorded: Event, _ lock: Int, _ track: Int, _ category: InternedTexts.Category,
    arguments: (inout PerfettoTraceWriter) -> Void = { _ in }
  ) {
    let slice = place(recorded, track)
    startEvent(.begin, on: tracks[track].uuid, category, named: name(.plain, lock))
    appendArguments(recorded, lock)
    arguments(&self)
    appendCut(recorded, slice, .ran, .began)
    appendStack(recorded.stack)
    finishEvent(at: slice.begin)
    appendEnd(on: tracks[track].uuid, at: slice.end)
  }

  /// Work of more than one thread: on a track of the process, beside what overlaps it.
  private mutating func span(_ recorded: Event, _ lock: Int) {
    let (lane, begin) = locks[lock].lanes.place(from: shown(recorded.start), to: now)
    if lane == locks[lock].lanes.tracks.count {
      let track = appendTrack(
        in: .work, ofProcess: locks[lock].process, rank: locks[lock].rank,
        named: interned.lockNames[lock])
      locks[lock].lanes.add(track: track)
    }
    let uuid = locks[lock].lanes.tracks[lane]
    startEvent(.begin, on: uuid, .span, named: name(.plain, lock))
    appendArguments(recorded, lock)
    appendCut(recorded, drawn(recorded, from: begin), .ran, .began)
    appendStack(recorded.stack)
    finishEvent(at: begin)
    appendEnd(on: uuid, at: now)
  }

  /// Something happened that the program has a name for.
  mutating func instant(_ recorded: Event, _ lock: Int, _ track: Int) {
    appendInstant(recorded, lock, on: tracks[track].uuid, .instant, .plain, .none) {
      $0.event.append(argument: .value, recorded.value)
    }
  }

  // MARK: Parts

  mutating func appendInstant(
    _ recorded: Event, _ lock: Int, on track: UInt64, _ category: InternedTexts.Category,
    _ name: InternedTexts.Name, _ flow: FlowEnd,
    arguments: (inout PerfettoTraceWriter) -> Void = { _ in }
  ) {
    startEvent(.instant, on: track, category, named: self.name(name, lock))
    appendArguments(recorded, lock)
    arguments(&self)
    appendStack(recorded.stack)
    append(flow)
    finishEvent(at: now)
  }

  /// Keeps an event for the waiter that it wakes, if anybody waits.
  private mutating func wakeup(
    _ recorded: Event, _ lock: Int, keep: (inout Wakeups, Wakeups.Wakeup) -> Void
  ) -> FlowEnd {
    guard locks[lock].waiting > 0, !isBehindWindow else { return .none }
    lastFlow += 1
    keep(
      &locks[lock].wakeups,
      Wakeups.Wakeup(
        flow: lastFlow, time: now, thread: recorded.thread,
        wakesAll: recorded.operation == .broadcast))
    return .leaving(lastFlow)
  }
}
