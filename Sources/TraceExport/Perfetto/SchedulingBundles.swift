internal import TraceModel

/// Trace events of the kernel, put together for each CPU until they are enough for a packet.
struct SchedulingBundles {
  /// Far more than any machine has.
  private static let mostCPUs = 1 << 12
  /// Bytes of a bundle.
  static let size = 1 << 14

  /// The events of each CPU that have not been written.
  var events: [ByteBuffer] = []
  /// The last switch of each CPU.
  var last: [CPUChange?] = []

  /// The number of a CPU, if it can be one.
  static func cpu(_ value: Int64) -> Int? {
    value >= 0 && value < mostCPUs ? Int(value) : nil
  }

  mutating func makeRoom(for cpu: Int) {
    while events.count <= cpu {
      events.append(ByteBuffer())
      last.append(nil)
    }
  }
}

/// A CPU goes from one thread to another. Threads are places of tracks; the one that stands for those
/// without a definition is the CPU's idle task.
struct CPUChange {
  var thread: Int
  /// Why it left.
  var reason: Event.Operation
  var next: Int
  var time: Int64
  /// One to a thread of another program is written when it is known what comes after.
  var isWritten = false
}

extension PerfettoTraceWriter {
  private typealias Schema = PerfettoSchema
  private static let idle = ChromeIDs.unknown
  /// The priority of a thread that has no other; Perfetto leaves out what has none.
  private static let priority: UInt64 = 120

  /// Writes a switch, or takes note of it until it is known how the next one on the CPU goes on.
  ///
  /// Between two switches of the program others may have come and gone, of whom nothing is told: so a
  /// thread of another program is drawn only where both its coming and its leaving are known, and as idle
  /// elsewhere. Of a thread that ends the last switch may not be told: it leaves where it ended.
  mutating func add(_ next: CPUChange, _ cpu: Int) {
    scheduling.makeRoom(for: cpu)
    var next = next
    if let last = scheduling.last[cpu] {
      if last.next == next.thread {
        if !last.isWritten { appendSwitch(last, cpu) }
      } else {
        let shown = leave(last, cpu, at: next.time)
        if tracks[next.thread].isForeign {
          next.thread = shown
          next.reason = .unknown
        } else if shown != next.thread {
          appendSwitch(
            CPUChange(thread: shown, reason: .unknown, next: next.thread, time: next.time), cpu)
        }
      }
    }
    if !tracks[next.next].isForeign {
      appendSwitch(next, cpu)
      next.isWritten = true
    }
    scheduling.last[cpu] = next
  }

  /// Writes a switch to a thread that is not known to leave by that time; returns what is shown then.
  private mutating func leave(_ last: CPUChange, _ cpu: Int, at time: Int64) -> Int {
    var last = last
    if tracks[last.next].isForeign { last.next = Self.idle }
    if !last.isWritten { appendSwitch(last, cpu) }
    guard last.next != Self.idle, let end = tracks[last.next].end.map({ max($0, last.time) }),
      end <= time
    else { return last.next }
    tracks[last.next].lastTime = max(tracks[last.next].lastTime, end)
    appendSwitch(
      CPUChange(thread: last.next, reason: .ended, next: Self.idle, time: end), cpu)
    return Self.idle
  }

  /// The kernel's number of a thread: 0 for the idle task.
  private func tid(_ track: Int) -> UInt64 {
    track == Self.idle ? 0 : UInt64(tracks[track].tid)
  }

  private mutating func appendSwitch(_ change: CPUChange, _ cpu: Int) {
    event.removeAll()
    event.append(field: Schema.Switch.previous, tid(change.thread))
    event.append(field: Schema.Switch.previousPriority, Self.priority)
    event.append(
      field: Schema.Switch.state,
      change.thread == Self.idle ? 0 : change.reason.kernelState)
    event.append(field: Schema.Switch.next, tid(change.next))
    event.append(field: Schema.Switch.nextPriority, Self.priority)
    appendKernelEvent(Schema.Ftrace.schedSwitch, cpu, of: tid(change.thread), at: change.time)
  }

  /// Writes that a thread can run again, by whom.
  mutating func appendWaking(
    of track: Int, by waker: Int, isInterrupt: Bool, _ cpu: Int, at time: Int64
  ) {
    event.removeAll()
    event.append(field: Schema.Waking.pid, tid(track))
    event.append(field: Schema.Waking.priority, Self.priority)
    event.append(field: Schema.Waking.success, 1)
    event.append(field: Schema.Waking.target, UInt64(cpu))
    appendKernelEvent(
      Schema.Ftrace.schedWaking, cpu, of: tid(waker),
      flags: isInterrupt ? Schema.Ftrace.inInterrupt : 0, at: time)
  }

  /// Writes an event of the kernel's, with `event` as what it says.
  mutating func appendKernelEvent(
    _ field: Int, _ cpu: Int, of tid: UInt64, flags: UInt64? = nil, at time: Int64
  ) {
    head.removeAll()
    head.append(field: Schema.Ftrace.timestamp, UInt64(max(time, 0)))
    head.append(field: Schema.Ftrace.pid, tid)
    if let flags { head.append(field: Schema.Ftrace.flags, flags) }
    head.append(field: field, event)
    scheduling.makeRoom(for: cpu)
    scheduling.events[cpu].append(field: Schema.Ftrace.event, head)
    if scheduling.events[cpu].count > SchedulingBundles.size { appendBundle(cpu) }
  }

  private mutating func appendBundle(_ cpu: Int) {
    guard scheduling.events[cpu].count > 0 else { return }
    var bundle = ByteBuffer()
    bundle.append(field: Schema.Ftrace.cpu, UInt64(cpu))
    bundle.append(contentsOf: scheduling.events[cpu])
    scheduling.events[cpu].removeAll()
    appendPacket(Schema.Packet.ftraceEvents, bundle)
  }

  /// Writes what is left, and when threads began and ended.
  mutating func finishScheduling() {
    for cpu in scheduling.last.indices {
      if let last = scheduling.last[cpu] { _ = leave(last, cpu, at: .max) }
      scheduling.last[cpu] = nil
    }
    appendLives()
    for cpu in scheduling.events.indices { appendBundle(cpu) }
  }

  /// Writes when threads began and ended, so that one that gets the number of another is not taken for it.
  /// Processes are told of by the process tree.
  private mutating func appendLives() {
    for place in tracks.indices.dropFirst() where tracks[place].isThread {
      let thread = tracks[place]
      guard !thread.isForeign else { continue }
      let begin = min(thread.start, thread.firstTime) - 1
      // A thread that was there before the recording did not begin.
      if !thread.isMain, begin > 0 {
        event.removeAll()
        event.append(field: Schema.NewTask.pid, UInt64(thread.tid))
        event.append(field: Schema.NewTask.flags, Schema.NewTask.isThread)
        appendKernelEvent(Schema.Ftrace.newTask, 0, of: UInt64(thread.pid), at: begin)
      }
      if let end = thread.end {
        event.removeAll()
        event.append(field: Schema.ProcessFree.pid, UInt64(thread.tid))
        event.append(field: Schema.ProcessFree.priority, Self.priority)
        let last = max(end, thread.lastTime)
        appendKernelEvent(
          Schema.Ftrace.processFree, 0, of: 0, at: last < .max ? last + 1 : last)
      }
    }
  }
}

extension Event.Operation {
  /// Why a thread left its CPU, as the kernel's numbers say it.
  fileprivate var kernelState: UInt64 {
    switch self {
    case .blocked: 1
    case .uninterruptible: 2
    case .ended: 16
    // The number behind those of all states: TASK_STATE_MAX of the kernels that say nothing of themselves.
    case .preempted: 2048
    default: 0
    }
  }
}
