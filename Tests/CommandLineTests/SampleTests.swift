import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// A folder of `traces`: a recording, what is expected of it, and what its program said of itself.
struct Sample: Sendable, CustomTestStringConvertible {
  let name: String

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("traces").path

  /// All that there are.
  static let all = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    .map { Sample(name: $0) }

  var testDescription: String { name }
  private var folder: String { "\(Sample.folder)/\(name)" }

  /// What `ctrace report --format json` says, with no more rows of a table than this.
  func json(top rows: Int? = nil) throws -> String {
    let top = rows.map { ["--top", "\($0)"] } ?? []
    let command = [CTrace.path, "report", "--format", "json"] + top + ["\(name).ctrace"]
    let run = try Program(command, directory: folder).result()
    #expect(run.status == 0, "\(run.errors)")
    return run.output
  }

  /// The same as a value, with all rows.
  func report() throws -> Report { try Report(json: json()) }

  func text(_ file: String) throws -> String {
    try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
  }

  /// What the program counted and timed itself while it was recorded.
  func printed() throws -> [String: Int64] {
    try Program.run("cat", "printed.txt", directory: folder).values
  }
}

extension Report {
  fileprivate func lock(_ name: String) throws -> LockSummary {
    try #require(locks.first { $0.name == name })
  }
  fileprivate func queue(_ name: String) throws -> QueueSummary {
    try #require(queues.first { $0.name == name })
  }
}

extension QueueSummary {
  /// How many things were put in, if as many came out.
  fileprivate var passed: UInt64? { enqueued == dequeued ? enqueued : nil }
}

/// The recordings in `traces` say what stands beside them, and that agrees with what their programs do by
/// construction and printed.
@Suite struct SampleTests {
  @Test(arguments: Sample.all) func `A sample's report is the expected one`(_ sample: Sample) throws
  {
    // Line by line: what is told of a failure is short then.
    let lines = try [sample.json(top: 20), sample.text("expected.json")].map {
      $0.split(separator: "\n", omittingEmptySubsequences: false)
    }
    let difference = zip(lines[0], lines[1]).enumerated().first { $1.0 != $1.1 }
    #expect(difference.map { "line \($0 + 1): \($1.0) instead of \($1.1)" } == nil)
    #expect(lines[0].count == lines[1].count)
  }

  @Test(arguments: Sample.all)
  func `A sample is whole, and the five times of its threads sum to their lives`(_ sample: Sample)
    throws
  {
    let report = try sample.report()
    #expect(report.recording.complete)
    #expect(report.recording.exitCode == 0)
    #expect(report.recording.lostEvents == 0)
    #expect(!report.threads.isEmpty)
    for thread in report.threads {
      let times = [
        thread.runNs, thread.runnableNs, thread.lockWaitNs, thread.queueWaitNs, thread.idleNs,
      ]
      #expect(times.allSatisfy { $0 >= 0 })
      #expect(times.reduce(0, +) == thread.endNs - thread.startNs, "\(thread.name)")
    }
    // A thread is on one CPU at a time, and a CPU runs one thread at a time.
    let ran = report.threads.reduce(0) { $0 + $1.runNs }
    #expect(ran <= Int64(report.recording.cpus) * report.recording.durationNs)
  }

  @Test func `held-lock waits a hundred times for ten milliseconds`() throws {
    let report = try Sample(name: "held-lock").report()
    let lock = try report.lock("held_mu")
    #expect(lock.acquisitions == 200)
    #expect(lock.contended == 100)
    // The holder sleeps from when it is waited for.
    #expect(lock.waitNs.total >= 100 * 10_000_000)
    #expect(lock.waiters.allSatisfy { $0.stack.first?.function == "want_it" })
    #expect(lock.holders.allSatisfy { $0.stack.first?.function == "hold_it" })
    #expect(Set(report.threads.map(\.name)) == ["held_lock", "holder", "waiter"])
  }

  @Test func `swift-server answers a hundred requests`() throws {
    let sample = Sample(name: "swift-server")
    try expectServer(sample.report(), sample.printed())
  }

  @Test func `A new recording of the server says the same`() throws {
    let new = try TestRecording(Workload.buildSwift("job_server"), options: ["--sched", "off"])
    try expectServer(new.report(), new.run.values)
  }

  private func expectServer(_ report: Report, _ printed: [String: Int64]) throws {
    #expect(printed["jobs"] == 100)

    let cache = try report.lock("job_server.Cache.init()")
    #expect(cache.acquisitions == 100)
    let (waited, held) = (try #require(printed["waited"]), try #require(printed["held"]))
    // The program looks at its clock before it asks and after it was given the lock.
    #expect(cache.waitNs.total <= waited)
    #expect(
      cache.waiters.allSatisfy { $0.stack.functions.contains("job_server.Cache.square(of:)") })
    // One holds it at a time.
    #expect(held <= report.recording.durationNs)

    let queue = try report.queue("server.jobs")
    #expect(queue.passed == 100)
    #expect(try #require(queue.runNs).total >= waited + held)
    // A line for each job, and the question how many there are.
    #expect(try report.queue("server.log").passed == 101)
    // A message for each job, and the question what they told.
    #expect(try report.queue("Statistics").passed == 101)
    // Four connections, there and back: 25 numbers of eight bytes each.
    let sockets = report.queues.filter { $0.kind == "socket" }
    #expect(sockets.map(\.passed) == Array(repeating: 200, count: 8))
    for number in 0..<4 {
      for name in ["client-\(number)", "connection-\(number)"] {
        #expect(report.threads.filter { $0.name == name }.count == 1, "\(name)")
      }
    }
  }

  @Test func `python-service handles forty jobs in tasks, processes and threads`() throws {
    let sample = Sample(name: "python-service")
    let (report, printed) = try (sample.report(), sample.printed())
    try expectService(report, printed)
    // By the CPU time of the children themselves. The first process is their parent.
    let ran = report.threads.filter { $0.pid != report.processes.first?.pid }
      .reduce(0) { $0 + $1.runNs }
    #expect(ran >= (try #require(printed["crunched"])))
  }

  @Test func `A new recording of the service says the same`() throws {
    let new = try Python.system.record("job_service", options: ["--sched", "off"])
    try expectService(new.report(), new.run.values)
  }

  private func expectService(_ report: Report, _ printed: [String: Int64]) throws {
    #expect(printed["jobs"] == 40)
    #expect(printed["booked"] == 40)

    let ledger = try report.lock("job_service.py:14 ledger_lock")
    #expect(ledger.acquisitions == 40)
    #expect(ledger.waitNs.total <= (try #require(printed["waited"])))
    #expect(try report.lock("job_service.py:54 upstream").acquisitions == 40)
    // The jobs, and one word for each handler that there are no more.
    #expect(try report.queue("job_service.py:53 jobs#1").passed == 44)
    #expect(try report.queue("job_service.py:53 jobs#1").depth.max <= 4)
    // What is to be done by processes.
    #expect(try report.queue("job_service.py:56 pool._work_ids").passed == 40)
    let handlers = try #require(report.tasks.first { $0.name.hasPrefix("handle ") })
    #expect(handlers.tasks == 4)
    #expect(report.threads.filter { $0.name.hasPrefix("asyncio_") }.count <= 4)

    let parent = try #require(report.processes.first { $0.name == "python3" })
    let children = report.processes.filter { $0.parent == parent.pid }
    #expect(Int64(children.count) == printed["children"])
    #expect(report.processes.count == 1 + children.count)
  }

  @Test func `pbzip2 compresses 41 blocks`() throws {
    let report = try Sample(name: "pbzip2").report()
    #expect(report.processes.count == 1)
    // Four that compress, one that writes, and the one that reads.
    #expect(report.threads.count >= 6)
    // Each block goes through a queue of pbzip2's own, under its lock.
    let most = report.locks.map(\.acquisitions).max() ?? 0
    #expect(most >= 2 * 41)
  }
}
