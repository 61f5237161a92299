internal import CLinux
internal import LinuxSystem
internal import SystemPackage
internal import TraceFile
internal import TraceModel

/// Records the scheduler from the kernel's rings, one for each CPU.
final class SchedulerRings {
  /// What the kernel tells.
  enum Source {
    /// Its tracepoints, of all tasks.
    case tracepoints(SchedulerTracepoints)
    /// Switches of the program's tasks alone.
    case switches
  }

  /// A task that left its CPU.
  private struct Departure {
    var task: KernelTaskID
    var reason: Event.Operation
    var time: Timestamp
  }

  /// A task that comes so soon after another left has come in its place: the time between is that of
  /// the switch itself, which the kernel counts as the later one's.
  private static let longestSwitch: Int64 = 10_000

  /// A ring and what was made of it.
  private final class CPU {
    var ring: PerfRing
    var builder: SchedulingChunkBuilder
    /// Up to where the ring was searched for forks, and up to where it was read.
    var searched: UInt64 = 0
    var tail: UInt64 = 0
    var head: UInt64 = 0
    /// Records that were lost since the chunk before, and in all.
    var lost: UInt64 = 0
    var lostInAll: UInt64 = 0
    var last = Timestamp(nanoseconds: .min)
    var oldest: Timestamp?
    /// Of switches: a task that left, as long as the one that came may still be told.
    var departure: Departure?
    /// Of tracepoints: the task that has the CPU, and when it last went to one.
    var current: Int?
    var lastChange = Timestamp(nanoseconds: .min)
    /// Whether the ring needs, and has, records of arriving tasks too: see `mend`.
    var needsMending = false
    var isMended = false

    init(_ ring: consuming PerfRing) {
      builder = SchedulingChunkBuilder(cpu: ring.cpu)
      self.ring = ring
    }
  }

  private let source: Source
  private var clock: CounterClock
  private var kernelClock: PerfClock
  private let cpus: [CPU]
  private(set) var tasks: TaskTable
  private var news = TaskNews()
  /// Waits for futexes, where those are recorded, and up to when all CPUs have told of them.
  private var futexes: FutexWaits?
  private var futexLimit: UInt64 = 0
  /// Nothing that `begin` found happened later.
  private var latest = Timestamp.zero

  /// Bytes of a ring at most. It takes 15 ms at the least to fill it, when all that is done is
  /// switching.
  private static let largestRing = 8 << 20
  private static let trialSleeps: Int32 = 3
  /// Less than this would lose more than it tells.
  private static let smallestRing = 16 << 10

  /// Opens the rings.
  ///
  /// - Parameters:
  ///   - pids: The processes to begin with; recording is to go on with their children.
  ///   - scope: Whose tasks are recorded.
  init(
    _ source: Source, pids: [Int32], scope: TaskTable.Scope, clock: CounterClock
  ) throws(Errno) {
    self.source = source
    self.clock = clock
    let kernelClock = PerfClock(clock)
    self.kernelClock = kernelClock
    let tids = pids.flatMap { ProcFS.threads(of: $0) }
    cpus = try SchedulerRings.open(source, tids, kernelClock)
    if case .tracepoints(let points) = source, points.enterFutex != nil { futexes = FutexWaits() }
    tasks = TaskTable(pids: pids, scope: scope)
    if case .tracepoints(let points) = source { findSilent(points) }
  }

  /// Finds CPUs that do not tell of switches away from their idle task, as happens to those of virtual
  /// machines, by sleeping on each. Where something else runs meanwhile, `mend` finds it later.
  private func findSilent(_ points: SchedulerTracepoints) {
    let own = clinux_thread()
    for cpu in cpus where clinux_sleep_on(Int32(cpu.ring.cpu), SchedulerRings.trialSleeps) == 0 {
      var arrivals = 0
      var departures = 0
      cpu.ring.forEachRecord(from: cpu.tail, to: cpu.ring.head) { record in
        guard record.kind == .sample, points.kind(of: record) == .switch else { return }
        let change = points.change(record)
        if change.task == own { departures += 1 }
        if change.next == own { arrivals += 1 }
      }
      // It may have been there from the beginning.
      if departures > arrivals + 1 {
        cpu.needsMending = true
        askForArrivals(cpu)
      }
    }
  }

  private func askForArrivals(_ cpu: CPU) {
    cpu.isMended = true
    try? cpu.ring.add(task: -1, clock: kernelClock, contents: .switches)
  }

  /// Opens rings of one size for all CPUs. An ordinary user may lock so much memory for all of them
  /// together: were the first as large as it can be, too little would be left for the others.
  private static func open(
    _ source: Source, _ tids: [Int32], _ clock: PerfClock
  ) throws(Errno) -> [CPU] {
    var size = largestRing
    while true {
      do throws(Errno) {
        var rings: [CPU] = []
        for cpu in 0..<configuredCPUs {
          do throws(Errno) {
            rings.append(CPU(try ring(source, cpu, tids, clock, size)))
          } catch {
            // A CPU that is offline.
            if error != .operationNotSupportedByDevice { throw error }
          }
        }
        return rings
      } catch {
        guard error == .notPermitted, size > smallestRing else { throw error }
        size /= 2
      }
    }
  }

  private static func ring(
    _ source: Source, _ cpu: Int, _ tids: [Int32], _ clock: PerfClock, _ size: Int
  ) throws(Errno) -> PerfRing {
    switch source {
    case .tracepoints(let points):
      var ring = try PerfRing(
        task: -1, cpu: cpu, clock: clock, contents: .tasks, size: size)
      for point in [points.switch, points.waking, points.wakeupNew] {
        try ring.add(point, clock: clock)
      }
      if let enter = points.enterFutex, let exit = points.exitFutex {
        try ring.add(enter, clock: clock, contents: .stacks)
        try ring.add(exit, clock: clock)
      }
      return ring
    case .switches:
      let contents: PerfContents = [.switches, .tasks, .inherit]
      var ring = try PerfRing(
        task: tids.first ?? 0, cpu: cpu, clock: clock, contents: contents, size: size)
      for tid in tids.dropFirst() {
        do { try ring.add(task: tid, clock: clock, contents: contents) } catch {
          // It has ended since.
          if error != .noSuchProcess { throw error }
        }
      }
      return ring
    }
  }

  /// Makes times count from another zero: nothing has been read yet.
  func restart(_ clock: CounterClock) { self.clock = clock }

  /// Readable when something is to be read before long.
  var descriptors: [FileDescriptor] { cpus.map { $0.ring.descriptor } }

  // MARK: Draining

  /// What is read of a ring at once: some thousand records.
  private static let pieceSize = 128 << 10

  /// Finds what the kernel has written up to now, for `readPiece` to read; true when that is much.
  func begin() -> Bool {
    var isBusy = false
    futexLimit = clock.stamp()
    for cpu in cpus {
      cpu.head = cpu.ring.head
      if cpu.head &- cpu.tail > UInt64(cpu.ring.capacity / 8) { isBusy = true }
    }
    kernelClock.advance()
    // Nothing that has been written happened later.
    latest = Timestamp(nanoseconds: clock.nanoseconds(clock.stamp()))
    // A task may have been forked on one CPU and run on another: what is behind the heads taken above
    // knows all that could have led to what is before them.
    for cpu in cpus { readTasks(cpu, latest) }
    news.tell(&tasks, upTo: latest)
    return isBusy
  }

  /// Reads a piece of what `begin` found; false when all of it has been read.
  func readPiece(catalog: inout Catalog, writer: ChunkWriter) -> Bool {
    guard let cpu = cpus.first(where: { $0.tail != $0.head }) else {
      for cpu in cpus { tidy(cpu, &catalog, writer) }
      return false
    }
    readSwitches(cpu, latest, &catalog)
    cpu.ring.release(upTo: cpu.tail)
    if cpu.builder.isFull { seal(cpu, &catalog, writer) }
    return true
  }

  /// What is to be done for a ring when it has been read.
  private func tidy(_ cpu: CPU, _ catalog: inout Catalog, _ writer: ChunkWriter) {
    // What is read next happens later than a switch takes.
    if cpu.departure.map({ latest - $0.time > SchedulerRings.longestSwitch }) == true {
      tellDeparture(cpu)
    }
    if cpu.needsMending, !cpu.isMended { askForArrivals(cpu) }
    if let oldest = cpu.oldest, latest - oldest > RecordingSession.longestChunk {
      seal(cpu, &catalog, writer)
    }
  }

  /// Closes all chunks and tells the ends of tasks.
  func finish(catalog: inout Catalog, writer: ChunkWriter) {
    _ = begin()
    while readPiece(catalog: &catalog, writer: writer) {}
    news.tell(&tasks, upTo: Timestamp(nanoseconds: .max))
    for place in tasks.entries.indices where tasks.entries[place].id != .unknown {
      catalog.definitions.append(.task(tasks.definition(of: place)))
    }
    for cpu in cpus {
      tellDeparture(cpu)
      cpu.lost &+= cpu.ring.lostCount &- min(cpu.lostInAll, cpu.ring.lostCount)
      seal(cpu, &catalog, writer)
    }
  }

  private func seal(_ cpu: CPU, _ catalog: inout Catalog, _ writer: ChunkWriter) {
    guard cpu.builder.count > 0 || cpu.lost > 0 else { return }
    for chunk in catalog.definitions.seal() { writer.append(chunk) }
    writer.append(cpu.builder.seal(lost: cpu.lost))
    cpu.lost = 0
    cpu.oldest = nil
  }

  private func time(_ record: borrowing PerfRecord) -> Timestamp {
    Timestamp(nanoseconds: clock.nanoseconds(kernelClock.stamp(record.time)))
  }

  /// Learns of forks, names and ends.
  private func readTasks(_ cpu: CPU, _ now: Timestamp) {
    let head = cpu.ring.head
    // What is before the head that was taken first happened before now, whatever the conversion says.
    readTasks(cpu, upTo: cpu.head, latest: now)
    readTasks(cpu, upTo: head, latest: Timestamp(nanoseconds: .max))
  }

  private func readTasks(_ cpu: CPU, upTo head: UInt64, latest: Timestamp) {
    cpu.ring.forEachRecord(from: cpu.searched, to: head) { record in
      switch record.kind {
      case .fork:
        let task = record.task
        news.add(
          .fork(
            pid: task.pid, parentPID: task.parentPID, tid: task.tid, parentTID: task.parentTID),
          at: min(time(record), latest))
      case .end: news.add(.end(tid: record.task.tid), at: min(time(record), latest))
      case .name:
        let name = record.name
        news.add(
          .name(pid: name.pid, tid: name.tid, name: name.name, isExec: record.isExec),
          at: min(time(record), latest))
      default: break
      }
    }
    cpu.searched = head
  }

  private func readSwitches(_ cpu: CPU, _ now: Timestamp, _ catalog: inout Catalog) {
    cpu.tail = cpu.ring.forEachRecord(
      from: cpu.tail, to: cpu.head, most: SchedulerRings.pieceSize
    ) { record in
      switch record.kind {
      case .lost:
        cpu.lost &+= record.lostCount
        cpu.lostInAll &+= record.lostCount
      case .switch:
        let moment = moment(of: record, cpu, now)
        guard let place = tasks.place(of: record.tid, at: moment, name: ""),
          tasks.entries[place].isOwn
        else { return }
        if case .tracepoints = source {
          if !record.isSwitchOut { arrive(place, cpu, at: moment, &catalog) }
          return
        }
        let task = id(place, &catalog)
        if record.isSwitchOut {
          tellDeparture(cpu)
          let hasEnded = tasks.hasEnded(tid: record.tid, at: moment)
          cpu.departure = Departure(
            task: task,
            reason: hasEnded ? .ended : record.isPreempted ? .preempted : .blocked, time: moment)
        } else if let left = cpu.departure, moment - left.time <= SchedulerRings.longestSwitch {
          cpu.builder.appendSwitch(from: left.task, to: task, reason: left.reason, at: left.time)
          cpu.departure = nil
        } else {
          tellDeparture(cpu)
          cpu.builder.appendSwitch(from: .unknown, to: task, reason: .unknown, at: moment)
        }
      case .sample:
        if case .tracepoints(let points) = source {
          readSample(record, points, cpu, now, &catalog)
        }
      default: break
      }
    }
  }

  /// A task left its CPU, and none of the program's came in its place.
  private func tellDeparture(_ cpu: CPU) {
    guard let left = cpu.departure else { return }
    cpu.builder.appendSwitch(from: left.task, to: .unknown, reason: left.reason, at: left.time)
    cpu.departure = nil
  }

  private func moment(
    of record: borrowing PerfRecord, _ cpu: CPU, _ now: Timestamp
  ) -> Timestamp {
    let time = max(min(time(record), now), cpu.last)
    cpu.last = time
    if cpu.oldest == nil { cpu.oldest = now }
    return time
  }

  private func readSample(
    _ record: borrowing PerfRecord, _ points: SchedulerTracepoints, _ cpu: CPU, _ now: Timestamp,
    _ catalog: inout Catalog
  ) {
    let kind = points.kind(of: record)
    switch kind {
    case .switch:
      let change = points.change(record)
      let time = max(min(time(record), now), cpu.last)
      let before = tasks.place(of: change.task, at: time, name: change.name)
      let next = tasks.place(of: change.next, at: time, name: change.nextName)
      defer {
        cpu.current = next
        cpu.lastChange = time
      }
      guard isRecorded(before) || isRecorded(next) else { return }
      if let before, before != cpu.current, isRecorded(before) {
        mend(cpu, before, at: time, &catalog)
      }
      let moment = moment(of: record, cpu, now)
      cpu.builder.appendSwitch(
        from: id(before, &catalog), to: id(next, &catalog), reason: change.reason, at: moment)
    case .wakeup:
      let wakeup = points.wakeup(record)
      let time = max(min(time(record), now), cpu.last)
      let wakee = tasks.place(of: wakeup.task, at: time, name: wakeup.name)
      guard isRecorded(wakee) else { return }
      let waker = tasks.place(of: wakeup.waker, at: time, name: "")
      let moment = moment(of: record, cpu, now)
      if let wakee { tasks.noteWakeup(of: wakee, at: moment) }
      cpu.builder.appendWakeup(
        of: id(wakee, &catalog),
        by: wakeup.isInterrupt ? .unknown : id(waker, &catalog),
        operation: wakeup.isInterrupt ? .interrupt : .unknown, on: wakeup.target, at: moment)
    case .enterFutex, .exitFutex:
      guard tasks.isOwn(pid: record.sampledThread.pid) else { return }
      let stamp = kernelClock.stamp(record.time)
      if kind == .enterFutex {
        futexes?.enter(points.futex(record), at: stamp)
      } else {
        futexes?.exit(tid: record.sampledThread.tid, result: points.result(record), at: stamp)
      }
    case nil: break
    }
  }

  /// A task leaves a CPU to which it is not known to have come: records were lost, or this kernel does
  /// not tell of switches away from the idle task, as happens to CPUs of virtual machines. From now
  /// on the arriving tasks are asked for, too.
  private func mend(_ cpu: CPU, _ place: Int, at time: Timestamp, _ catalog: inout Catalog) {
    // It came when it had been woken; without a wakeup it can't be told when, and ran for no time.
    let woken = tasks.entries[place].woken
    arrive(place, cpu, at: woken > cpu.lastChange ? max(woken, cpu.last) : time, &catalog)
    if cpu.lastChange.nanoseconds != .min { cpu.needsMending = true }
  }

  /// A task has come to a CPU; nothing is new where that is known already.
  private func arrive(_ place: Int, _ cpu: CPU, at time: Timestamp, _ catalog: inout Catalog) {
    guard cpu.current != place else { return }
    let time = max(time, cpu.last)
    cpu.last = time
    cpu.builder.appendSwitch(
      from: .unknown, to: id(place, &catalog), reason: .unknown, at: time)
    cpu.current = place
    cpu.lastChange = time
  }

  private func isRecorded(_ place: Int?) -> Bool {
    guard let place else { return false }
    return tasks.entries[place].isOwn
  }

  /// The number of a task, told to the catalog when it is the first time.
  private func id(_ place: Int?, _ catalog: inout Catalog) -> KernelTaskID {
    guard let place else { return .unknown }
    let (id, isNew) = tasks.id(of: place)
    if isNew {
      catalog.definitions.append(.task(tasks.definition(of: place)))
      if !tasks.entries[place].isOwn { catalog.addForeign(tasks.entries[place]) }
    }
    return id
  }

  /// Waits for futexes that have ended since the last time.
  func takeFutexWaits() -> [FutexWaits.Wait] { futexes?.take(before: futexLimit) ?? [] }

  /// The rest of them, and those that go on.
  func takeLastFutexWaits() -> [FutexWaits.Wait] {
    guard var futexes else { return [] }
    self.futexes = nil
    return futexes.take(before: .max) + futexes.unfinished(at: clock.stamp())
  }
}
