internal import TraceModel

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
  init(_ track: TimelineIDs.Track, _ texts: inout TextTable) {
    let name = String(track.name.map { $0.isWhitespace || $0 == "=" || $0 == "-" ? "_" : $0 })
    self.init(
      name: texts.add((name.isEmpty ? "thread" : name).jsonEscaped), tid: track.tid,
      pid: track.pid)
  }
}

// Lines of the kernel's own trace text, which is the only form in which the JSON importer takes
// scheduling: see "systemTraceEvents" in Perfetto's documentation of external formats.
extension ChromeEncoder {
  mutating func beginScheduling() {
    hasScheduling = true
    output.append("\n],\"systemTraceEvents\":\"# tracer: nop\\n")
  }

  /// Closes the list of events or the text of scheduling, whichever was written last.
  mutating func finish(_ window: Range<Int64>) {
    output.append(hasScheduling ? "\"}\n" : "\n]}\n")
  }

  mutating func add(_ change: CPUChange) {
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

  mutating func addWakeup(of track: Int, by waker: Int, cpu: Int, at time: Int64) {
    appendLine(waker, cpu: cpu, at: time)
    output.append("sched_waking: comm=")
    texts.write(schedulingNames[track].name, to: &output)
    output.append(" pid=")
    output.append(UInt64(schedulingNames[track].tid))
    output.append(" prio=120 target_cpu=")
    output.append(UInt64(cpu))
    output.append("\\n")
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
