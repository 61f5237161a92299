import Foundation
import Testing

@testable import LinuxSystem

/// The kernel's number of the calling thread.
func ownTID() throws -> Int32 {
  let link = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
  return try #require(link.split(separator: "/").last.flatMap { Int32($0) })
}

@Suite struct ProcFSTests {
  @Test func `This thread is among the threads of its process`() throws {
    let own = try ownTID()
    #expect(ProcFS.threads(of: getpid()).contains(own))
    #expect(ProcFS.processes().contains(getpid()))
    let status = try #require(ProcFS.status(tid: own))
    #expect(status.pid == getpid() && status.parentPID == getppid())
    let before = try #require(ProcFS.schedulingTimes(pid: getpid(), tid: own))
    let end = monotonicClock + 20_000_000
    while monotonicClock < end {}
    let after = try #require(ProcFS.schedulingTimes(pid: getpid(), tid: own))
    #expect(after.ran > before.ran && after.waited >= before.waited)
  }

  @Test func `Of what is not there nothing is told`() {
    #expect(ProcFS.threads(of: .max).isEmpty)
    #expect(ProcFS.status(tid: .max) == nil)
    #expect(ProcFS.schedulingTimes(pid: .max, tid: .max) == nil)
    #expect(ProcFS.threadName(pid: .max, tid: .max) == nil)
  }
}
