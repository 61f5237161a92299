internal import TraceModel

// Tasks: their steps are slices of the threads that they ran on, their waits are on tracks of their own.
extension PerfettoTraceWriter {
  /// A task ran, until it waited or ended.
  mutating func step(_ recorded: Event, _ lock: Int, _ track: Int) {
    let start = shown(recorded.start)
    if let place = taskPlace(of: recorded, lock, track, from: start) {
      tasks.step(place, at: now)
    }
    appendSlice(recorded, lock, track, .work) {
      $0.event.append(argument: .task, recorded.value)
    }
  }

  /// A task waited, while its thread did other things; or the thread itself was in a call of C.
  mutating func taskWait(_ recorded: Event, _ lock: Int, _ track: Int) {
    if locks[lock].role == .call { return appendSlice(recorded, lock, track, .call) }
    let start = shown(recorded.start)
    // A task that has not run is not known by a name.
    guard let place = taskPlace(of: recorded, nil, track, from: start) else { return }
    let begin = tasks.wait(place, from: start, to: now)
    let uuid = firstTaskTrack + UInt64(place)
    startEvent(.begin, on: uuid, .task, named: name(.waitsFor, lock))
    appendArguments(recorded, lock)
    event.append(argument: .outcome, text: InternedTexts.number(of: recorded.outcome))
    appendCut(recorded, drawn(recorded, from: begin), .waited, .requested)
    appendStack(recorded.stack)
    finishEvent(at: begin)
    appendEnd(on: uuid, at: now)
  }

  /// A task released what others waited for: on the track of the lock, because its holder may have run on
  /// and off many times meanwhile.
  mutating func taskRelease(_ recorded: Event, _ lock: Int, _ track: Int) {
    let name =
      tasks.place(of: recorded.value, in: image(of: recorded)).map {
        Int(tasks.states[$0].lock)
      }.flatMap { $0 == 0 ? nil : self.name(.plain, $0) }
      ?? self.name(.hold, lock)
    guard recorded.isDurationKnown else {
      return appendInstant(
        recorded, lock, on: ownerTrack(lock), .hold, .release, .none
      ) { $0.event.append(argument: .task, recorded.value) }
    }
    appendHold(recorded, lock, named: name, .none) {
      $0.event.append(argument: .task, recorded.value)
    }
  }

  /// Ends the tracks of all tasks.
  mutating func endTasks() {
    for (place, state) in tasks.states.enumerated() where state.isDrawn {
      appendEnd(on: firstTaskTrack + UInt64(place), at: state.end)
    }
  }

  private func image(of recorded: Event) -> ProcessID {
    threads[threadIndex[recorded.thread.rawValue]].process
  }

  /// The place of a task's track, which begins here if the task is new. `lock` is its name; nil where that
  /// is not known. Nil where there are too many, and for callbacks, which are no task's and have the number 0.
  private mutating func taskPlace(
    of recorded: Event, _ lock: Int?, _ track: Int, from start: Int64
  ) -> Int? {
    guard recorded.value != 0 else { return nil }
    let image = image(of: recorded)
    let known = tasks.place(of: recorded.value, in: image)
    if let known, tasks.states[known].isDrawn { return known }
    guard
      let place = known
        ?? tasks.begin(recorded.value, in: image, lock: lock ?? 0, track: track, at: start)
    else { return nil }
    guard !isBeforeWindow else { return place }
    tasks.draw(place, from: start)
    let name = Int(tasks.states[place].lock)
    let uuid = appendTrack(
      in: .tasks, ofProcess: tracks[track].process, rank: UInt64(name),
      number: firstTaskTrack + UInt64(place),
      named: name == 0 ? "task" : interned.lockNames[name])
    startEvent(.begin, on: uuid, .task, named: self.name(.plain, name))
    event.append(argument: .task, recorded.value)
    finishEvent(at: start)
    return place
  }
}
