internal import TraceModel

// Tasks: their steps are slices of the threads that they ran on, their waits are on tracks of their own.
extension Timeline {
  /// A task ran, until it waited or ended.
  mutating func step(_ event: Event, _ lock: Int, _ track: Int) {
    if let place = taskPlace(of: event, lock, track) { tasks.step(place, at: now) }
    writeSlice(.work, event, lock, track, task: event.value)
  }

  /// A task waited, while its thread did other things; or the thread itself was in a call of C.
  mutating func taskWait(_ event: Event, _ lock: Int, _ track: Int) {
    if locks[lock].role == .call { return writeSlice(.call, event, lock, track) }
    // A task that has not run is not known by a name.
    guard let place = taskPlace(of: event, 0, track) else { return }
    let begin = tasks.wait(place, from: shown(event.start), to: now)
    let slice = TimelineSlice(
      kind: .taskWait, row: .task(place), track: track, lock: lock, begin: begin, end: now)
    encoder.begin(slice, event.operation)
    encoder.add(event.outcome)
    addCut(event, slice, .waited, .requested)
    encoder.end(slice, event.stack)
  }

  /// A task released what others waited for: on the track of the lock, because its holder may have run
  /// on and off many times meanwhile.
  mutating func taskRelease(_ event: Event, _ lock: Int, _ track: Int) {
    let task = tasks.place(of: event.value, in: image(of: event))
    let owner = LockOwner.task(task.map { Int(tasks.states[$0].lock) } ?? 0)
    guard !event.isDurationKnown else {
      return writeHold(event, lock, track, by: owner, .none, task: event.value)
    }
    var moment = TimelineSlice(.release, lock, track, at: now)
    moment.row = .owners(owner)
    encoder.begin(moment, event.operation)
    encoder.add(.task, event.value)
    encoder.end(moment, event.stack)
  }

  /// Ends the tracks of all tasks.
  mutating func endTasks() {
    for (place, state) in tasks.states.enumerated() where state.isDrawn {
      encoder.endTask(place, state)
    }
  }

  /// The program image that a task is one of.
  @inline(__always)
  private func image(of event: Event) -> ProcessID {
    threads[threadIndex[event.thread.rawValue]].process
  }

  /// The place of a task's track, which begins here if the task is new. `lock` is its name; 0 where that
  /// is not known. Nil where there are too many, and for callbacks, which are no task's and have the
  /// number 0.
  private mutating func taskPlace(of event: Event, _ lock: Int, _ track: Int) -> Int? {
    guard event.value != 0 else { return nil }
    let image = image(of: event)
    let start = shown(event.start)
    let known = tasks.place(of: event.value, in: image)
    if let known, tasks.states[known].isDrawn { return known }
    guard
      let place = known
        ?? tasks.begin(event.value, in: image, lock: lock, track: track, at: start)
    else { return nil }
    guard !encoder.isHidden else { return place }
    tasks.draw(place, from: start)
    encoder.beginTask(place, tasks.states[place], number: event.value, at: start)
    return place
  }
}
