// Queues of Dispatch whose numbers and times are known: `dispatch_queues WHAT`.
//
// Each item says how long it was in its queue and how long it ran, by the program's own clock.
import Dispatch
import Glibc
import Synchronization

func nanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

let residence = Atomic<Int64>(0)
let running = Atomic<Int64>(0)
let ran = Atomic<Int64>(0)

/// Work of about so long, put in now.
func item(_ microseconds: Int64) -> @Sendable () -> Void {
  let put = nanoseconds()
  return {
    let start = nanoseconds()
    while nanoseconds() - start < microseconds * 1000 {}
    residence.add(start - put, ordering: .relaxed)
    running.add(nanoseconds() - start, ordering: .relaxed)
    ran.add(1, ordering: .relaxed)
  }
}

func report() {
  print("residence \(residence.load(ordering: .relaxed))")
  print("running \(running.load(ordering: .relaxed))")
  print("ran \(ran.load(ordering: .relaxed))")
}

let gate = DispatchSemaphore(value: 0)
let inside = DispatchSemaphore(value: 0)
let serial = DispatchQueue(label: "test.serial")
let concurrent = DispatchQueue(label: "test.concurrent", attributes: .concurrent)
let order = Mutex<[Int]>([])

@inline(never) func waitAtGate() { gate.wait() }

/// 200 items behind one that holds the queue until all are in.
@inline(never) func blocked() {
  serial.async {
    let start = nanoseconds()
    inside.signal()
    waitAtGate()
    running.add(nanoseconds() - start, ordering: .relaxed)
  }
  inside.wait()
  for number in 0..<200 {
    let work = item(50)
    serial.async {
      order.withLock { $0.append(number) }
      work()
      if number == 199 { inside.signal() }
    }
  }
  gate.signal()
  inside.wait()
  print("inOrder \(order.withLock { $0 } == Array(0..<200) ? 1 : 0)")
}

/// 100 items between which a barrier lies: those behind it see it done.
@inline(never) func barriers() {
  let group = DispatchGroup()
  let before = Atomic<Int>(0)
  let atBarrier = Atomic<Int>(-1)
  let early = Atomic<Int>(0)
  for _ in 0..<50 {
    let work = item(100)
    concurrent.async(group: group) {
      work()
      before.add(1, ordering: .sequentiallyConsistent)
    }
  }
  concurrent.async(group: group, flags: .barrier) {
    atBarrier.store(
      before.load(ordering: .sequentiallyConsistent), ordering: .sequentiallyConsistent)
  }
  for _ in 0..<50 {
    let work = item(100)
    concurrent.async(group: group) {
      if atBarrier.load(ordering: .sequentiallyConsistent) < 0 {
        early.add(1, ordering: .relaxed)
      }
      work()
    }
  }
  group.wait()
  concurrent.async(flags: .barrier) { waitAtGate() }
  gate.signal()
  concurrent.sync(flags: .barrier) {}
  concurrent.sync {}
  print("before \(atBarrier.load(ordering: .relaxed))")
  print("early \(early.load(ordering: .relaxed))")
}

/// Another thread has the queue while this one waits for its turn.
@inline(never) func turns() {
  var sum: Int64 = 0
  for _ in 0..<5 {
    serial.async {
      gate.signal()
      usleep(20_000)
    }
    gate.wait()
    let start = nanoseconds()
    let result = serial.sync { () -> Int64 in
      sum += nanoseconds() - start
      return 7
    }
    if result != 7 { exit(9) }
  }
  print("waited \(sum)")
}

@inline(never) func waitForGroup(_ group: DispatchGroup) -> Int64 {
  let start = nanoseconds()
  group.wait()
  return nanoseconds() - start
}

@inline(never) func waitForSemaphore() -> Int64 {
  let start = nanoseconds()
  gate.wait()
  return nanoseconds() - start
}

/// Waits of known length for a group and for a semaphore, and one of each that times out.
func waits() {
  let group = DispatchGroup()
  group.enter()
  let thread = DispatchQueue(label: "test.waker")
  thread.async {
    usleep(30_000)
    group.leave()
  }
  print("group \(waitForGroup(group))")
  thread.async {
    usleep(30_000)
    gate.signal()
  }
  print("semaphore \(waitForSemaphore())")
  let isTimedOut = gate.wait(timeout: .now() + 0.01) == .timedOut
  group.enter()
  let isGroupTimedOut = group.wait(timeout: .now() + 0.01) == .timedOut
  group.leave()
  gate.signal()
  let isTaken = gate.wait(timeout: .now()) == .success
  let isNotTaken = gate.wait(timeout: .now()) == .timedOut
  print("asExpected \(isTimedOut && isGroupTimedOut && isTaken && isNotTaken ? 1 : 0)")
}

/// Items that are due while the queue is held: they wait from then on, not from when they were put in.
func later() {
  let start = nanoseconds()
  for _ in 0..<10 {
    let due = nanoseconds() + 50_000_000
    serial.asyncAfter(deadline: .now() + .milliseconds(50)) {
      residence.add(nanoseconds() - due, ordering: .relaxed)
      ran.add(1, ordering: .relaxed)
    }
  }
  serial.async { usleep(200_000) }
  let due = nanoseconds() + 100_000_000
  serial.asyncAfter(deadline: .now() + .milliseconds(100)) {
    residence.add(nanoseconds() - due, ordering: .relaxed)
    gate.signal()
  }
  gate.wait()
  let group = DispatchGroup()
  group.enter()
  group.notify(queue: serial) { gate.signal() }
  group.leave()
  gate.wait()
  serial.asyncAfter(deadline: .now() - 1) { gate.signal() }
  gate.wait()
  print("elapsed \(nanoseconds() - start)")
}

/// Says when it is no longer needed.
final class Captured: Sendable {
  static let released = Atomic<Int>(0)
  func use() {}
  deinit { Captured.released.add(1, ordering: .relaxed) }
}

/// Work items that are cancelled, waited for, notified of and run in groups; a timer of a source.
func items() {
  let cancelled = DispatchWorkItem { exit(9) }
  let waited = DispatchWorkItem { ran.add(1, ordering: .relaxed) }
  let barrier = DispatchWorkItem(flags: .barrier) { ran.add(1, ordering: .relaxed) }
  let group = DispatchGroup()
  serial.async { waitAtGate() }
  serial.async(execute: cancelled)
  serial.async(execute: waited)
  cancelled.cancel()
  waited.notify(queue: concurrent) {
    ran.add(1, ordering: .relaxed)
    gate.signal()
  }
  gate.signal()
  waited.wait()
  gate.wait()
  concurrent.async(group: group, execute: barrier)
  group.wait()
  concurrent.sync(execute: DispatchWorkItem { ran.add(1, ordering: .relaxed) })
  concurrent.sync(execute: DispatchWorkItem(flags: .barrier) { ran.add(1, ordering: .relaxed) })
  concurrent.async(qos: .background, flags: .enforceQoS) {
    ran.add(1, ordering: .relaxed)
    gate.signal()
  }
  gate.wait()
  let timer = DispatchSource.makeTimerSource(queue: serial)
  var ticks = 0
  timer.setEventHandler {
    ticks += 1
    if ticks == 3 { timer.cancel() }
  }
  timer.setCancelHandler { gate.signal() }
  timer.schedule(deadline: .now(), repeating: .milliseconds(1))
  timer.resume()
  gate.wait()
  print("ticks \(ticks)")
  for _ in 0..<10 {
    let captured = Captured()
    serial.async { captured.use() }
    serial.sync { captured.use() }
    serial.asyncAfter(deadline: .now() + .milliseconds(1)) {
      captured.use()
      gate.signal()
    }
    gate.wait()
  }
  serial.sync {}
  print("released \(Captured.released.load(ordering: .relaxed))")
}

/// Iterations side by side, and where there is no choice one after another.
func iterations() {
  let sum = Atomic<Int>(0)
  DispatchQueue.concurrentPerform(iterations: 1000) { sum.add($0, ordering: .relaxed) }
  print("sum \(sum.load(ordering: .relaxed))")
}

/// A million items from two threads.
func million() {
  let count = Atomic<Int>(0)
  let group = DispatchGroup()
  for _ in 0..<2 {
    DispatchQueue.global().async(group: group) {
      for _ in 0..<500_000 { serial.async { count.add(1, ordering: .relaxed) } }
    }
  }
  group.wait()
  serial.sync {}
  print("count \(count.load(ordering: .relaxed))")
}

/// Queues that go and whose memory others get.
func short() {
  for number in 0..<100 {
    let queue = DispatchQueue(label: "short.\(number)")
    for _ in 0...number { queue.async {} }
    queue.sync {}
  }
}

switch CommandLine.arguments.last {
case "blocked": blocked()
case "barriers": barriers()
case "turns": turns()
case "waits": waits()
case "later": later()
case "items": items()
case "iterations": iterations()
case "million": million()
case "short": short()
case "main":
  DispatchQueue.main.async {
    report()
    exit(3)
  }
  dispatchMain()
default: exit(2)
}
report()
