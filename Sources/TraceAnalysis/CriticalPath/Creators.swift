internal import TraceModel

/// Which thread's path the path of a new thread begins with: that of the thread that created it, as
/// far as it is known, and otherwise that of the thread that its process began with.
struct Creators {
  private var creators: [UInt32: ThreadID] = [:]
  /// The thread whose path is that of the run: the last to end in the program's first process.
  private(set) var last = ThreadID.unknown

  init(_ definitions: TraceDefinitions, _ threadsByTask: ThreadsByTask) {
    let threads = definitions.threads.values.sorted { ($0.start, $0.id) < ($1.start, $1.id) }
    // The thread that a task was first; what it is later, it is by executing programs.
    var parents: [ThreadID: KernelTask] = [:]
    for task in definitions.tasks.values where task.parent != .unknown {
      let first = threadsByTask.thread(of: task.id.rawValue, at: task.start)
      if first != .unknown, parents[first].map({ $0.id > task.id }) ?? true {
        parents[first] = task
      }
    }
    var mains: [ProcessID: ThreadID] = [:]
    var mainsByPID: [Int32: ThreadID] = [:]
    var latest: [Int32: Thread] = [:]
    for thread in threads {
      let process = definitions.processes[thread.process]
      if let task = parents[thread.id],
        case let parent = threadsByTask.thread(of: task.parent.rawValue, at: thread.start),
        parent != .unknown, parent != thread.id
      {
        creators[thread.id.rawValue] = parent
      } else if let before = latest[thread.tid], before.process != thread.process,
        let process, definitions.processes[before.process]?.pid == process.pid
      {
        // The image before this one.
        creators[thread.id.rawValue] = before.id
      } else if let main = mains[thread.process] {
        creators[thread.id.rawValue] = main
      } else if let process, let parent = mainsByPID[process.parentPID] {
        creators[thread.id.rawValue] = parent
      }
      latest[thread.tid] = thread
      if mains[thread.process] == nil { mains[thread.process] = thread.id }
      if let process, process.pid == thread.tid { mainsByPID[process.pid] = thread.id }
    }
    let own = definitions.processes.values.filter { $0.runtime != .foreign }
    guard let root = own.min(by: { ($0.start, $0.id) < ($1.start, $1.id) }) else { return }
    let ending = threads.filter { definitions.processes[$0.process]?.pid == root.pid }
    let end = { (thread: Thread) in thread.end ?? Timestamp(nanoseconds: .max) }
    last =
      ending.max {
        (end($0), $0.tid == root.pid ? 1 : 0, $0.start) < (
          end($1), $1.tid == root.pid ? 1 : 0, $1.start
        )
      }?.id ?? .unknown
  }

  /// The creator of a thread; unknown where there is none.
  func creator(of thread: UInt32) -> ThreadID { creators[thread] ?? .unknown }
}
