internal import LinuxSystem
internal import SystemPackage
internal import TraceModel

/// The tracepoints that scheduling is recorded from, and how their fields are read.
struct SchedulerTracepoints: Sendable {
  let `switch`: Tracepoint
  let waking: Tracepoint
  let wakeupNew: Tracepoint
  /// Entry and exit of the futex call, where those are recorded.
  let enterFutex: Tracepoint?
  let exitFutex: Tracepoint?

  private let switchFields: SwitchFields
  private let wakingFields: WakingFields

  /// Places of the fields of `sched_switch`.
  private struct SwitchFields {
    var name: Int
    var task: Int
    var state: Int
    var nextName: Int
    var next: Int
  }

  /// Places of the fields of `sched_waking` and `sched_wakeup_new`.
  private struct WakingFields {
    var name: Int
    var task: Int
    var target: Int
  }

  /// Looks them up. Throws what the kernel says where it has none, or the user may not.
  init(includingFutexes: Bool) throws(Errno) {
    let catalog = try TracepointCatalog()
    `switch` = try catalog.tracepoint("sched/sched_switch")
    waking = try catalog.tracepoint("sched/sched_waking")
    wakeupNew = try catalog.tracepoint("sched/sched_wakeup_new")
    enterFutex = includingFutexes ? try catalog.tracepoint("syscalls/sys_enter_futex") : nil
    exitFutex = includingFutexes ? try catalog.tracepoint("syscalls/sys_exit_futex") : nil
    func place(_ field: String, _ point: Tracepoint) throws(Errno) -> Int {
      guard let place = point.offset(of: field) else { throw .notSupported }
      return place
    }
    switchFields = SwitchFields(
      name: try place("prev_comm", `switch`), task: try place("prev_pid", `switch`),
      state: try place("prev_state", `switch`), nextName: try place("next_comm", `switch`),
      next: try place("next_pid", `switch`))
    wakingFields = WakingFields(
      name: try place("comm", waking), task: try place("pid", waking),
      target: try place("target_cpu", waking))
  }

  /// What a sample is of.
  enum Kind { case `switch`, wakeup, enterFutex, exitFutex }

  func kind(of record: borrowing PerfRecord) -> Kind? {
    // Only entries of the futex call have stacks, and where the fields are tells which number is one.
    let number = UInt64(record.load(record.fields(hasStack: false), as: UInt16.self))
    if number == `switch`.number { return .switch }
    if number == waking.number || number == wakeupNew.number { return .wakeup }
    if number == exitFutex?.number { return .exitFutex }
    guard let enterFutex else { return nil }
    let deeper = UInt64(record.load(record.fields(hasStack: true), as: UInt16.self))
    return deeper == enterFutex.number ? .enterFutex : nil
  }

  /// A CPU's change from one task to another.
  func change(_ record: borrowing PerfRecord) -> (
    task: Int32, name: String, next: Int32, nextName: String, reason: Event.Operation
  ) {
    let base = record.fields(hasStack: false)
    return (
      record.load(base + switchFields.task, as: Int32.self),
      record.text(at: base + switchFields.name, atMost: 16),
      record.load(base + switchFields.next, as: Int32.self),
      record.text(at: base + switchFields.nextName, atMost: 16),
      reason(record.load(base + switchFields.state, as: Int64.self))
    )
  }

  /// The kernel's `TASK_REPORT` bits, with one more for a task that was preempted.
  private func reason(_ state: Int64) -> Event.Operation {
    let isPreempted = state & 0x100 != 0
    if isPreempted || state & 0xff == 0 { return .preempted }
    if state & 0x30 != 0 { return .ended }
    return state & 0x2 != 0 ? .uninterruptible : .blocked
  }

  /// A task that is woken.
  func wakeup(_ record: borrowing PerfRecord) -> (
    task: Int32, name: String, waker: Int32, isInterrupt: Bool, target: Int
  ) {
    let base = record.fields(hasStack: false)
    // common_flags: TRACE_FLAG_HARDIRQ and TRACE_FLAG_SOFTIRQ.
    let flags = record.load(base + 2, as: UInt8.self)
    let waker = record.load(base + 4, as: Int32.self)
    return (
      record.load(base + wakingFields.task, as: Int32.self),
      record.text(at: base + wakingFields.name, atMost: 16), waker,
      flags & 0x18 != 0 || waker == 0,
      Int(record.load(base + wakingFields.target, as: Int32.self))
    )
  }

  /// The arguments of a futex call.
  func futex(_ record: borrowing PerfRecord) -> FutexWaits.Call {
    let base = record.fields(hasStack: true)
    let (pid, tid) = record.sampledThread
    return FutexWaits.Call(
      pid: pid, tid: tid, address: record.load(base + 16, as: UInt64.self),
      operation: record.load(base + 24, as: Int32.self),
      stack: record.stack(atMost: 64))
  }

  /// What a futex call returned.
  func result(_ record: borrowing PerfRecord) -> Int64 {
    record.load(record.fields(hasStack: false) + 16, as: Int64.self)
  }
}
