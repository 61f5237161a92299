import Foundation
import SystemPackage
import Testing

@testable import LinuxSystem

@Suite struct PerfRingTests {
  /// Rings of all CPUs for the calling thread.
  private static func rings(
    _ contents: PerfContents, size: Int = 1 << 16
  ) throws(Errno) -> [Ring] {
    let clock = PerfClock(CounterClock(calibration: CounterClock.Calibration()))
    var rings: [Ring] = []
    for cpu in 0..<configuredCPUs {
      do {
        rings.append(
          Ring(
            try PerfRing(task: 0, cpu: cpu, clock: clock, contents: contents, size: size)))
      } catch {
        // A CPU that is offline.
        if error != .operationNotSupportedByDevice { throw error }
      }
    }
    return rings
  }

  private final class Ring {
    var ring: PerfRing
    init(_ ring: consuming PerfRing) { self.ring = ring }
  }

  private static let isAllowed = (try? rings(.switches)) != nil

  /// What the calling thread has left its CPU for so far: to wait, or because another was to run.
  private func switchCounts() throws -> (voluntary: Int, preempted: Int) {
    let status = try String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
    func count(_ name: String) -> Int {
      let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
      return line.flatMap { Int($0.split(separator: "\t").last ?? "") } ?? -1
    }
    return (count("voluntary_ctxt_switches"), count("nonvoluntary_ctxt_switches"))
  }

  private func read(_ rings: [Ring], _ body: (borrowing PerfRecord) -> Void) {
    for ring in rings {
      let head = ring.ring.head
      ring.ring.forEachRecord(from: 0, to: head, body)
      ring.ring.release(upTo: head)
    }
  }

  @Test(.enabled(if: isAllowed, "this machine denies perf events to this user"))
  func `A thread's ring has its own switches, as many as the kernel counts`() throws {
    let rings = try PerfRingTests.rings(.switches)
    let before = try switchCounts()
    for _ in 0..<20 { usleep(100) }
    let after = try switchCounts()
    var (out, preempted, came) = (0, 0, 0)
    var times: [UInt64] = []
    let own = try ownTID()
    read(rings) { record in
      guard record.kind == .switch else { return }
      #expect(record.pid == getpid() && record.tid == own)
      times.append(record.time)
      if !record.isSwitchOut {
        came += 1
      } else if record.isPreempted {
        preempted += 1
      } else {
        out += 1
      }
    }
    #expect(out >= 20)
    // The counts are read a little after the records begin and before they end.
    let counted = after.voluntary - before.voluntary
    #expect((counted...counted + 20).contains(out))
    #expect(preempted >= after.preempted - before.preempted)
    #expect(abs(came - out - preempted) <= 1)
    #expect(times.allSatisfy { $0 > 0 })
  }

  @Test(.enabled(if: isAllowed, "this machine denies perf events to this user"))
  func `Records that lie across the end of a ring are whole`() throws {
    // The smallest ring there is: a page, which a few hundred switches fill several times.
    let rings = try PerfRingTests.rings(.switches, size: 4096)
    var tails = rings.map { _ in UInt64(0) }
    var (out, came, lost) = (0, 0, 0)
    let own = try ownTID()
    let before = try switchCounts()
    for _ in 0..<30 {
      for _ in 0..<20 { usleep(50) }
      for (index, ring) in rings.enumerated() {
        let head = ring.ring.head
        ring.ring.forEachRecord(from: tails[index], to: head) { record in
          switch record.kind {
          case .switch:
            #expect(record.tid == own && record.time > 0)
            if record.isSwitchOut { out += 1 } else { came += 1 }
          case .lost: lost += Int(record.lostCount)
          default: Issue.record("a record of another kind")
          }
        }
        ring.ring.release(upTo: head)
        tails[index] = head
      }
    }
    let counted = try switchCounts().voluntary - before.voluntary
    // What was lost last is told by the kernel's count alone.
    lost = max(lost, rings.reduce(0) { $0 + Int($1.ring.lostCount) })
    #expect(out + lost >= counted - 2)
    #expect(abs(out - came) <= 1 + lost)
    #expect(tails.max() ?? 0 > UInt64(2 * 4096))
  }

  @Test func `A task that is not there is an error`() {
    let clock = PerfClock(CounterClock(calibration: CounterClock.Calibration()))
    #expect(throws: Errno.self) {
      _ = Ring(
        try PerfRing(
          task: .max, cpu: 0, clock: clock, contents: .switches, size: 4096))
    }
  }
}
