internal import Glibc
internal import LinuxSystem
internal import SystemPackage
internal import TraceFile
internal import TraceModel

/// A recording of processes that run already, from outside: their scheduling, and their waits for
/// futexes where the kernel's tracepoints tell of those.
struct AttachedSession: ~Copyable {
  private let options: RecorderOptions
  private let pids: [Int32]
  private let clock: CounterClock
  private let writer: ChunkWriter
  private let scheduler: Scheduler
  private let outside: OutsideProcesses
  private var catalog = Catalog()
  private var recording: Recording
  private var watched: [WatchedProcess.Handle] = []

  /// Begins to record.
  init(
    options: RecorderOptions, target: RecorderOptions.Target, clock: CounterClock,
    writer: ChunkWriter
  ) throws(RecorderError) {
    let (pids, scope): ([Int32], TaskTable.Scope)
    switch target {
    case .processes(let numbers):
      (pids, scope) = (numbers, options.recordsChildren ? .tree : .processes)
    case .everything: (pids, scope) = ([], .everything)
    }
    for pid in pids where !ProcFS.exists(pid: pid) { throw .noSuchProcess(pid) }
    var ownClock = clock
    ownClock.restart()
    let scheduler = try Scheduler(
      options.scheduling, pids: pids, scope: scope, clock: ownClock, includingFutexes: true)
    guard scheduler.rings != nil else {
      throw .schedulingUnavailable(
        scope == .everything ? "all processes" : "running processes", scheduler.reason)
    }
    self.options = options
    self.pids = pids
    self.clock = ownClock
    self.writer = writer
    self.scheduler = scheduler
    outside = OutsideProcesses(clock: ownClock)
    recording = Recording(
      program: options.command, startTime: wallClock, cpus: Int32(onlineCPUs),
      scheduling: scheduler.source, schedulingReason: scheduler.reason, host: hostDescription,
      recorder: options.version)
    begin()
  }

  /// Takes down what is there.
  private mutating func begin() {
    if scheduler.source != .kernel {
      recording.notes.append(
        "Waits for futexes were not recorded: they take the kernel's tracepoints.")
    }
    catalog.definitions.append(.recording(recording))
    for pid in pids {
      outside.begin(pid, at: .zero, catalog: &catalog)
      if let handle = try? WatchedProcess.Handle(pid: pid) { watched.append(handle) }
    }
    catalog.flush(to: writer)
  }

  private var now: Timestamp { Timestamp(nanoseconds: clock.nanoseconds(clock.stamp())) }

  /// Records until the processes have ended, a signal comes, or the recording is to stop; returns why,
  /// nil where they ended.
  mutating func follow(signals: FileDescriptor) -> String? {
    var milliseconds: Int32 = 10
    while true {
      let ready = poll(
        [signals] + watched.map(\.descriptor) + (scheduler.rings?.descriptors ?? []),
        milliseconds: milliseconds)
      if ready[0], readSignals(signals).contains(where: { $0.number != SIGCHLD }) {
        return "it was interrupted"
      }
      milliseconds = drain() ? 1 : 10
      let haveEnded = !pids.isEmpty && zip(watched, ready.dropFirst()).allSatisfy(\.1)
      if haveEnded { return nil }
      if writer.isFull { return "the file takes no more" }
      if let duration = options.duration, now.nanoseconds >= Int64(clamping: duration) {
        return "the duration asked for is over"
      }
    }
  }

  private mutating func drain() -> Bool {
    guard let rings = scheduler.rings else { return false }
    let isBusy = rings.begin()
    while rings.readPiece(catalog: &catalog, writer: writer) {}
    outside.record(
      rings.takeFutexWaits(), tasks: rings.tasks, now: now, catalog: &catalog,
      isInside: { _ in false })
    outside.closeChunks(now: now, catalog: &catalog, writer: writer)
    if catalog.definitions.byteCount > 1 << 20 { catalog.flush(to: writer) }
    return isBusy
  }

  /// Closes everything that is open and says what the recording is.
  mutating func finish(reason: String?) {
    guard let rings = scheduler.rings else { return }
    recording.duration = now.nanoseconds
    rings.finish(catalog: &catalog, writer: writer)
    outside.record(
      rings.takeLastFutexWaits(), tasks: rings.tasks, now: now, catalog: &catalog,
      isInside: { _ in false })
    for pid in rings.tasks.ownProcesses
    where !outside.all.contains(where: { $0.process.pid == pid }) {
      outside.begin(pid, at: rings.tasks.start(ofProcess: pid) ?? .zero, catalog: &catalog)
    }
    outside.finish(tasks: rings.tasks, now: now, catalog: &catalog, writer: writer)
    recording.notes += catalog.addSymbols(of: outside.all, writer: writer)
    if let reason { recording.notes.append("Recording ended because \(reason).") }
    catalog.definitions.append(.recording(recording))
    catalog.flush(to: writer)
  }
}
