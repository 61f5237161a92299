import TestSupport
import TraceAnalysis
import TraceModel
import Testing

@Suite struct QueueTests {
  @Test func `Counts of items are bounded by what can be counted`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let jobs = trace.lock("jobs", kind: .queue)
    var time: Int64 = 0
    // So many that they are more than 64 bits count, whichever of them are left out.
    for spent in [1, 1, 1, 1, 1] + Array(repeating: 2, count: 13) + Array(repeating: 3, count: 13) {
      trace.enqueue(thread, jobs, count: 1 << 60, at: time)
      trace.dequeue(thread, jobs, count: 1 << 60, at: time + Int64(spent))
      time += 10
    }
    let queue = try #require(report(trace).queues.first)
    #expect(queue.enqueued == .max && queue.dequeued == .max && queue.depth.max == 1 << 60)
    let residence = try #require(queue.residenceNs)
    #expect(residence.total == .max && residence.max == 3)
    // As far as they were counted.
    #expect(residence.p50 == 1 && residence.p99 == 2)
  }

  @Test func `A semaphore's depth is weighted by time`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let lock = trace.lock("slots", kind: .semaphore)
    trace.value(thread, lock, 3, at: 0)
    trace.value(thread, lock, 0, at: 100)
    trace.value(thread, lock, 1, at: 900)
    trace.define(.use(LockUse(thread: thread, lock: lock, acquisitions: 7, releases: 5)))
    let queue = try #require(report(trace).queues.first)
    #expect(queue.enqueued == 5 && queue.dequeued == 7)
    #expect(queue.depth.max == 3)
    #expect(queue.depth.p99 == 3)
    #expect(abs(queue.depth.mean - 0.4) < 1e-9)
  }

  @Test func `Items go in and out in their order, and each stayed as long as it did`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (producer, consumer) = (trace.thread("producer"), trace.thread("consumer"))
    let jobs = trace.lock("jobs", kind: .queue, capacity: 3)
    let (put, take) = (trace.stack("put"), trace.stack("take"))
    trace.enqueue(producer, jobs, at: 0, stack: put)
    trace.enqueue(producer, jobs, count: 2, at: 100, stack: put)
    trace.dequeue(consumer, jobs, at: 200, stack: take)
    trace.dequeue(consumer, jobs, count: 2, at: 600, stack: take)
    let queue = try #require(report(trace).queues.first)
    #expect(queue.kind == "queue" && queue.unit == "items" && queue.capacity == 3)
    #expect(queue.enqueued == 3 && queue.dequeued == 3)
    // 1 for 100, 3 for 100, 2 for 400, 0 for 400.
    #expect(abs(queue.depth.mean - 1.2) < 1e-9)
    #expect(queue.depth.max == 3 && queue.depth.p99 == 3)
    #expect(queue.depth.fullNs == 100 && queue.depth.emptyNs == 400)
    // 200, 500 and 500.
    let residence = try #require(queue.residenceNs)
    #expect(residence.total == 1200 && residence.max == 500)
    #expect(queue.producers.map(\.items) == [3] && queue.producers.map(\.count) == [2])
    #expect(queue.producers[0].stack.functions == ["put"])
    #expect(queue.consumers[0].stack.functions == ["take"])
    #expect(queue.runNs == nil && queue.putWaitNs == nil && queue.takeWaitNs == nil)
    #expect(report(trace).locks.isEmpty)
  }

  @Test func `An item that says when it came is believed`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let jobs = trace.lock("jobs", kind: .queue)
    trace.enqueue(thread, jobs, at: 0)
    trace.enqueue(thread, jobs, at: 100)
    trace.dequeue(thread, jobs, at: 150, since: 100)
    trace.dequeue(thread, jobs, at: 700, since: 0)
    let residence = try #require(report(trace).queues.first?.residenceNs)
    #expect(residence.total == 750 && residence.max == 700)
  }

  @Test func `More out than in is what was in before`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let jobs = trace.lock("jobs", kind: .queue)
    trace.dequeue(thread, jobs, count: 5, at: 100)
    trace.enqueue(thread, jobs, at: 200)
    let queue = try #require(report(trace).queues.first)
    #expect(queue.depth.max == 1 && queue.dequeued == 5 && queue.enqueued == 1)
    #expect(queue.depth.emptyNs == 100)
    #expect(queue.residenceNs == nil)
  }

  @Test func `Of a pipe bytes are counted`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let pipe = trace.lock("pipe", kind: .pipe, capacity: 4096)
    trace.enqueue(thread, pipe, count: 4096, at: 0)
    trace.dequeue(thread, pipe, count: 1000, at: 500)
    trace.dequeue(thread, pipe, count: 3096, at: 750)
    let queue = try #require(report(trace).queues.first)
    #expect(queue.unit == "bytes" && queue.enqueued == 4096)
    #expect(queue.depth.fullNs == 500)
    // Two reads of what one write brought.
    #expect(queue.residenceNs?.total == 1250)
  }

  @Test func `Waits for room and for items are told with the queue`() throws {
    var trace = TraceBuilder(duration: 1000)
    let (producer, consumer) = (trace.thread("producer"), trace.thread("consumer"))
    let jobs = trace.lock("jobs", kind: .messageQueue)
    trace.wait(producer, jobs, from: 0, to: 300, operation: .put)
    trace.wait(consumer, jobs, from: 400, to: 500, operation: .take)
    trace.enqueue(producer, jobs, at: 450)
    let queue = try #require(report(trace).queues.first)
    #expect(queue.kind == "message-queue")
    #expect(queue.putWaitNs?.total == 300 && queue.takeWaitNs?.total == 100)
    #expect(report(trace).threads.map(\.queueWaitNs) == [300, 100])
  }

  @Test func `A wait for files is none for a queue`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a", to: 1000)
    trace.wait(thread, trace.lock("loop", kind: .poll), from: 0, to: 900, operation: .poll)
    let summary = try #require(report(trace).threads.first)
    #expect(summary.queueWaitNs == 0 && summary.lockWaitNs == 0 && summary.idleNs == 1000)
  }

  @Test func `Work is told by its name, and that of a queue with the queue`() throws {
    var trace = TraceBuilder(duration: 1000)
    let thread = trace.thread("a")
    let jobs = trace.lock("jobs", kind: .dispatchQueue)
    let parse = trace.lock("parse", kind: .label)
    func add(_ kind: Event.Kind, _ lock: LockID, from start: Int64, to end: Int64, _ value: Int64) {
      trace.add(
        Event(
          kind: kind, thread: thread, time: Timestamp(nanoseconds: end), duration: end - start,
          lock: lock, value: value))
    }
    add(.slice, jobs, from: 0, to: 70, 0)
    add(.slice, parse, from: 100, to: 150, 0)
    add(.slice, parse, from: 200, to: 230, 0)
    add(.instant, parse, from: 300, to: 300, 4)
    add(.counter, parse, from: 500, to: 500, -7)
    add(.counter, parse, from: 750, to: 750, 9)
    let report = report(trace)
    #expect(report.queues.count == 1 && report.queues[0].runNs?.total == 70)
    let slice = try #require(report.slices.first)
    #expect(report.slices.count == 1 && slice.name == "parse")
    #expect(slice.count == 2 && slice.runNs.total == 80 && slice.runNs.max == 50)
    #expect(slice.instants == 1)
    let counter = try #require(report.counters.first)
    #expect(counter.min == -7 && counter.max == 9 && counter.last == 9)
    #expect(abs(counter.mean - 1) < 1e-9)
  }

  @Test func `The timeline is the mean of each part`() throws {
    var trace = TraceBuilder(duration: 40_000)
    let thread = trace.thread("a")
    let jobs = trace.lock("jobs", kind: .queue)
    trace.enqueue(thread, jobs, count: 4, at: 10_010)
    trace.dequeue(thread, jobs, count: 4, at: 20_020)
    let timeline = try #require(report(trace).queues.first?.depth.timeline)
    #expect(timeline.count == 40)
    // A part is 1001 ns: the 11th begins at 10,010.
    #expect(timeline[..<10].allSatisfy { $0 == 0 } && timeline[10..<20].allSatisfy { $0 == 4 })
    #expect(timeline[20...].allSatisfy { $0 == 0 })
  }

  @Test func `What is put in and taken out at one moment leaves nothing, in either order`() throws {
    var trace = TraceBuilder(duration: 1000)
    let threads = [trace.thread("a"), trace.thread("b")]
    let lock = trace.lock("items", kind: .queue)
    func event(_ kind: Event.Kind, _ thread: Int, at time: Int64, _ count: Int64 = 1) -> Event {
      Event(
        kind: kind, isDurationKnown: false, thread: threads[thread],
        time: Timestamp(nanoseconds: time), lock: lock, value: count)
    }
    // The first thread's events of a moment are told before the second's.
    for event in [
      event(.dequeue, 0, at: 100, 2), event(.enqueue, 1, at: 100, 1),
      event(.enqueue, 1, at: 100, 1),
      event(.enqueue, 0, at: 200), event(.dequeue, 1, at: 300), event(.dequeue, 0, at: 400),
      // Of another moment: what was in before was not known.
      event(.enqueue, 0, at: 500), event(.dequeue, 1, at: 700),
    ] { trace.add(event) }
    let queue = try #require(report(trace).queues.first)
    #expect(queue.enqueued == 4 && queue.dequeued == 5)
    #expect(queue.depth.max == 1)
    #expect(queue.depth.emptyNs == 1000 - 100 - 100 - 200)
  }
}
