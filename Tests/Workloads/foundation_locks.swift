// Foundation's locks, each held for 20 ms while another thread wants it, and its queues of operations.
import Foundation

let lock = NSLock()
let recursive = NSRecursiveLock()
let condition = NSCondition()
nonisolated(unsafe) var isReady = false
let inside = DispatchSemaphore(value: 0)

@Sendable @inline(never) func holdLock() {
  lock.lock()
  inside.signal()
  usleep(20000)
  lock.unlock()
}

@inline(never) func wantLock() {
  inside.wait()
  lock.withLock { _ = usleep(1) }
}

@Sendable @inline(never) func holdRecursively() {
  recursive.lock()
  recursive.lock()
  inside.signal()
  usleep(20000)
  recursive.unlock()
  recursive.unlock()
}

@inline(never) func wantRecursively() {
  inside.wait()
  recursive.lock()
  recursive.unlock()
}

@Sendable @inline(never) func announce() {
  usleep(20000)
  condition.lock()
  isReady = true
  condition.signal()
  condition.unlock()
}

@inline(never) func awaitReady() {
  condition.lock()
  while !isReady { condition.wait() }
  condition.unlock()
}

func inThread(_ body: @escaping @Sendable () -> Void, _ meanwhile: () -> Void) {
  let thread = Thread {
    body()
    inside.signal()
  }
  thread.start()
  meanwhile()
  inside.wait()
}

inThread(holdLock, wantLock)
inThread(holdRecursively, wantRecursively)
inThread(announce, awaitReady)

let underlying = DispatchQueue(label: "test.underlying")
let operations = OperationQueue()
operations.underlyingQueue = underlying
let gate = DispatchSemaphore(value: 0)
underlying.async { gate.wait() }
nonisolated(unsafe) var sum = 0
@inline(never) func addOperations() {
  for number in 0..<30 { operations.addOperation { sum += number } }
}
addOperations()
gate.signal()
operations.waitUntilAllOperationsAreFinished()
print("sum \(sum)")
