internal import CTraceABI
internal import Glibc
internal import LinuxSystem
internal import SystemPackage
internal import TraceFile
internal import TraceModel

/// A recording under way: drains rings, follows threads and processes to their end, and closes
/// chunks.
struct RecordingSession: ~Copyable {
  private let options: RecorderOptions
  private let arena: Arena
  private var clock: CounterClock
  private let writer: ChunkWriter
  private let childPID: Int32
  private var catalog = Catalog()
  private var recording: Recording
  /// By slot.
  private var streams: [ThreadStream?] = []
  /// By the targets' number.
  private var processes: [UInt32: ProcessState] = [:]
  /// The image that a process runs now, by the kernel's number.
  private var images: [Int32: ProcessState] = [:]
  private var watches: [Watch] = []
  private var scheduler = Scheduler()
  /// Processes that the runtime is not in, where their waits are recorded from outside.
  private var outside: OutsideProcesses?
  private var obstacle: String?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Arena.ringSize, alignment: 16)
  private var nextCheckpoint = Timestamp.zero
  private var deadlocks = DeadlockWatch()
  private var damagedThreads = 0
  private var uncounted: UInt64 = 0
  private var pace = Pace.idle

  /// How soon the next round of draining must come, by what the last one found. A thread that writes
  /// as fast as it can fills its ring in some 12 ms.
  private enum Pace: Comparable {
    case idle, steady, busy
    var milliseconds: Int32 {
      switch self {
      case .idle: 10
      case .steady: 5
      case .busy: 1
      }
    }
  }

  /// A process that is watched for its end.
  private struct Watch {
    let process: ProcessState
    let watched: WatchedProcess.Handle
  }

  /// Chunks older than this are closed however short, so that a recorder that is killed loses little.
  static let longestChunk: Int64 = 1_000_000_000
  /// After so long of reading what the kernel tells, it is the threads' turn again.
  private static let longestReading: Int64 = 3_000_000
  /// Tables with more entries are read only when their thread ends.
  private static let largestCheckpointed = 4096
  /// Of so many threads the CPU time is read now and then.
  private static let mostSampledThreads = 512

  init(
    options: RecorderOptions, arena: consuming Arena, clock: CounterClock, writer: ChunkWriter,
    childPID: Int32
  ) {
    self.options = options
    self.arena = arena
    self.clock = clock
    self.writer = writer
    self.childPID = childPID
    self.clock.restart()
    recording = Recording(
      program: options.command, startTime: wallClock, cpus: Int32(onlineCPUs), scheduling: .off,
      host: hostDescription, recorder: options.version)
    catalog.definitions.append(.recording(recording))
    flushDefinitions()
  }

  deinit { buffer.deallocate() }

  /// Notes why the program itself can't be recorded.
  mutating func note(obstacle: String?) {
    self.obstacle = obstacle
  }

  /// Begins to record scheduling, from before anything of the program runs.
  mutating func openScheduler() throws(RecorderError) {
    scheduler = try Scheduler(
      options.scheduling, pids: [childPID], scope: options.recordsChildren ? .tree : .processes,
      clock: clock, includingFutexes: obstacle != nil)
    // To open the rings took a while that is none of the program's.
    clock.restart()
    scheduler.rings?.restart(clock)
    recording.startTime = wallClock
    if let obstacle {
      if scheduler.source == .kernel { outside = OutsideProcesses(clock: clock) }
      recording.notes.append(
        "\(options.command[0]) \(obstacle): it ran, but "
          + (outside == nil
            ? "its locks were not recorded."
            : "of its locks only waits for futexes were recorded."))
    }
    recording.scheduling = scheduler.source
    recording.schedulingReason = scheduler.reason
    catalog.definitions.append(.recording(recording))
    flushDefinitions()
  }

  private var now: Timestamp { Timestamp(nanoseconds: clock.nanoseconds(clock.stamp())) }

  // MARK: Following

  /// Why following ended.
  enum End {
    /// The program and everything that it started has ended.
    case ended(Termination)
    /// The program has ended; what it started runs on, and the user did not want to wait.
    case left(Termination)
    /// Recording ends here; the program runs on.
    case stopped(String)
  }

  /// Drains until the program and its children have ended, or recording is to stop.
  mutating func follow(
    _ child: borrowing ChildProcess, signals: FileDescriptor,
    onEvent: (Recorder.Progress) -> Void
  ) -> End {
    var termination: Termination?
    var isWaitingAnnounced = false
    // Since when there is no process left that is known of.
    var begunWaiting = now
    while true {
      let timeout = pace.milliseconds
      let ready = poll(
        [signals] + watches.map { $0.watched.descriptor } + (scheduler.rings?.descriptors ?? []),
        milliseconds: timeout)
      if ready[0] {
        for signal in readSignals(signals) where signal.number != SIGCHLD {
          onEvent(.signal(signal.number))
          if let termination { return .left(termination) }
          child.pass(signal)
        }
      }
      let hasEnded = termination == nil && child.hasEnded
      // In this order: children that are no longer on their way are found by the draining.
      let isForking = arena.isForking
      drain()
      for (watch, isReady) in zip(watches, ready.dropFirst()) where isReady {
        endProcess(watch.process, at: now)
      }
      watches.removeAll { $0.process.hasEnded }
      if hasEnded {
        // Before it is reaped: /proc has its times until then.
        if let process = images[childPID] { endProcess(process, at: now) }
        switch child.end() {
        case .exited(let status): termination = .exited(status)
        case .signalled(let signal): termination = .signalled(signal)
        case nil: break
        }
      }
      if !watches.isEmpty || termination == nil { begunWaiting = now }
      closeChunks()
      watchForDeadlocks(onEvent)
      if let termination {
        watches.removeAll { $0.process.hasEnded }
        // A child that was killed on its way is not waited for forever.
        if watches.isEmpty, !isForking || now - begunWaiting > 2_000_000_000 {
          return .ended(termination)
        }
        if !isWaitingAnnounced, !watches.isEmpty {
          isWaitingAnnounced = true
          onEvent(.waitingForChildren(watches.count))
        }
      }
      if writer.isFull { return .stopped("the file takes no more") }
      if let duration = options.duration, now.nanoseconds >= Int64(clamping: duration) {
        return .stopped("the duration asked for is over")
      }
    }
  }

  // MARK: Draining

  private mutating func drain() {
    pace = drainThreads()
    if let rings = scheduler.rings {
      if rings.begin() { pace = .busy }
      // A thread fills its ring in less time than all that the kernel tells of a machine may take to read.
      var drained = now
      while rings.readPiece(catalog: &catalog, writer: writer) {
        guard now - drained > RecordingSession.longestReading else { continue }
        pace = max(pace, drainThreads())
        drained = now
      }
    }
    recordOutside()
    scheduler.sampler?.sample(
      streams, clock: { [clock] in Timestamp(nanoseconds: clock.nanoseconds(clock.stamp())) },
      catalog: &catalog, writer: writer)
    let endingNow = ending
    ending.removeAll(keepingCapacity: true)
    for index in endingNow {
      guard let stream = streams[index] else { continue }
      if !threadExists(pid: stream.process.process.pid, tid: stream.thread.tid) {
        endThread(stream, at: nil)
      }
    }
  }

  /// Reads the rings of all threads; returns how soon that must be done again.
  private mutating func drainThreads() -> Pace {
    discover()
    inherit()
    // All heads first, destroys next, records last: whatever a record can know of a destroy in
    // another thread lies before the heads of the second step.
    var heads: [(stream: ThreadStream, head: UInt64)] = []
    var haveDestroys = false
    for (index, stream) in streams.enumerated() {
      guard let stream else { continue }
      let slot = arena.slot(index)
      let head = slot.head
      if slot.destroys != stream.destroysSeen { haveDestroys = true }
      if head != stream.tail { heads.append((stream, head)) }
      if slot.state == CTRACE_SLOT_ENDING.rawValue { ending.append(index) }
    }
    if haveDestroys { applyDestroys() }
    let context = ThreadStream.Context(clock)
    var pace = heads.isEmpty ? Pace.idle : .steady
    for (stream, head) in heads {
      let slot = arena.slot(stream.slotIndex)
      if head &- stream.tail > UInt64(Arena.ringSize / 8) { pace = .busy }
      stream.read(slot, upTo: head, buffer: buffer, context: context, catalog: &catalog)
      if stream.builder.isFull { closeChunk(of: stream, slot) }
    }
    return pace
  }

  /// Takes down the waits for futexes of processes that the runtime is not in.
  private mutating func recordOutside(isEnd: Bool = false) {
    guard let outside, let rings = scheduler.rings else { return }
    let waits = isEnd ? rings.takeLastFutexWaits() : rings.takeFutexWaits()
    let inside = images
    outside.record(
      waits, tasks: rings.tasks, now: now, catalog: &catalog, isInside: { inside[$0] != nil })
    outside.closeChunks(now: now, catalog: &catalog, writer: writer)
  }

  /// Begins a stream for each slot that a thread has taken since, in the order in which they did: a
  /// parent comes before its children, and a program before the one that replaces it.
  private mutating func discover() {
    var found: [(started: UInt64, index: Int)] = []
    // A slot may be taken behind our back and lead to one that we still come to. When a pass finds
    // nothing new, whatever led to what was found is found. Slots are taken faster than that only by
    // a target that means to.
    for _ in 0..<16 {
      let before = found.count
      let count = arena.slotCount
      if streams.count < count {
        streams += [ThreadStream?](repeating: nil, count: count - streams.count)
      }
      for index in streams.indices where streams[index] == nil {
        let slot = arena.slot(index)
        guard slot.state != CTRACE_SLOT_FREE.rawValue,
          !found.contains(where: { $0.index == index })
        else { continue }
        found.append((slot.started, index))
      }
      if found.count == before { break }
    }
    found.sort { $0.started < $1.started }
    for (_, index) in found { beginStream(index, arena.slot(index)) }
  }

  /// Slots whose threads have said that they are about to end.
  private var ending: [Int] = []

  private mutating func applyDestroys() {
    for case .some(let stream) in streams {
      let slot = arena.slot(stream.slotIndex)
      let destroys = slot.destroys
      guard destroys != stream.destroysSeen else { continue }
      stream.destroysSeen = destroys
      stream.applyDestroys(in: slot, upTo: slot.head, buffer: buffer)
    }
  }

  /// Begins the stream of a slot that a thread has taken.
  private mutating func beginStream(_ index: Int, _ slot: Slot) {
    guard let process = process(of: slot) else { return }
    let thread = Thread(
      id: catalog.nextThread(), process: process.process.id, tid: slot.tid, name: slot.name,
      start: Timestamp(
        nanoseconds: min(max(0, clock.nanoseconds(slot.started)), now.nanoseconds)))
    let stream = ThreadStream(
      slotIndex: index, slot: slot, process: process, thread: thread, clock: clock)
    process.locks.begin(thread.id, handle: slot.handle)
    // A thread that took the number of one that has ended tells that it has.
    if let earlier = catalog.threads[slot.tid],
      let stale = streams.first(where: { $0?.thread.id == earlier }) ?? nil
    {
      endThread(stale, at: thread.start)
    }
    catalog.threads[slot.tid] = thread.id
    catalog.definitions.append(.thread(thread))
    streams[index] = stream
  }

  /// The process that a slot belongs to, begun when it is seen first.
  private mutating func process(of slot: Slot) -> ProcessState? {
    let serial = slot.process
    if let process = processes[serial] { return process.hasEnded ? nil : process }
    guard serial != 0, slot.pid > 0 else { return nil }
    let start = min(max(0, clock.nanoseconds(slot.started)), now.nanoseconds)
    let process = ProcessState(
      process: Process(
        id: catalog.nextProcess(), pid: slot.pid, parentPID: slot.parentPID, name: slot.name,
        start: Timestamp(nanoseconds: start)),
      serial: serial)
    processes[serial] = process
    newborn.append((process, slot.parentProcess))
    catalog.add(process.process)
    if let before = images[slot.pid] {
      endProcess(before, at: process.process.start)
      process.cpuTimeBefore = before.endedThreads.first { $0.tid == slot.pid }?.cpuTime ?? 0
    }
    images[slot.pid] = process
    imageStarts[slot.pid, default: []].append(process.process.start)
    if slot.pid != childPID {
      do {
        watches.append(Watch(process: process, watched: try WatchedProcess.Handle(pid: slot.pid)))
      } catch {
        // It has ended already: what it wrote is read in this round, and then it is closed.
        endedEarly.append(process)
      }
    }
    return process
  }

  /// Processes that were not there in the round before, with the number of the image each was forked
  /// from; 0 where it is an image of its own.
  private var newborn: [(process: ProcessState, parent: UInt32)] = []

  /// Gives forked processes what their parents had: all of it was in the parents' rings before they
  /// were forked.
  private mutating func inherit() {
    guard !newborn.isEmpty else { return }
    applyDestroys()
    // A parent has a smaller number than its children, so that nobody is its own ancestor.
    for (process, serial) in newborn.sorted(by: { $0.process.serial < $1.process.serial }) {
      guard serial < process.serial, let parent = processes[serial] else { continue }
      for case .some(let stream) in streams where stream.process === parent {
        let slot = arena.slot(stream.slotIndex)
        let head = slot.head
        // What is read is not later than this: otherwise it would be told too early.
        let context = ThreadStream.Context(clock)
        stream.read(slot, upTo: head, buffer: buffer, context: context, catalog: &catalog)
      }
      process.forkedFrom = parent
      process.process.arguments = parent.process.arguments
      catalog.add(process.process)
      for var module in parent.modules {
        module.process = process.process.id
        catalog.add(module, to: process)
      }
    }
    newborn.removeAll()
  }

  /// When images began, by the kernel's number of their process.
  private var imageStarts: [Int32: [Timestamp]] = [:]
  /// Processes that were gone when they were first seen.
  private var endedEarly: [ProcessState] = []

  // MARK: Ends

  private mutating func endThread(_ stream: ThreadStream, at time: Timestamp?) {
    let slot = arena.slot(stream.slotIndex)
    applyDestroys()
    let head = slot.head
    let context = ThreadStream.Context(clock)
    stream.read(slot, upTo: head, buffer: buffer, context: context, catalog: &catalog)
    stream.readRest(slot, context: context, catalog: &catalog)
    let ended = slot.ended
    let end = ended == 0 ? time ?? context.now : Timestamp(nanoseconds: clock.nanoseconds(ended))
    stream.thread.end = min(max(end, stream.thread.start), context.now)
    stream.writeHeld(slot, context: context, catalog: &catalog)
    if let table = arena.uses(of: slot) {
      stream.writeUses(table, context: context, catalog: &catalog, isFinal: true)
      arena.discard(table)
    }
    scheduler.sampler?.end(stream, at: context.now, catalog: &catalog)
    stream.thread.name = stream.givenName ?? slot.name
    if slot.cpuNanoseconds > 0 {
      let before = stream.isMain ? stream.process.cpuTimeBefore : 0
      stream.thread.cpuTime = max(0, Int64(clamping: slot.cpuNanoseconds) - before)
    } else {
      stream.readCPUTime()
    }
    catalog.definitions.append(.thread(stream.thread))
    closeChunk(of: stream, slot)
    if stream.damagedBytes > 0 { damagedThreads += 1 }
    uncounted &+= stream.uncounted
    streams[stream.slotIndex] = nil
    stream.process.endedThreads.append(stream.thread)
    arena.recycle(stream.slotIndex)
  }

  private mutating func endProcess(_ process: ProcessState, at time: Timestamp) {
    guard !process.hasEnded else { return }
    inherit()
    for case .some(let stream) in streams where stream.process === process {
      endThread(stream, at: time)
    }
    process.hasEnded = true
    process.process.end = max(time, process.process.start)
    catalog.add(process.process)
    if images[process.process.pid] === process { images[process.process.pid] = nil }
  }

  // MARK: Chunks

  private mutating func closeChunk(of stream: ThreadStream, _ slot: Slot) {
    guard let chunk = stream.seal(lost: slot.lost) else { return }
    flushDefinitions()
    writer.append(chunk)
  }

  private mutating func flushDefinitions() { catalog.flush(to: writer) }

  private mutating func closeChunks() {
    if !endedEarly.isEmpty {
      // They were gone when they were seen, but not all of their threads may have been seen with them.
      drain()
      for process in endedEarly { endProcess(process, at: now) }
      endedEarly.removeAll()
    }
    let now = now
    for case .some(let stream) in streams {
      guard let oldest = stream.oldest, now - oldest > RecordingSession.longestChunk else {
        continue
      }
      closeChunk(of: stream, arena.slot(stream.slotIndex))
    }
    if catalog.definitions.byteCount > 1 << 20 { flushDefinitions() }
    guard now >= nextCheckpoint else { return }
    nextCheckpoint = Timestamp(
      nanoseconds: now.nanoseconds + RecordingSession.longestChunk)
    let context = ThreadStream.Context(clock)
    for case .some(let stream) in streams {
      let slot = arena.slot(stream.slotIndex)
      if let table = arena.uses(of: slot), table.count <= RecordingSession.largestCheckpointed {
        stream.writeUses(table, context: context, catalog: &catalog, isFinal: false)
      }
    }
    // A thread that is killed can't say how long it ran; of very many, a file each is too much.
    if streams.count <= RecordingSession.mostSampledThreads {
      for case .some(let stream) in streams { stream.readCPUTime() }
    }
    flushDefinitions()
  }

  // MARK: Deadlocks

  /// Looks now and then whether threads wait for each other, and tells of it once they are found to.
  private mutating func watchForDeadlocks(_ onEvent: (Recorder.Progress) -> Void) {
    while let found = deadlocks.takeTold() { onEvent(.deadlock(found)) }
    guard deadlocks.isDue(at: now) else { return }
    let found = deadlocks.look(streams, arena: arena, threads: catalog.threads, clock: clock)
    deadlocks.tell(found)
  }

  // MARK: The end

  /// Closes everything that is open and says what the recording is.
  mutating func finish(_ end: End) {
    arena.stop()
    deadlocks.finish()
    if case .stopped = end { drain() }
    // What is still to be done is none of the program's time.
    recording.duration = now.nanoseconds
    for case .some(let stream) in streams { endLiveThread(stream) }
    for process in processes.values where !process.hasEnded {
      catalog.add(process.process)
    }
    addAbsentImages()
    scheduler.rings?.finish(catalog: &catalog, writer: writer)
    recordOutside(isEnd: true)
    if let outside, let rings = scheduler.rings {
      outside.finish(tasks: rings.tasks, now: now, catalog: &catalog, writer: writer)
    }
    scheduler.sampler?.finish(&catalog, writer)
    addThreadsOfTasks()
    recording.notes += catalog.notes
    recording.notes += catalog.addSymbols(
      of: Array(processes.values) + (outside?.all ?? []), writer: writer)

    switch end {
    case .ended(let termination): recording.termination = termination
    case .left(let termination):
      recording.termination = termination
      recording.notes.append("Children of the program ran on when the recording ended.")
    case .stopped(let reason):
      recording.notes.append("The program ran on when the recording ended: \(reason).")
    }
    recording.unrecordedThreads = arena.unrecordedThreads
    if processes.isEmpty && recording.notes.isEmpty {
      recording.notes.append(
        "\(options.command[0]) did not load the runtime: nothing inside it was recorded.")
    }
    if catalog.images[childPID] == nil {
      catalog.add(
        Process(
          id: catalog.nextProcess(), pid: childPID, parentPID: getpid(),
          name: options.command[0].split(separator: "/").last.map(String.init) ?? "",
          arguments: options.command, start: .zero, end: now, runtime: .absent))
    }
    if damagedThreads > 0 {
      recording.notes.append(
        "The program wrote over the memory it is recorded in: events of \(damagedThreads) "
          + "thread\(damagedThreads == 1 ? " is" : "s are") incomplete.")
    }
    recording.uncountedCalls = uncounted
    if uncounted > 0 {
      recording.notes.append("\(uncounted) calls could not be counted for a lock.")
    }
    catalog.definitions.append(.recording(recording))
    flushDefinitions()
  }

  /// Takes down what a thread that runs on has done so far.
  private mutating func endLiveThread(_ stream: ThreadStream) {
    let slot = arena.slot(stream.slotIndex)
    let context = ThreadStream.Context(clock)
    stream.readRest(slot, context: context, catalog: &catalog)
    stream.writeHeld(slot, context: context, catalog: &catalog)
    if let table = arena.uses(of: slot) {
      stream.writeUses(table, context: context, catalog: &catalog, isFinal: true)
    }
    stream.readCPUTime()
    stream.thread.name =
      stream.givenName ?? ProcFS.threadName(pid: stream.process.process.pid, tid: stream.thread.tid)
      ?? slot.name
    catalog.definitions.append(.thread(stream.thread))
    closeChunk(of: stream, slot)
    if stream.damagedBytes > 0 { damagedThreads += 1 }
    uncounted &+= stream.uncounted
  }

  /// Adds the programs that were executed by recorded processes, but into which the runtime did not
  /// come: they are linked statically, or run with raised privileges, or were never begun.
  private mutating func addAbsentImages() {
    var names: [String] = []
    for (index, exec) in catalog.execs.enumerated() where !exec.path.isEmpty {
      let next = catalog.execs[(index + 1)...].first { $0.pid == exec.pid }
      if let next, next.path.isEmpty { continue }
      if imageStarts[exec.pid]?.contains(where: { $0 >= exec.time }) == true { continue }
      let replaced = processes.values.filter { $0.process.pid == exec.pid }
        .max { $0.process.start < $1.process.start }
      let end = next?.time ?? replaced?.process.end
      if let replaced {
        replaced.process.end = exec.time
        catalog.add(replaced.process)
        for var thread in replaced.endedThreads where thread.end.map({ $0 > exec.time }) ?? true {
          thread.end = max(exec.time, thread.start)
          catalog.definitions.append(.thread(thread))
        }
      }
      let name = exec.path.split(separator: "/").last.map(String.init) ?? exec.path
      names.append(name)
      catalog.add(
        Process(
          id: catalog.nextProcess(), pid: exec.pid, parentPID: exec.parentPID, name: name,
          arguments: [exec.path], start: exec.time, end: end, runtime: .absent))
    }
    guard !names.isEmpty else { return }
    let distinct = Set(names).sorted()
    let some = distinct.prefix(4).joined(separator: ", ")
    let more = distinct.count > 4 ? " and others" : ""
    let count = names.count == 1 ? "1 process" : "\(names.count) processes"
    recording.notes.append(
      "Nothing was recorded inside \(count) (\(some)\(more)): linked statically, or run with "
        + "raised privileges.")
  }

  /// Adds the threads of the program that only the kernel told of: those of processes that the runtime
  /// is not in.
  private mutating func addThreadsOfTasks() {
    guard let tasks = scheduler.rings?.tasks else { return }
    for image in tasks.images(besides: catalog.images) {
      let process = Process(
        id: catalog.nextProcess(), pid: image.pid, parentPID: image.parentPID, name: image.name,
        start: image.start, end: image.end, runtime: .absent)
      catalog.add(process)
    }
    for entry in tasks.entries where entry.isOwn && entry.id != .unknown {
      for image in catalog.images[entry.pid] ?? [] where image.runtime == .absent {
        let start = max(entry.start, image.start)
        let end = [entry.end, image.end].compactMap(\.self).min()
        guard end.map({ $0 > start }) ?? true else { continue }
        catalog.definitions.append(
          .thread(
            Thread(
              id: catalog.nextThread(), process: image.id, tid: entry.tid,
              name: entry.name, start: start, end: end)))
      }
    }
  }
}
