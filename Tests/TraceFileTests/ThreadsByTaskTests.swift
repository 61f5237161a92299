import TestSupport
import TraceModel
import Testing

@Suite struct ThreadsByTaskTests {
  private func thread(_ threads: ThreadsByTask, _ task: UInt32, at time: Int64) -> UInt32 {
    threads.thread(of: task, at: Timestamp(nanoseconds: time)).rawValue
  }

  @Test func `Without tasks every number is unknown`() {
    for threads in [ThreadsByTask(), ThreadsByTask(TraceDefinitions())] {
      for task in [0, 1, 1 << 24, .max] as [UInt32] {
        #expect(thread(threads, task, at: 0) == 0)
      }
    }
  }

  @Test func `A task is its thread at any time`() {
    var trace = TraceBuilder()
    _ = trace.thread("a", from: 100, to: 200, tid: 7)
    trace.task(3, tid: 7, from: 90, to: 210)
    let threads = ThreadsByTask(trace.definitions)
    for time in [.min, 0, 150, 300, .max] as [Int64] { #expect(thread(threads, 3, at: time) == 1) }
    for task in [0, 1, 2, 4, .max] as [UInt32] { #expect(thread(threads, task, at: 150) == 0) }
  }

  @Test func `A task is the image that it was last, and before all the first`() {
    var trace = TraceBuilder()
    _ = trace.thread("third", from: 300, tid: 7)
    _ = trace.thread("first", from: 100, to: 200, tid: 7)
    _ = trace.thread("second", from: 200, to: 300, tid: 7)
    trace.task(1, tid: 7, from: 90)
    let threads = ThreadsByTask(trace.definitions)
    let found = ([0, 99, 100, 199, 200, 299, 300, 1000] as [Int64]).map {
      thread(threads, 1, at: $0)
    }
    #expect(found == [2, 2, 2, 2, 3, 3, 1, 1])
  }

  @Test func `A number that was given twice is another thread the second time`() {
    var trace = TraceBuilder()
    _ = trace.thread("first", from: 100, to: 200, tid: 7)
    _ = trace.thread("second", from: 310, tid: 7)
    trace.task(1, tid: 7, from: 90, to: 205)
    trace.task(2, tid: 7, from: 300)
    let threads = ThreadsByTask(trace.definitions)
    #expect([0, 150, 400].map { thread(threads, 1, at: $0) } == [1, 1, 1])
    #expect([0, 305, 400].map { thread(threads, 2, at: $0) } == [2, 2, 2])
  }

  @Test func `A thread whose end is not known ends with its task`() {
    var trace = TraceBuilder()
    // Beside the program ran a task that ended, and whose number the program's thread got.
    _ = trace.thread("beside", from: 0, tid: 7)
    _ = trace.thread("own", from: 310, tid: 7)
    trace.task(1, tid: 7, from: 0, to: 205)
    trace.task(2, tid: 7, from: 300)
    let threads = ThreadsByTask(trace.definitions)
    #expect(thread(threads, 1, at: 100) == 1)
    // It is created, and woken, before it can say that it is there.
    #expect(thread(threads, 2, at: 305) == 2)
    #expect(thread(threads, 2, at: 400) == 2)
  }

  @Test func `Threads without a number of the kernel's are nobody's task`() {
    var trace = TraceBuilder()
    _ = trace.thread("a", tid: 0)
    _ = trace.thread("b", tid: -5)
    trace.task(1, tid: 0)
    trace.task(2, tid: -5)
    let threads = ThreadsByTask(trace.definitions)
    #expect(thread(threads, 1, at: 0) == 0 && thread(threads, 2, at: 0) == 0)
  }

  @Test func `A huge number takes no table, and spoils no small one`() {
    var trace = TraceBuilder()
    _ = trace.thread("a", tid: 7)
    trace.task(.max, tid: 7)
    trace.task(1 << 24 + 1, tid: 7)
    trace.task(2, tid: 7)
    let threads = ThreadsByTask(trace.definitions)
    #expect(thread(threads, 2, at: 0) == 1)
    #expect(thread(threads, .max, at: 0) == 0)
    #expect(thread(threads, 1 << 24 + 1, at: 0) == 0)
  }

  @Test(.timeLimit(.minutes(1)))
  func `Many tasks of one number, and threads of it, are no product of both`() {
    var list: [Definition] = []
    for number in 1...40_000 as ClosedRange<UInt32> {
      list.append(
        .task(KernelTask(id: KernelTaskID(rawValue: number), tid: 7, start: .zero)))
      list.append(
        .thread(
          Thread(
            id: ThreadID(rawValue: number), process: ProcessID(rawValue: 1), tid: 7,
            start: Timestamp(nanoseconds: Int64(number)))))
    }
    let threads = ThreadsByTask(TraceDefinitions(list))
    for task in 1...40_000 as ClosedRange<UInt32> {
      #expect(thread(threads, task, at: 500) == 500)
    }
  }
}
