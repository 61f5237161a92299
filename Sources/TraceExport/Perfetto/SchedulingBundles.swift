internal import TraceModel

/// Trace events of the kernel, put together for each CPU until they are enough for a packet.
struct SchedulingBundles {
  /// Bytes of a bundle.
  static let size = 1 << 14

  /// The events of each CPU that have not been written.
  var events: [ByteBuffer] = []

  mutating func makeRoom(for cpu: Int) {
    while events.count <= cpu { events.append(ByteBuffer()) }
  }
}

extension PerfettoEncoder {
  private typealias Schema = PerfettoSchema
  private static let idle = TimelineIDs.unknown
  /// The priority of a thread that has no other; Perfetto leaves out what has none.
  private static let priority: UInt64 = 120

  mutating func beginScheduling() {}

  /// A thread has lived at a moment.
  private mutating func note(_ track: Int, at time: Int64) {
    tracks[track].firstTime = min(tracks[track].firstTime, time)
    tracks[track].lastTime = max(tracks[track].lastTime, time)
  }

  /// The kernel's number of a thread: 0 for the idle task.
  @inline(__always)
  private func tid(_ track: Int) -> UInt64 {
    track == Self.idle ? 0 : UInt64(tracks[track].tid)
  }

  /// Writes a `sched_switch`. Names are not repeated in it.
  mutating func add(_ change: CPUChange) {
    note(change.thread, at: change.time)
    note(change.next, at: change.time)
    event.removeAll()
    event.append(field: Schema.Switch.previous, tid(change.thread))
    event.append(field: Schema.Switch.previousPriority, Self.priority)
    event.append(
      field: Schema.Switch.state,
      change.thread == Self.idle ? 0 : change.reason.kernelState)
    event.append(field: Schema.Switch.next, tid(change.next))
    event.append(field: Schema.Switch.nextPriority, Self.priority)
    appendKernelEvent(
      Schema.Ftrace.schedSwitch, change.cpu, of: tid(change.thread), at: change.time)
  }

  /// Writes a `sched_waking`.
  mutating func addWakeup(of track: Int, by waker: Int, cpu: Int, at time: Int64) {
    note(track, at: time)
    event.removeAll()
    event.append(field: Schema.Waking.pid, tid(track))
    event.append(field: Schema.Waking.priority, Self.priority)
    event.append(field: Schema.Waking.success, 1)
    event.append(field: Schema.Waking.target, UInt64(cpu))
    appendKernelEvent(Schema.Ftrace.schedWaking, cpu, of: tid(waker), at: time)
  }

  /// Writes an event of the kernel's, with `event` as what it says.
  private mutating func appendKernelEvent(
    _ field: Int, _ cpu: Int, of tid: UInt64, at time: Int64
  ) {
    head.removeAll()
    head.append(field: Schema.Ftrace.timestamp, UInt64(max(time, 0)))
    head.append(field: Schema.Ftrace.pid, tid)
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
  mutating func finish(_ window: Range<Int64>) {
    appendLives(window)
    for cpu in scheduling.events.indices { appendBundle(cpu) }
  }

  /// Writes when threads began and ended, so that one that gets the number of another is not taken for it.
  /// Processes are told of by the process tree, and end with their main threads.
  private mutating func appendLives(_ window: Range<Int64>) {
    // Whoever still lives when the main thread ends has no name from then on.
    var lasts = Array(repeating: Int64(0), count: processes.count)
    for thread in tracks { lasts[thread.process] = max(lasts[thread.process], thread.last) }
    for place in tracks.indices.dropFirst() where tracks[place].isThread {
      let thread = tracks[place]
      guard !thread.isForeign else { continue }
      let begin = min(thread.start, thread.firstTime) - 1
      // A thread that was there before the recording did not begin.
      if !thread.isMain, begin > window.lowerBound {
        event.removeAll()
        event.append(field: Schema.NewTask.pid, UInt64(thread.tid))
        event.append(field: Schema.NewTask.flags, Schema.NewTask.isThread)
        appendKernelEvent(Schema.Ftrace.newTask, 0, of: UInt64(thread.pid), at: begin)
      }
      if let end = thread.end, end < window.upperBound {
        event.removeAll()
        event.append(field: Schema.ProcessFree.pid, UInt64(thread.tid))
        event.append(field: Schema.ProcessFree.priority, Self.priority)
        let last = thread.isMain ? lasts[thread.process] : thread.last
        appendKernelEvent(
          Schema.Ftrace.processFree, 0, of: 0, at: min(last, .max - 2) + (thread.isMain ? 2 : 1))
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
