import TraceModel
import Testing

@testable import TraceRecorder

@Suite struct FutexWaitsTests {
  private static let privateBit: Int32 = 128
  private static let realtimeBit: Int32 = 256

  private func call(_ operation: Int32, tid: Int32 = 7) -> FutexWaits.Call {
    FutexWaits.Call(
      pid: 5, tid: tid, address: 0x1000 + UInt64(tid), operation: operation, stack: [1, 2])
  }

  /// What is told of a call that lasted from 100 to 300 and returned `result`.
  private func told(_ operation: Int32, _ result: Int64) -> FutexWaits.Wait? {
    var waits = FutexWaits()
    waits.enter(call(operation), at: 100)
    waits.exit(tid: 7, result: result, at: 300)
    let told = waits.take(before: .max)
    #expect(told.count <= 1)
    return told.first
  }

  /// WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2, and the first as programs call it.
  @Test(arguments: [0, 6, 9, 11, 13, 0 | privateBit, 9 | privateBit | realtimeBit])
  func `A wait ends as the call says`(operation: Int32) throws {
    let wait = try #require(told(operation, 0))
    #expect(!wait.isWake && wait.outcome == .acquired)
    #expect(wait.start == 100 && wait.end == 300)
    #expect(wait.call.pid == 5 && wait.call.tid == 7 && wait.call.address == 0x1007)
    #expect(wait.call.stack == [1, 2])
    // ETIMEDOUT, EINTR and the kernel's own number for a call that is to be made again.
    #expect(told(operation, -110)?.outcome == .timedOut)
    #expect(told(operation, -4)?.outcome == .failed)
    #expect(told(operation, -512)?.outcome == .failed)
    // EAGAIN: the word had changed, and nothing was waited for.
    #expect(told(operation, -11) == nil)
  }

  /// WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAKE_BITSET, CMP_REQUEUE_PI.
  @Test(arguments: [1, 3, 4, 5, 10, 12, 1 | privateBit])
  func `A wake that woke somebody is told`(operation: Int32) throws {
    let wake = try #require(told(operation, 1))
    #expect(wake.isWake && wake.outcome == .acquired && wake.end == 300)
    #expect(told(operation, 3)?.isWake == true)
    #expect(told(operation, 0) == nil)
    #expect(told(operation, -14) == nil)
  }

  @Test func `An unlock with inheritance always hands over, unless it fails`() {
    #expect(told(7, 0)?.isWake == true)
    #expect(told(7, -1) == nil)
  }

  /// FD, TRYLOCK_PI, and numbers that are none.
  @Test(arguments: [2, 8, 14, 127, -1])
  func `Other calls are no waits`(operation: Int32) {
    #expect(told(operation, 0) == nil)
    #expect(told(operation, 1) == nil)
  }

  @Test func `An exit without an entry is nothing, and a second one is none`() {
    var waits = FutexWaits()
    waits.exit(tid: 7, result: 0, at: 50)
    waits.enter(call(0), at: 100)
    waits.exit(tid: 8, result: 0, at: 150)
    waits.exit(tid: 7, result: 0, at: 200)
    waits.exit(tid: 7, result: 0, at: 300)
    #expect(waits.take(before: .max).map(\.end) == [200])
    #expect(waits.take(before: .max).isEmpty)
  }

  @Test func `An entry whose exit was lost gives way to the next`() {
    var waits = FutexWaits()
    waits.enter(call(0), at: 100)
    waits.enter(call(0), at: 200)
    waits.exit(tid: 7, result: 0, at: 300)
    #expect(waits.take(before: .max).map(\.start) == [200])
  }

  @Test func `What has ended is told in the order of the ends`() {
    var waits = FutexWaits()
    for tid in [1, 2, 3] as [Int32] { waits.enter(call(0, tid: tid), at: UInt64(tid)) }
    waits.exit(tid: 2, result: 0, at: 300)
    waits.exit(tid: 1, result: 0, at: 200)
    waits.exit(tid: 3, result: 0, at: 250)
    #expect(waits.take(before: .max).map(\.call.tid) == [1, 3, 2])
  }

  @Test func `An exit may be told before its entry, by another CPU`() {
    var waits = FutexWaits()
    waits.exit(tid: 7, result: 0, at: 300)
    waits.enter(call(0), at: 100)
    #expect(waits.take(before: .max).map(\.start) == [100])
  }

  @Test func `What not all CPUs have told of waits for the next time`() {
    var waits = FutexWaits()
    waits.exit(tid: 7, result: 0, at: 300)
    #expect(waits.take(before: 250).isEmpty)
    waits.enter(call(0), at: 260)
    #expect(waits.take(before: 300).isEmpty)
    #expect(waits.take(before: 301).map(\.start) == [260])
  }

  @Test func `A wait that goes on at the end is unfinished, a wake is not`() throws {
    var waits = FutexWaits()
    waits.enter(call(0, tid: 1), at: 100)
    waits.enter(call(1, tid: 2), at: 110)
    waits.enter(call(0, tid: 3), at: 120)
    waits.exit(tid: 3, result: 0, at: 130)
    #expect(waits.take(before: .max).map(\.call.tid) == [3])
    let open = waits.unfinished(at: 500)
    let wait = try #require(open.first)
    #expect(open.count == 1)
    #expect(wait.call.tid == 1 && wait.start == 100 && wait.end == 500)
    #expect(wait.outcome == .unfinished && !wait.isWake)
  }
}
