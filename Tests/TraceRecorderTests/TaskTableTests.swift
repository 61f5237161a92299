import TraceModel
import Testing

@testable import TraceRecorder

/// Numbers beyond those that the kernel gives, so that /proc knows none of them.
private let base: Int32 = 5_000_000

extension TaskTable {
  fileprivate mutating func fork(
    _ tid: Int32, by parent: Int32, pid: Int32? = nil, parentPID: Int32? = nil, at time: Int64
  ) {
    fork(
      pid: base + (pid ?? tid), parentPID: base + (parentPID ?? parent), tid: base + tid,
      parentTID: base + parent, at: Timestamp(nanoseconds: time))
  }

  fileprivate mutating func end(_ tid: Int32, at time: Int64) {
    end(tid: base + tid, at: Timestamp(nanoseconds: time))
  }

  fileprivate mutating func exec(_ tid: Int32, _ name: String, at time: Int64) {
    rename(
      pid: base + tid, tid: base + tid, to: name, isExec: true, at: Timestamp(nanoseconds: time))
  }

  /// The entry that a number means at a moment.
  fileprivate func entry(_ tid: Int32, at time: Int64) -> Entry? {
    var table = self
    return table.find(tid, at: time).map { table.entries[$0] }
  }

  @discardableResult
  fileprivate mutating func find(_ tid: Int32, at time: Int64) -> Int? {
    place(of: base + tid, at: Timestamp(nanoseconds: time), name: "adopted")
  }
}

@Suite struct TaskTableTests {
  /// A table for the program of process 1, which is forked at 0.
  private func table(_ scope: TaskTable.Scope = .tree) -> TaskTable {
    var table = TaskTable(pids: [base + 1], scope: scope)
    table.fork(1, by: 90, at: 0)
    table.rename(
      pid: base + 1, tid: base + 1, to: "prog", isExec: false, at: Timestamp(nanoseconds: 0))
    return table
  }

  @Test func `A fork says whose child a task is, and has its name`() throws {
    var table = table()
    table.fork(2, by: 1, pid: 1, at: 100)
    table.fork(3, by: 2, parentPID: 1, at: 200)
    let thread = try #require(table.entry(2, at: 150))
    #expect(thread.pid == base + 1 && thread.tid == base + 2 && thread.name == "prog")
    #expect(thread.start.nanoseconds == 100 && thread.end == nil && thread.isOwn)
    let child = try #require(table.entry(3, at: 250))
    #expect(child.pid == base + 3 && child.parentPID == base + 1 && child.parentTID == base + 2)
  }

  @Test func `Children of the program are the program's, as far as the scope goes`() {
    for (scope, isChildOwn, isOtherOwn) in [
      (.tree, true, false), (.processes, false, false), (.everything, true, true),
    ] as [(TaskTable.Scope, Bool, Bool)] {
      var table = table(scope)
      table.fork(2, by: 1, pid: 1, at: 100)
      table.fork(3, by: 1, at: 100)
      table.fork(4, by: 3, at: 200)
      table.fork(80, by: 90, at: 200)
      #expect(table.entry(2, at: 300)?.isOwn == true)
      #expect(table.entry(3, at: 300)?.isOwn == isChildOwn)
      #expect(table.entry(4, at: 300)?.isOwn == isChildOwn)
      #expect(table.entry(80, at: 300)?.isOwn == isOtherOwn)
      #expect(table.isOwn(pid: base + 3) == isChildOwn)
      #expect(table.isOwn(pid: base + 80) == isOtherOwn)
    }
  }

  @Test func `A number means the task that was forked last before the moment`() {
    var table = table()
    table.fork(2, by: 1, pid: 1, at: 100)
    table.find(2, at: 150)
    table.end(2, at: 200)
    table.fork(2, by: 1, at: 300)
    table.end(2, at: 400)
    table.fork(2, by: 90, at: 500)
    let starts = ([100, 250, 299, 300, 450, 500, 900] as [Int64]).map {
      table.entry(2, at: $0)?.start.nanoseconds
    }
    #expect(starts == [100, 100, 100, 300, 300, 500, 500])
    #expect(table.entry(2, at: 250)?.end?.nanoseconds == 200)
    #expect(table.entry(2, at: 350)?.pid == base + 2)
    #expect(table.entry(2, at: 900)?.end == nil && table.entry(2, at: 900)?.isOwn == false)
    // What was asked before is not remembered wrongly.
    table.fork(3, by: 1, at: 600)
    table.find(3, at: 700)
    table.fork(3, by: 1, at: 800)
    #expect(table.entry(3, at: 900)?.start.nanoseconds == 800)
    #expect(table.entry(3, at: 700)?.start.nanoseconds == 600)
  }

  @Test func `The idle task is none`() {
    var table = table()
    let idle = table.place(of: 0, at: .zero, name: "swapper")
    let none = table.place(of: -1, at: .zero, name: "")
    #expect(idle == nil && none == nil)
  }

  @Test func `A task that was there before is taken in by its number`() throws {
    var table = table()
    let entry = try #require(table.entry(70, at: 100))
    #expect(entry.pid == base + 70 && entry.name == "adopted" && !entry.isOwn)
    #expect(entry.start == .zero)
    table.find(70, at: 100)
    let count = table.entries.count
    table.find(70, at: 200)
    #expect(table.entries.count == count)
  }

  @Test func `A task has ended from its end on, and only the first end counts`() {
    var table = table()
    table.fork(2, by: 1, pid: 1, at: 100)
    #expect(!table.hasEnded(tid: base + 2, at: Timestamp(nanoseconds: 999)))
    table.end(2, at: 200)
    table.end(2, at: 300)
    table.end(77, at: 300)
    #expect(!table.hasEnded(tid: base + 2, at: Timestamp(nanoseconds: 199)))
    #expect(table.hasEnded(tid: base + 2, at: Timestamp(nanoseconds: 200)))
    #expect(!table.hasEnded(tid: base + 77, at: Timestamp(nanoseconds: 999)))
  }

  @Test func `A task gets its number once, and keeps it`() throws {
    var table = table()
    table.fork(2, by: 1, pid: 1, at: 100)
    let (mainPlace, threadPlace) = (table.find(1, at: 0), table.find(2, at: 200))
    let (main, thread) = (try #require(mainPlace), try #require(threadPlace))
    let first = table.id(of: thread)
    #expect(first.isNew && first.id.rawValue == 1)
    // Its parent has no number yet.
    #expect(table.definition(of: thread).parent == .unknown)
    let parent = table.id(of: main)
    #expect(parent.isNew && parent.id.rawValue == 2)
    let again = table.id(of: thread)
    #expect(!again.isNew && again.id.rawValue == 1)
    table.end(2, at: 300)
    #expect(
      table.definition(of: thread)
        == KernelTask(
          id: KernelTaskID(rawValue: 1), tid: base + 2, start: Timestamp(nanoseconds: 100),
          end: Timestamp(nanoseconds: 300), parent: KernelTaskID(rawValue: 2)))
  }

  @Test func `A program that is executed is noted where it is the program's`() {
    var table = table()
    table.exec(1, "first", at: 50)
    table.exec(90, "other", at: 60)
    table.fork(2, by: 1, at: 100)
    #expect(table.entry(2, at: 150)?.name == "first")
    table.exec(2, "second", at: 200)
    #expect(table.execs.map(\.name) == ["first", "second"])
    #expect(table.execs.map(\.pid) == [base + 1, base + 2])
    #expect(table.execs.map(\.time.nanoseconds) == [50, 200])
    #expect(table.entry(2, at: 250)?.name == "second")
    table.rename(
      pid: base + 2, tid: base + 2, to: "renamed", isExec: false,
      at: Timestamp(nanoseconds: 300))
    #expect(table.execs.count == 2 && table.entry(2, at: 350)?.name == "renamed")
  }
}

@Suite struct TaskImageTests {
  private func image(_ pid: Int32, from start: Int64) -> Process {
    Process(
      id: ProcessID(rawValue: 1), pid: base + pid, name: "known",
      start: Timestamp(nanoseconds: start))
  }

  /// A table with a process that is forked and executes two programs, one that executes none, and
  /// one that nothing refers to.
  private func table() -> TaskTable {
    var table = TaskTable(pids: [base + 1], scope: .tree)
    table.fork(1, by: 90, at: 0)
    table.fork(2, by: 1, at: 10_000_000)
    table.exec(2, "sh", at: 20_000_000)
    table.fork(3, by: 2, at: 25_000_000)
    table.fork(4, by: 2, at: 26_000_000)
    table.exec(2, "tool", at: 30_000_000)
    // A thread is no process.
    table.fork(5, by: 2, pid: 2, at: 35_000_000)
    table.fork(80, by: 90, at: 36_000_000)
    table.end(2, at: 40_000_000)
    for tid in [2, 3, 5, 80] as [Int32] {
      if let place = table.find(tid, at: 50_000_000) { _ = table.id(of: place) }
    }
    return table
  }

  @Test func `Each program that was executed is an image, and a fork without one is too`() {
    let images = table().images(besides: [:])
    #expect(images.map(\.pid) == [base + 2, base + 2, base + 3])
    #expect(images.map(\.name) == ["sh", "tool", "sh"])
    #expect(images.map(\.parentPID) == [base + 1, base + 1, base + 2])
    #expect(images.map(\.start.nanoseconds) == [20_000_000, 30_000_000, 25_000_000])
    #expect(images.map { $0.end?.nanoseconds } == [30_000_000, 40_000_000, nil])
  }

  @Test func `Images that are known already are left out`() {
    // The runtime in an image says that it is there when the image has been loaded.
    let second = image(2, from: 30_900_000)
    let others = table().images(besides: [base + 2: [second]])
    #expect(others.map(\.pid) == [base + 2, base + 3])
    #expect(others.first?.name == "sh")
    #expect(others.first?.end?.nanoseconds == 30_000_000)
    // Or, in the image before, that it is about to be.
    let both = [image(2, from: 20_000_000), image(2, from: 29_100_000)]
    let images = table().images(
      besides: [base + 2: both, base + 3: [image(3, from: 25_000_000)]])
    #expect(images.isEmpty)
  }
}
