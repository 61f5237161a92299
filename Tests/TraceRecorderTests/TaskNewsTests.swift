import TraceModel
import Testing

@testable import TraceRecorder

@Suite struct TaskNewsTests {
  /// Numbers beyond those that the kernel gives.
  private static let main: Int32 = 6_000_000
  private static let child: Int32 = 6_000_001

  private func time(_ nanoseconds: Int64) -> Timestamp { Timestamp(nanoseconds: nanoseconds) }

  private func fork(_ tid: Int32, by parent: Int32 = main) -> TaskNews.Item {
    .fork(pid: tid, parentPID: parent, tid: tid, parentTID: parent)
  }

  @Test func `A child that ran on a CPU that is read first is known when it executes and ends`() {
    var tasks = TaskTable(pids: [TaskNewsTests.main], scope: .tree)
    var news = TaskNews()
    let child = TaskNewsTests.child
    // The child's CPU, then that of its parent.
    news.add(.name(pid: child, tid: child, name: "tool", isExec: true), at: time(200))
    news.add(.end(tid: child), at: time(300))
    news.add(fork(child), at: time(100))
    news.tell(&tasks, upTo: time(1000))
    #expect(tasks.execs.map(\.name) == ["tool"])
    #expect(tasks.entries.count == 1)
    #expect(tasks.entries.first?.isOwn == true)
    #expect(tasks.entries.first?.start == time(100) && tasks.entries.first?.end == time(300))
  }

  @Test func `A number that is given again ends for whom it was when it ended`() {
    var tasks = TaskTable(pids: [TaskNewsTests.main], scope: .tree)
    var news = TaskNews()
    let child = TaskNewsTests.child
    news.add(fork(child), at: time(100))
    news.add(fork(child), at: time(300))
    news.add(.end(tid: child), at: time(200))
    news.tell(&tasks, upTo: time(1000))
    #expect(tasks.entries.map(\.start) == [time(100), time(300)])
    #expect(tasks.entries.map(\.end) == [time(200), nil])
  }

  @Test func `What may depend on what is not read yet waits`() {
    var tasks = TaskTable(pids: [TaskNewsTests.main], scope: .tree)
    var news = TaskNews()
    let child = TaskNewsTests.child
    news.add(fork(child), at: time(100))
    news.add(.end(tid: child), at: time(500))
    news.tell(&tasks, upTo: time(400))
    #expect(tasks.entries.count == 1 && tasks.entries.first?.end == nil)
    // Forked and ended at one moment of the clock, in this order.
    news.add(fork(child), at: time(500))
    news.tell(&tasks, upTo: time(500))
    #expect(tasks.entries.map(\.end) == [time(500), nil])
    news.tell(&tasks, upTo: time(1000))
    #expect(tasks.entries.count == 2)
  }
}
