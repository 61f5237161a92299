internal import TraceModel

// Tasks: their steps are slices of the threads that they ran on, their waits are on tracks of their own.
extension ChromeTraceWriter {
  /// A task ran, until it waited or ended.
  mutating func step(_ event: Event, _ lock: Int, _ track: Int) {
    let slice = place(event, track)
    let place = taskPlace(of: event, lock, track, from: slice.start)
    if let place { tasks.step(place, at: now) }
    appendSlice(#"{"ph":"X","cat":"work","name":""#, lock, track, slice)
    appendArguments(event, lock)
    output.append(",\"task\":")
    output.append(event.value)
    appendCut(event, slice)
    appendEnd(event)
  }

  /// A task waited, while its thread did other things; or the thread itself was in a call of C.
  mutating func taskWait(_ event: Event, _ lock: Int, _ track: Int) {
    if locks[lock].isCall {
      let slice = place(event, track)
      appendSlice(#"{"ph":"X","cat":"call","name":""#, lock, track, slice)
      appendArguments(event, lock)
      appendCut(event, slice)
      return appendEnd(event)
    }
    let start = min(ChromeTime.drawn(event.start), now)
    // A task that has not run is not known by a name.
    guard let place = taskPlace(of: event, 0, track, from: start) else { return }
    let begin = tasks.wait(place, from: start, to: now)
    let key = tasks.states[place].key
    appendTaskHead(#"{"ph":"b""#, key, track, at: begin)
    output.append(",\"name\":\"waits for ")
    texts.write(locks[lock].name, to: &output)
    output.append("\",\"args\":{")
    appendArguments(event, lock)
    output.append(event.outcome.argument)
    if begin != start || event.start < .zero || isBehindWindow {
      output.append(#","cut":true,"waited_ns":"#)
      output.append(event.duration)
    }
    appendEnd(event)
    appendTaskHead(#"{"ph":"e""#, key, track, at: now)
    output.append(",\"name\":\"waits for ")
    texts.write(locks[lock].name, to: &output)
    output.append("\"}")
  }

  /// A task released what others waited for: the lock has a track, because its holder may have run on
  /// and off many times meanwhile.
  mutating func taskRelease(_ event: Event, _ lock: Int, _ track: Int) {
    let start = event.isDurationKnown ? min(ChromeTime.drawn(event.start), now) : now
    let begin = max(shown(start), min(locks[lock].lastTaskHold, now))
    locks[lock].lastTaskHold = now
    appendHoldHead(
      event.isDurationKnown ? #"{"ph":"b""# : #"{"ph":"n""#, lock, track, at: begin)
    output.append(event.isDurationKnown ? ",\"name\":\"hold " : ",\"name\":\"release ")
    texts.write(locks[lock].name, to: &output)
    output.append("\",\"args\":{")
    appendArguments(event, lock)
    output.append(",\"task\":")
    output.append(event.value)
    if let place = tasks.place(of: event.value, in: tracks[track].process) {
      output.append(",\"name\":\"")
      texts.write(locks[Int(tasks.states[place].lock)].name, to: &output)
      output.append("\"")
    }
    if event.isDurationKnown, begin != start || event.start < .zero || isBehindWindow {
      output.append(#","cut":true,"held_ns":"#)
      output.append(event.duration)
    }
    appendEnd(event)
    guard event.isDurationKnown else { return }
    appendHoldHead(#"{"ph":"e""#, lock, track, at: now)
    output.append(",\"name\":\"hold ")
    texts.write(locks[lock].name, to: &output)
    output.append("\"}")
  }

  /// Ends the tracks of all tasks.
  mutating func endTasks() {
    for state in tasks.states where state.isDrawn {
      appendTaskHead(#"{"ph":"e""#, state.key, Int(state.track), at: state.end)
      appendTaskName(Int(state.lock))
      output.append("}")
    }
  }

  /// A hold of an interpreter's lock, on the track of the lock: its name is the thread's.
  mutating func releaseInterpreter(_ event: Event, _ lock: Int) {
    let flow = wakeup(event, lock) { $0.replace(with: $1) }
    let track = locks[lock].ownTrack
    let owner = threads[threadIndex[event.thread.rawValue]].owner
    let slice =
      event.isDurationKnown
      ? place(event, track)
      : SlicePlace(
        start: now, begin: tracks[track].nesting.add(from: now, to: now), end: now, isCut: false)
    appendSeparator()
    output.append(#"{"ph":"X","cat":"hold","name":"#)
    if owner.isEmpty { output.append("\"thread?\"") } else { texts.write(owner, to: &output) }
    appendPlace(track, slice, flow)
    appendArguments(event, lock)
    appendCut(event, slice)
    appendEnd(event)
  }

  // MARK: Parts

  /// The place of a task's track, which begins here if the task is new.
  private mutating func taskPlace(
    of event: Event, _ lock: Int, _ track: Int, from start: Int64
  ) -> Int? {
    let process = tracks[track].process
    let known = tasks.place(of: event.value, in: process)
    if let known, tasks.states[known].isDrawn { return known }
    guard
      let place = known
        ?? tasks.begin(event.value, in: process, lock: lock, track: track, at: start)
    else { return nil }
    guard !isBeforeWindow else { return place }
    let state = tasks.states[place]
    tasks.draw(place, from: shown(start))
    appendTaskHead(#"{"ph":"b""#, state.key, Int(state.track), at: shown(start))
    appendTaskName(Int(state.lock))
    output.append(",\"args\":{\"task\":")
    output.append(event.value)
    output.append("}}")
    return place
  }

  private mutating func appendTaskName(_ lock: Int) {
    output.append(",\"name\":\"")
    if lock == 0 { output.append("task") } else { texts.write(locks[lock].name, to: &output) }
    output.append("\"")
  }

  private mutating func appendTaskHead(
    _ head: StaticString, _ key: TaskTracks.Key, _ track: Int, at time: Int64
  ) {
    appendAsyncHead(head, #","cat":"task","id2":{"local":""#, key.task, track, at: time)
  }

  private mutating func appendHoldHead(
    _ head: StaticString, _ lock: Int, _ track: Int, at time: Int64
  ) {
    appendAsyncHead(head, #","cat":"hold","id2":{"local":""#, Int64(lock), track, at: time)
  }

  private mutating func appendAsyncHead(
    _ head: StaticString, _ category: StaticString, _ number: Int64, _ track: Int, at time: Int64
  ) {
    appendSeparator()
    output.append(head)
    output.append(category)
    output.append(number)
    output.append("\"},")
    texts.write(tracks[track].place, to: &output)
    output.append(",\"ts\":")
    output.append(drawn: time)
  }
}
