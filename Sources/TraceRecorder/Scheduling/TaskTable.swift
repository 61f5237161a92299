internal import LinuxSystem
internal import TraceModel

/// The kernel's tasks, as its records tell of them, and which of them are the program's.
///
/// Only a fork gives a number to another task, so that a number means the task that was forked last
/// before the moment in question.
struct TaskTable {
  /// Whose tasks are recorded.
  enum Scope: Hashable {
    /// Those of the processes that recording began with, and of their later children.
    case tree
    /// Those of the processes that recording began with alone.
    case processes
    /// All.
    case everything
  }

  /// What is known of a task.
  struct Entry {
    var tid: Int32
    var pid: Int32
    var parentPID: Int32
    var parentTID: Int32
    var name: String
    var start: Timestamp
    var end: Timestamp?
    /// Whether it is the program's.
    var isOwn: Bool
    /// When it was last woken.
    var woken = Timestamp(nanoseconds: .min)
    /// Its number in the recording, once an event refers to it.
    var id = KernelTaskID.unknown
    /// The task that had the kernel's number before.
    var previous: Int?
  }

  /// A process that executed a program.
  struct Exec {
    var pid: Int32
    var name: String
    var time: Timestamp
  }

  private(set) var entries: [Entry] = []
  private(set) var execs: [Exec] = []
  private var places: [Int32: Int] = [:]
  private var ownPIDs: Set<Int32>
  private let scope: Scope
  private var last: UInt32 = 0
  /// The last answer: a task is mostly asked for several times in a row.
  private var lastPlaces = InlineArray<2, (tid: Int32, place: Int)>(repeating: (0, -1))

  /// A table for the processes that recording begins with.
  init(pids: [Int32], scope: Scope) {
    ownPIDs = Set(pids)
    self.scope = scope
    for pid in pids {
      for tid in ProcFS.threads(of: pid) {
        add(tid: tid, pid: pid, name: ProcFS.threadName(pid: pid, tid: tid) ?? "", start: .zero)
      }
    }
  }

  /// Whether a process is the program's.
  func isOwn(pid: Int32) -> Bool { scope == .everything || ownPIDs.contains(pid) }

  // MARK: What records tell

  mutating func fork(
    pid: Int32, parentPID: Int32, tid: Int32, parentTID: Int32, at time: Timestamp
  ) {
    if isOwn(pid: parentPID), scope == .tree {
      ownPIDs.insert(pid)
    } else if pid == tid, places[tid] != nil {
      // Another's process has got the number of one of the program's that has ended.
      ownPIDs.remove(pid)
    }
    let place = add(tid: tid, pid: pid, name: "", start: time)
    entries[place].parentPID = parentPID
    entries[place].parentTID = parentTID
    if let parent = places[parentTID] { entries[place].name = entries[parent].name }
  }

  mutating func end(tid: Int32, at time: Timestamp) {
    guard let place = places[tid], entries[place].end == nil else { return }
    entries[place].end = max(time, entries[place].start)
  }

  mutating func rename(pid: Int32, tid: Int32, to name: String, isExec: Bool, at time: Timestamp) {
    // A thread that executes a program takes the process's first number; its own ends.
    let place = places[tid] ?? add(tid: tid, pid: pid, name: name, start: time)
    entries[place].name = name
    if isExec, entries[place].isOwn { execs.append(Exec(pid: pid, name: name, time: time)) }
  }

  // MARK: Looking up

  /// The task that had a number at a moment; nil for the idle task.
  mutating func place(of tid: Int32, at time: Timestamp, name: @autoclosure () -> String) -> Int? {
    if tid <= 0 { return nil }
    for index in lastPlaces.indices where lastPlaces[index].tid == tid {
      return lastPlaces[index].place
    }
    var place = places[tid] ?? adopt(tid: tid, name: name())
    while time < entries[place].start, let previous = entries[place].previous { place = previous }
    if entries[place].previous == nil {
      lastPlaces[1] = lastPlaces[0]
      lastPlaces[0] = (tid, place)
    }
    return place
  }

  /// The task that had a number last.
  func last(ofThread tid: Int32) -> Entry? { places[tid].map { entries[$0] } }

  /// When the thread with a number began, as far as that was seen.
  func start(ofThread tid: Int32) -> Timestamp? { last(ofThread: tid)?.start }

  /// When the image that a process runs now began.
  func start(ofProcess pid: Int32) -> Timestamp? {
    execs.last { $0.pid == pid }?.time ?? start(ofThread: pid)
  }

  /// The program's processes that did anything.
  var ownProcesses: [Int32] {
    Set(entries.filter { $0.isOwn && $0.id != .unknown }.map(\.pid)).sorted()
  }

  /// Whether the task with a number had ended by then.
  func hasEnded(tid: Int32, at time: Timestamp) -> Bool {
    guard let end = places[tid].flatMap({ entries[$0].end }) else { return false }
    return end <= time
  }

  /// The recording's number of a task, and whether it is new.
  mutating func id(of place: Int) -> (id: KernelTaskID, isNew: Bool) {
    if entries[place].id != .unknown { return (entries[place].id, false) }
    last += 1
    entries[place].id = KernelTaskID(rawValue: last)
    return (entries[place].id, true)
  }

  /// A task is woken.
  mutating func noteWakeup(of place: Int, at time: Timestamp) { entries[place].woken = time }

  /// What stands in the file for a task.
  func definition(of place: Int) -> KernelTask {
    let entry = entries[place]
    let parent = places[entry.parentTID].map { entries[$0].id } ?? .unknown
    return KernelTask(
      id: entry.id, tid: entry.tid, start: entry.start, end: entry.end, parent: parent)
  }

  /// Processes and program images of the program's that are not among those known already.
  func images(
    besides known: [Int32: [Process]]
  ) -> [(pid: Int32, parentPID: Int32, name: String, start: Timestamp, end: Timestamp?)] {
    var images: [(pid: Int32, parentPID: Int32, name: String, start: Timestamp, end: Timestamp?)] =
      []
    for main in entries where main.isOwn && main.pid == main.tid && main.id != .unknown {
      let execs = execs.filter { exec in
        exec.pid == main.pid && exec.time >= main.start && main.end.map { exec.time <= $0 } ?? true
      }.sorted { $0.time < $1.time }
      // A process that was forked and never executed anything is an image too.
      let starts =
        execs.isEmpty ? [Exec(pid: main.pid, name: main.name, time: main.start)] : execs
      for (index, start) in starts.enumerated() {
        let end = index + 1 < starts.count ? starts[index + 1].time : main.end
        let isKnown = (known[main.pid] ?? []).contains { image in
          start.time - image.start <= 1_000_000 && end.map { image.start <= $0 } ?? true
        }
        if isKnown { continue }
        images.append((main.pid, main.parentPID, start.name, start.time, end))
      }
    }
    return images
  }

  /// A task that was there before any record could tell of it.
  private mutating func adopt(tid: Int32, name: String) -> Int {
    let status = ProcFS.status(tid: tid)
    let place = add(tid: tid, pid: status?.pid ?? tid, name: name, start: .zero)
    entries[place].parentPID = status?.parentPID ?? 0
    return place
  }

  @discardableResult
  private mutating func add(tid: Int32, pid: Int32, name: String, start: Timestamp) -> Int {
    for index in lastPlaces.indices where lastPlaces[index].tid == tid { lastPlaces[index].tid = 0 }
    entries.append(
      Entry(
        tid: tid, pid: pid, parentPID: 0, parentTID: 0, name: name, start: start,
        isOwn: isOwn(pid: pid), previous: places[tid]))
    places[tid] = entries.count - 1
    return entries.count - 1
  }
}
