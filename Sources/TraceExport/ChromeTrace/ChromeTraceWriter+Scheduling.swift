public import TraceModel

/// What a thread is called in the lines of scheduling.
struct SchedulingName {
  var name: TextTable.Text
  /// Its number on its track, and that of its process.
  var tid: UInt32
  var pid: UInt32

  /// Stands for threads that are none of the recording's; they appear as the CPU's idle task.
  static func idle(_ texts: inout TextTable) -> SchedulingName {
    SchedulingName(name: texts.add("idle"), tid: 0, pid: 0)
  }

  private init(name: TextTable.Text, tid: UInt32, pid: UInt32) {
    self.name = name
    self.tid = tid
    self.pid = pid
  }

  /// Importers end a name at a space, and a line at what looks like the next field.
  init(_ track: ChromeIDs.Track, _ texts: inout TextTable) {
    let name = String(track.name.map { $0.isWhitespace || $0 == "=" || $0 == "-" ? "_" : $0 })
    self.init(
      name: texts.add((name.isEmpty ? "thread" : name).jsonEscaped), tid: track.tid,
      pid: track.pid)
  }
}

extension ChromeTraceWriter {
  /// Adds the events of scheduling in the order of time, after everything else: viewers draw a track
  /// for each CPU and the states of each thread from them.
  ///
  /// They are lines of the kernel's own trace text, which is the only form in which the JSON importer
  /// takes them: see "systemTraceEvents" in Perfetto's documentation of external formats.
  public mutating func addScheduling(_ events: Span<Event>) {
    for place in events.indices {
      let event = events[place]
      guard event.kind == .switch || event.kind == .wakeup,
        event.time.nanoseconds < window.upperBound, let cpu = CPUSwitches.cpu(event.value)
      else { continue }
      schedulingNow = max(schedulingNow, ChromeTime.drawn(event.time))
      let (thread, other) = (scheduled(event.thread), scheduled(event.owner))
      if isCut, thread == ChromeIDs.unknown,
        event.kind == .wakeup || other == ChromeIDs.unknown
      {
        continue
      }
      if !hasScheduling, schedulingNow >= window.lowerBound { beginScheduling() }
      if event.kind == .switch {
        cpuSwitches.add(
          CPUChange(
            cpu: cpu, thread: thread, reason: event.operation, next: other, time: schedulingNow))
        appendReadySwitches()
      } else {
        cpuSwitches.wake(thread, by: other, at: schedulingNow)
        guard hasScheduling else { continue }
        appendLine(other, cpu: cpu, at: schedulingNow)
        output.append("sched_waking: comm=")
        texts.write(schedulingNames[thread].name, to: &output)
        output.append(" pid=")
        output.append(UInt64(schedulingNames[thread].tid))
        output.append(" prio=120 target_cpu=")
        output.append(UInt64(cpu))
        output.append("\\n")
      }
    }
  }

  /// The place of a thread's name; that of the idle task for one that is not shown.
  private func scheduled(_ thread: ThreadID) -> Int {
    let entry = threads[threadIndex[thread.rawValue]]
    return entry.isShown ? entry.track : ChromeIDs.unknown
  }

  private mutating func beginScheduling() {
    hasScheduling = true
    output.append("\n],\"systemTraceEvents\":\"# tracer: nop\\n")
    if window.lowerBound > 0 {
      cpuSwitches.begin(at: window.lowerBound)
      appendReadySwitches()
    }
  }

  /// Closes the list of events or the text of scheduling, whichever was written last.
  mutating func appendEndOfEvents() {
    cpuSwitches.finish(by: window.upperBound)
    appendReadySwitches()
    output.append(hasScheduling ? "\"}\n" : "\n]}\n")
  }

  private mutating func appendReadySwitches() {
    // What came before the window tells who is on the CPUs when it begins.
    if hasScheduling {
      for place in cpuSwitches.ready.indices { appendSwitch(cpuSwitches.ready[place]) }
    }
    cpuSwitches.removeReady()
  }

  private mutating func appendSwitch(_ change: CPUChange) {
    let (thread, next) = (schedulingNames[change.thread], schedulingNames[change.next])
    appendLine(change.thread, cpu: change.cpu, at: change.time)
    output.append("sched_switch: prev_comm=")
    texts.write(thread.name, to: &output)
    output.append(" prev_pid=")
    output.append(UInt64(thread.tid))
    output.append(" prev_prio=120 prev_state=")
    output.append(change.reason.stateLetter)
    output.append(" ==> next_comm=")
    texts.write(next.name, to: &output)
    output.append(" next_pid=")
    output.append(UInt64(next.tid))
    output.append(" next_prio=120\\n")
  }

  private mutating func appendLine(_ thread: Int, cpu: Int, at time: Int64) {
    let thread = schedulingNames[thread]
    texts.write(thread.name, to: &output)
    output.append("-")
    output.append(UInt64(thread.tid))
    output.append(" (")
    output.append(UInt64(thread.pid))
    output.append(") [")
    output.append(UInt64(cpu))
    output.append("] .... ")
    output.append(seconds: time)
    output.append(": ")
  }
}

extension Event.Operation {
  /// The letter that the kernel's text has for why a thread left its CPU.
  fileprivate var stateLetter: StaticString {
    switch self {
    case .preempted: "R+"
    case .uninterruptible: "D"
    case .ended: "X"
    case .blocked: "S"
    default: "R"
    }
  }
}
