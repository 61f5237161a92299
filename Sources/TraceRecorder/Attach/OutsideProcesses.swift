internal import LinuxSystem
internal import TraceFile
internal import TraceModel

/// Processes that are recorded from outside, because the runtime is not in them: running ones,
/// static ones, those with raised privileges. Their waits for futexes become events of their threads.
final class OutsideProcesses {
  /// A thread and the events of it that are not in a chunk yet.
  private struct Stream {
    var thread: Thread
    var builder: EventChunkBuilder
    var last = Timestamp(nanoseconds: .min)
    var oldest: Timestamp?
  }

  /// By the kernel's number; the image that it runs now.
  private var processes: [Int32: ProcessState] = [:]
  /// All that have been, for their symbols.
  private(set) var all: [ProcessState] = []
  private var streams: [Int32: Stream] = [:]
  private let clock: CounterClock
  private var nextLook = Timestamp.zero

  init(clock: CounterClock) { self.clock = clock }

  /// Begins to record a process.
  @discardableResult
  func begin(_ pid: Int32, at time: Timestamp, catalog: inout Catalog) -> ProcessState {
    let name = ProcFS.threadName(pid: pid, tid: pid) ?? "\(pid)"
    let state = ProcessState(
      process: Process(
        id: catalog.nextProcess(), pid: pid,
        parentPID: ProcFS.status(tid: pid)?.parentPID ?? 0, name: name,
        arguments: ProcFS.commandLine(of: pid), start: time, runtime: .outside), serial: 0)
    processes[pid] = state
    all.append(state)
    catalog.add(state.process)
    look(at: state, time, &catalog)
    return state
  }

  private func look(at state: ProcessState, _ time: Timestamp, _ catalog: inout Catalog) {
    for module in ProcessMaps.modules(of: state.process, at: time) {
      catalog.add(module, to: state)
    }
  }

  /// Takes down waits that have ended, and wakes.
  ///
  /// - Parameter isInside: Whether a process has the runtime, which knows its waits better.
  func record(
    _ waits: [FutexWaits.Wait], tasks: TaskTable, now: Timestamp, catalog: inout Catalog,
    isInside: (Int32) -> Bool
  ) {
    for wait in waits where !isInside(wait.call.pid) {
      let process =
        processes[wait.call.pid]
        ?? begin(
          wait.call.pid, at: tasks.start(ofProcess: wait.call.pid) ?? now, catalog: &catalog)
      append(wait, process, tasks, now, &catalog)
    }
    guard now >= nextLook else { return }
    // Libraries that came since.
    nextLook = Timestamp(nanoseconds: now.nanoseconds + RecordingSession.longestChunk)
    for process in processes.values { look(at: process, now, &catalog) }
  }

  private func append(
    _ wait: FutexWaits.Wait, _ process: ProcessState, _ tasks: TaskTable, _ now: Timestamp,
    _ catalog: inout Catalog
  ) {
    let tid = wait.call.tid
    if streams[tid].map({ $0.thread.process != process.process.id }) ?? true {
      let thread = Thread(
        id: catalog.nextThread(), process: process.process.id, tid: tid,
        name: ProcFS.threadName(pid: wait.call.pid, tid: tid) ?? "",
        start: max(tasks.start(ofThread: tid) ?? .zero, process.process.start))
      catalog.definitions.append(.thread(thread))
      streams[tid] = Stream(
        thread: thread, builder: EventChunkBuilder(process: process.process.id, thread: thread.id))
    }
    let stack = catalog.stack(wait.call.stack, in: process)
    let key = wait.call.address & 0xffff_ffff_ffff
    let lock = catalog.lock(key: key, kind: .futex, in: process)
    if !wait.isWake { catalog.setSite(stack, ofFutex: key, isOwned: false, in: process) }
    guard var stream = streams.removeValue(forKey: tid) else { return }
    // Who is woken goes on before the call is over that wakes it.
    let time = clock.nanoseconds(wait.isWake ? wait.start : wait.end)
    let end = Timestamp(nanoseconds: max(time, stream.last.nanoseconds))
    let start = min(Timestamp(nanoseconds: clock.nanoseconds(wait.start)), end)
    stream.last = end
    if stream.oldest == nil { stream.oldest = now }
    stream.builder.append(
      wait.isWake
        ? Event(
          kind: .release, operation: .signal, isDurationKnown: false, thread: stream.thread.id,
          time: end, lock: lock, stack: stack)
        : Event(
          kind: .wait, operation: .wait, outcome: wait.outcome, thread: stream.thread.id,
          time: end, duration: end - start, lock: lock, stack: stack))
    streams[tid] = stream
  }

  /// Closes chunks that are full or old.
  func closeChunks(
    isEnd: Bool = false, now: Timestamp, catalog: inout Catalog, writer: ChunkWriter
  ) {
    for (tid, stream) in streams {
      guard let oldest = stream.oldest,
        isEnd || stream.builder.isFull || now - oldest > RecordingSession.longestChunk
      else { continue }
      for chunk in catalog.definitions.seal() { writer.append(chunk) }
      streams[tid]?.oldest = nil
      if let chunk = streams[tid]?.builder.seal(lost: 0) { writer.append(chunk) }
    }
  }

  /// Tells the threads of all processes, and how they ended.
  func finish(tasks: TaskTable, now: Timestamp, catalog: inout Catalog, writer: ChunkWriter) {
    for state in all {
      let pid = state.process.pid
      if let main = tasks.last(ofThread: pid) { state.process.end = main.end }
      catalog.add(state.process)
      for entry in tasks.entries where entry.pid == pid && entry.isOwn && entry.id != .unknown {
        var thread =
          streams[entry.tid].flatMap { $0.thread.process == state.process.id ? $0.thread : nil }
          ?? Thread(
            id: catalog.nextThread(), process: state.process.id, tid: entry.tid,
            start: max(entry.start, state.process.start))
        if !entry.name.isEmpty { thread.name = entry.name }
        thread.end = entry.end.map { max($0, thread.start) }
        catalog.definitions.append(.thread(thread))
      }
    }
    closeChunks(isEnd: true, now: now, catalog: &catalog, writer: writer)
  }
}
