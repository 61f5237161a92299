internal import TraceModel

/// The numbers of processes and threads in the trace.
///
/// They are the kernel's where those are unique. The images of an exec chain are one process and
/// share its main thread. A process or thread that got the number of one that had ended cannot be
/// told from it by a viewer, so it gets a number beyond all of the kernel's; unless the viewer is told
/// when threads begin and end.
struct TimelineIDs {
  /// One process of the trace.
  struct Process {
    var pid: UInt32
    /// The kernel's number, where `pid` is made up.
    var kernelPID: Int32?
    /// Names of its program images, in order.
    var images: [String]
  }

  /// One track of the trace. Images of an exec chain share that of the main thread.
  struct Track {
    var pid: UInt32
    var tid: UInt32
    /// The kernel's number, where `tid` is made up.
    var kernelTID: Int32?
    var name: String
  }

  private(set) var processes: [Process] = []
  private(set) var tracks: [Track] = []
  private var processPlaces: [ProcessID: Int] = [:]
  private var trackPlaces: [ThreadID: Int] = [:]
  private var lockPlaces: [LockID: Int] = [:]
  private var used: Set<UInt32> = []
  /// When the thread ended that last had a number, of those that are no main threads.
  private var ends: [UInt32: Timestamp] = [:]
  private var nextNumber: UInt32
  private let areThreadsTold: Bool
  /// The place of the process and of the track for everything that has no definition: events of
  /// undefined threads and locks have to go somewhere.
  static let unknown = 0

  /// - Parameters:
  ///   - firstMadeUp: Numbers that are made up begin behind this one.
  ///   - areThreadsTold: Whether the viewer is told when threads begin and end.
  init(
    _ definitions: TraceDefinitions, firstMadeUp: UInt32 = 1 << 31, areThreadsTold: Bool = false
  ) {
    nextNumber = firstMadeUp
    self.areThreadsTold = areThreadsTold
    let unknown = makeUp()
    used.insert(unknown)
    processes.append(Process(pid: unknown, images: ["process?"]))
    tracks.append(Track(pid: unknown, tid: unknown, name: "thread?"))
    addProcesses(definitions)
    addThreads(definitions)
    addInterpreters(definitions)
  }

  /// The place in ``tracks`` of a lock that has a track: that of an interpreter.
  func track(of lock: LockID) -> Int { lockPlaces[lock] ?? TimelineIDs.unknown }

  /// The process of an image.
  func process(_ id: ProcessID) -> Process { processes[processPlaces[id] ?? TimelineIDs.unknown] }

  /// The place in ``processes`` of an image.
  func place(of process: ProcessID) -> Int { processPlaces[process] ?? TimelineIDs.unknown }

  /// The place in ``tracks`` of a thread.
  func track(_ id: ThreadID) -> Int { trackPlaces[id] ?? TimelineIDs.unknown }

  private mutating func makeUp() -> UInt32 {
    repeat { nextNumber += 1 } while used.contains(nextNumber)
    return nextNumber
  }

  private mutating func addProcesses(_ definitions: TraceDefinitions) {
    let ordered = definitions.processes.values.sorted { ($0.start, $0.id) < ($1.start, $1.id) }
    var latest: [Int32: TraceModel.Process] = [:]
    for process in ordered {
      // An image goes on where the one before it ends; a process that had ended is another one.
      if process.pid > 0, let before = latest[process.pid], let place = processPlaces[before.id],
        before.end.map({ $0 >= process.start }) ?? true
      {
        processes[place].images.append(process.name)
        processPlaces[process.id] = place
      } else {
        let isFree = process.pid > 0 && latest[process.pid] == nil
        let pid = isFree ? UInt32(process.pid) : makeUp()
        used.insert(pid)
        processPlaces[process.id] = processes.count
        processes.append(
          Process(pid: pid, kernelPID: isFree ? nil : process.pid, images: [process.name]))
      }
      latest[process.pid] = process
    }
  }

  /// One track for each interpreter's lock: who has it, one after the other.
  private mutating func addInterpreters(_ definitions: TraceDefinitions) {
    for lock in definitions.locks.values.sorted(by: { $0.id < $1.id }) where lock.kind == .gil {
      lockPlaces[lock.id] = tracks.count
      tracks.append(Track(pid: process(lock.process).pid, tid: makeUp(), name: "GIL"))
    }
  }

  /// Whether a thread that begins may have the number.
  private func isFree(_ tid: UInt32, at time: Timestamp) -> Bool {
    guard used.contains(tid) else { return true }
    return areThreadsTold && ends[tid].map { $0 < time } ?? false
  }

  private mutating func addThreads(_ definitions: TraceDefinitions) {
    let ordered = definitions.threads.values.sorted { ($0.start, $0.id) < ($1.start, $1.id) }
    var mainTracks: [UInt32: Int] = [:]
    for thread in ordered {
      let process = process(thread.process)
      let isMain = definitions.processes[thread.process]?.pid == thread.tid
      if isMain, let place = mainTracks[process.pid] {
        if !thread.name.isEmpty { tracks[place].name = thread.name }
        trackPlaces[thread.id] = place
        continue
      }
      let tid: UInt32
      var isKernels = true
      if isMain {
        tid = process.pid
        isKernels = process.kernelPID == nil
        mainTracks[process.pid] = tracks.count
      } else if thread.tid > 0, isFree(UInt32(thread.tid), at: thread.start) {
        tid = UInt32(thread.tid)
        ends[tid] = thread.end ?? Timestamp(nanoseconds: .max)
      } else {
        tid = makeUp()
        isKernels = false
      }
      used.insert(tid)
      trackPlaces[thread.id] = tracks.count
      tracks.append(
        Track(
          pid: process.pid, tid: tid, kernelTID: isKernels ? nil : thread.tid, name: thread.name))
    }
  }
}
