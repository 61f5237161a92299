internal import TraceModel

/// What the kernel told of tasks, CPU by CPU, until it can be told in the order of time.
///
/// A task is forked on one CPU and may execute a program, and end, on another: whichever CPU's records
/// are read first, its fork is to be known first.
struct TaskNews {
  /// Something that happened to a task.
  enum Item {
    case fork(pid: Int32, parentPID: Int32, tid: Int32, parentTID: Int32)
    case end(tid: Int32)
    case name(pid: Int32, tid: Int32, name: String, isExec: Bool)
  }

  private var pending: [(time: Timestamp, order: Int, item: Item)] = []

  /// Adds what a CPU told, in its order.
  mutating func add(_ item: Item, at time: Timestamp) {
    pending.append((time, pending.count, item))
  }

  /// Tells a table what happened up to a moment: other CPUs may not have been asked yet for what led to
  /// the rest.
  mutating func tell(_ tasks: inout TaskTable, upTo moment: Timestamp) {
    guard !pending.isEmpty else { return }
    pending.sort { ($0.time, $0.order) < ($1.time, $1.order) }
    let count = pending.firstIndex { $0.time > moment } ?? pending.count
    for (time, _, item) in pending[..<count] {
      switch item {
      case .fork(let pid, let parentPID, let tid, let parentTID):
        tasks.fork(pid: pid, parentPID: parentPID, tid: tid, parentTID: parentTID, at: time)
      case .end(let tid): tasks.end(tid: tid, at: time)
      case .name(let pid, let tid, let name, let isExec):
        tasks.rename(pid: pid, tid: tid, to: name, isExec: isExec, at: time)
      }
    }
    pending.removeFirst(count)
    for place in pending.indices { pending[place].order = place }
  }
}
