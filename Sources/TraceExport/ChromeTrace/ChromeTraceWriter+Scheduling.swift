public import TraceModel

/// What a thread is called in the lines of scheduling.
struct SchedulingName {
  /// `comm=NAME`, without the key.
  var name: TextTable.Text
  /// Its number on its track, and that of its process.
  var tid: UInt32
  var pid: UInt32
  /// When it ended; nil while it runs.
  var end: Int64?
  /// Whether it is none of the program's.
  var isForeign = false

  /// The letter for a thread that is not known to leave, but did.
  var unknownState: StaticString { tid == 0 ? "R" : "S" }

  /// Stands for threads that are none of the recording's; they appear as the CPU's idle task.
  static func idle(_ texts: inout TextTable) -> SchedulingName {
    SchedulingName(name: texts.add("idle"), tid: 0, pid: 0)
  }

  init(
    name: TextTable.Text, tid: UInt32, pid: UInt32, end: Int64? = nil, isForeign: Bool = false
  ) {
    self.name = name
    self.tid = tid
    self.pid = pid
    self.end = end
    self.isForeign = isForeign
  }

  /// Importers end a name at a space, and a line at what looks like the next field.
  init(
    _ track: ChromeIDs.Track, end: Timestamp?, isForeign: Bool, _ texts: inout TextTable
  ) {
    let name = String(track.name.map { $0.isWhitespace || $0 == "=" || $0 == "-" ? "_" : $0 })
    self.init(
      name: texts.add((name.isEmpty ? "thread" : name).jsonEscaped), tid: track.tid,
      pid: track.pid, end: end.map(ChromeTime.drawn), isForeign: isForeign)
  }
}

/// A CPU goes from one thread to another.
struct CPUSwitch {
  var thread: SchedulingName
  /// Why it left.
  var state: StaticString
  var next: SchedulingName
  var time: Int64
  /// One to a thread of another program is written when it is known what comes after.
  var isWritten = false
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
        event.time.nanoseconds < window.upperBound
      else { continue }
      schedulingNow = max(schedulingNow, ChromeTime.drawn(event.time))
      let thread = schedulingNames[threadIndex[event.thread.rawValue]]
      let other = schedulingNames[threadIndex[event.owner.rawValue]]
      if isCut, thread.tid == 0, event.kind == .wakeup || other.tid == 0 { continue }
      let written = output.count
      if !hasScheduling, schedulingNow >= window.lowerBound { beginScheduling() }
      // What came before tells who is on the CPUs when the window begins.
      defer { if !hasScheduling { output.truncate(to: written) } }
      if event.kind == .switch {
        add(
          CPUSwitch(
            thread: thread, state: event.operation.stateLetter, next: other, time: schedulingNow),
          cpu: event.value)
      } else {
        appendLine(other, cpu: event.value, at: schedulingNow)
        output.append("sched_waking: comm=")
        texts.write(thread.name, to: &output)
        output.append(" pid=")
        output.append(UInt64(thread.tid))
        output.append(" prio=120 target_cpu=")
        output.append(event.value)
        output.append("\\n")
      }
    }
  }

  private mutating func beginScheduling() {
    hasScheduling = true
    output.append("\n],\"systemTraceEvents\":\"# tracer: nop\\n")
    if window.lowerBound > 0 { beginWindowOfScheduling() }
  }

  /// Closes the list of events or the text of scheduling, whichever was written last.
  mutating func appendEndOfEvents() {
    for (cpu, last) in cpuSwitches.sorted(by: { $0.key < $1.key }) {
      _ = leave(last, cpu, at: window.upperBound)
    }
    cpuSwitches = [:]
    output.append(hasScheduling ? "\"}\n" : "\n]}\n")
  }

  /// Writes a switch, or takes note of it until it is known how the next one on the CPU goes on.
  ///
  /// Importers count it as an error when the thread that leaves a CPU is not the one that came. Between
  /// two switches of the program others may have come and gone, of whom nothing is told: so a thread of
  /// another program is drawn only where both its coming and its leaving are known, and as idle
  /// elsewhere. Of a thread that ends the last switch may not be told: it leaves where it ended.
  private mutating func add(_ next: CPUSwitch, cpu: Int64) {
    var next = next
    if let last = cpuSwitches[cpu] {
      if last.next.tid == next.thread.tid {
        if !last.isWritten { appendSwitch(last, cpu) }
      } else {
        let shown = leave(last, cpu, at: next.time)
        if next.thread.isForeign {
          next.thread = shown
          next.state = shown.unknownState
        } else if shown.tid != next.thread.tid {
          appendSwitch(
            CPUSwitch(
              thread: shown, state: shown.unknownState, next: next.thread, time: next.time), cpu)
        }
      }
    }
    if !next.next.isForeign {
      appendSwitch(next, cpu)
      next.isWritten = true
    }
    cpuSwitches[cpu] = next
  }

  /// Writes a switch to a thread that is not known to leave by that time; returns what is shown then.
  private mutating func leave(
    _ last: CPUSwitch, _ cpu: Int64, at time: Int64
  ) -> SchedulingName {
    var last = last
    let idle = schedulingNames[ChromeIDs.unknown]
    if last.next.isForeign { last.next = idle }
    if !last.isWritten { appendSwitch(last, cpu) }
    guard let end = last.next.end.map({ max($0, last.time) }), end <= time else { return last.next }
    appendSwitch(CPUSwitch(thread: last.next, state: "X", next: idle, time: end), cpu)
    return idle
  }

  mutating func appendSwitch(_ change: CPUSwitch, _ cpu: Int64) {
    appendLine(change.thread, cpu: cpu, at: change.time)
    output.append("sched_switch: prev_comm=")
    texts.write(change.thread.name, to: &output)
    output.append(" prev_pid=")
    output.append(UInt64(change.thread.tid))
    output.append(" prev_prio=120 prev_state=")
    output.append(change.state)
    output.append(" ==> next_comm=")
    texts.write(change.next.name, to: &output)
    output.append(" next_pid=")
    output.append(UInt64(change.next.tid))
    output.append(" next_prio=120\\n")
  }

  private mutating func appendLine(_ thread: SchedulingName, cpu: Int64, at time: Int64) {
    texts.write(thread.name, to: &output)
    output.append("-")
    output.append(UInt64(thread.tid))
    output.append(" (")
    output.append(UInt64(thread.pid))
    output.append(") [")
    output.append(cpu)
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
