import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// What reports conclude of programs that were made to have a problem, and of such as almost have it.
  @Suite struct Findings {
    private func finding(_ kind: String, _ recording: TestRecording) throws -> Finding? {
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let report = try recording.report()
      #expect(report.recording.lostEvents == 0)
      return report.findings.first { $0.kind == kind }
    }

    // MARK: Lock order

    @Test(arguments: ["inverted", "three", "writers", "again"])
    func `Locks taken in opposite orders are told though nothing happened`(how: String) throws {
      let recording = try TestRecording(Workload.build("lock_order"), how)
      let found = try #require(try finding("lock-order", recording))
      #expect(found.severity == "warning")
      let locks = how == "three" ? 3 : 2
      #expect(found.evidence["locks"] == Int64(locks) && found.evidence["count"] == 1)
      for name in how == "writers" ? ["one_rw", "other_rw"] : ["one_mu", "other_mu"] {
        #expect(found.text.contains(name), "\(found.text)")
      }
      let places = try #require(found.places)
      #expect(places.count == locks && Set(places.map(\.tid)).count == locks)
      let functions = places.flatMap { $0.stack.functions }
      #expect(how == "writers" || (functions.contains("take") && functions.contains("forwards")))
    }

    @Test(
      arguments: [
        "gated", "alone", "tried", "timed", "remade", "renewed", "before", "readers", "handed",
      ])
    func `Orders that can't end in a deadlock are no problem`(how: String) throws {
      let recording = try TestRecording(Workload.build("lock_order"), how)
      let found = try finding("lock-order", recording)
      #expect(found == nil, "\(found?.text ?? "")")
    }

    // MARK: Left locked

    @Test(arguments: ["mutex", "writer", "cancelled"])
    func `A thread that ends with a lock is told`(how: String) throws {
      let recording = try TestRecording(Workload.build("left_locked"), how)
      let found = try #require(try finding("left-locked", recording))
      let name = how == "writer" ? "left_rw" : "left_mu"
      #expect(found.severity == "warning" && found.text.contains("left \(name) locked"))
      let lock = try recording.lock(name)
      #expect(found.evidence["lock"] == Int64(lock.id) && found.evidence["count"] == 1)
    }

    @Test(arguments: ["unlocked", "exit", "leaves", "handed", "robust"])
    func `Locks that are unlocked, or end with their process, are not left`(how: String) throws {
      let recording = try TestRecording(Workload.build("left_locked"), how)
      let found = try finding("left-locked", recording)
      #expect(found == nil, "\(found?.text ?? "")")
    }

    // MARK: Locks

    @Test func `A lock that is handed over at each release has a convoy`() throws {
      let program = try Workload.build("convoy")
      let found = try #require(try finding("lock-convoy", TestRecording(program, "turns")))
      #expect(found.text.contains("turn_mu has a convoy") && found.severity == "warning")
      let plain = try TestRecording(program, "plain")
      #expect(try finding("lock-convoy", plain) == nil)
    }

    @Test func `A holder without a CPU is told, where that can be known`() throws {
      let program = try Workload.build("preempted_holder")
      let recording = try TestRecording(program, "crowded", options: ["--sched", "switches"])
      // Of four threads on a CPU each has about a fourth of it: CPUs are short, and that comes of it.
      let found = try #require(try finding("oversubscribed", recording))
      #expect(found.text.contains("; so who held busy_mu was without a CPU"))
      #expect(try finding("holder-preempted", recording) == nil)
      let lock = try recording.lock("busy_mu")
      #expect(found.evidence["holderPreemptedNs"] == lock.waitSplitNs?.holderPreempted)
      let blind = try TestRecording(program, "crowded", options: ["--sched", "off"])
      #expect(try finding("oversubscribed", blind) == nil)
    }

    @Test func `Readers that keep a writer out are told, and a writer that goes first is not`()
      throws
    {
      let program = try Workload.build("passed_writer")
      let recording = try TestRecording(program, "passed")
      let found = try #require(try finding("writer-starvation", recording))
      #expect(found.text.contains("readers of table_rw starved its writers"))
      // Each that the program itself saw come while the writer waited, but for those about the ends.
      let passed = try recording.value("passed")
      let told = try #require(found.evidence["overtakingReaders"])
      #expect(told <= passed + 4 && told >= passed - 20)
      #expect(try finding("writer-starvation", TestRecording(program, "first")) == nil)
    }

    // MARK: Conditions

    @Test func `Threads that are woken for nothing are a thundering herd`() throws {
      let program = try Workload.build("herd")
      let recording = try TestRecording(program, "broadcast")
      let found = try #require(try finding("thundering-herd", recording))
      #expect(found.text.contains("jobs_ready has a thundering herd"))
      let vain = try recording.value("in_vain")
      // One that loses its CPU between two steps of the runtime is not counted.
      let told = try #require(found.evidence["wokenInVain"])
      #expect(told <= vain && told >= vain * 3 / 4)
      for how in ["signal", "phases"] {
        #expect(try finding("thundering-herd", TestRecording(program, how)) == nil)
      }
    }

    @Test func `A wakeup that comes just before the wait is told when the wait times out`() throws {
      let program = try Workload.build("lost_wakeup")
      let recording = try TestRecording(program, "lost")
      let found = try #require(try finding("lost-wakeup", recording))
      #expect(found.evidence["waits"] == 1 && found.text.contains("ready_cv"))
      #expect(found.places?.first?.stack.functions.first == "await_ready")
      let waited = try #require(found.evidence["waitNs"])
      #expect(waited <= (try recording.value("waited")) && waited > 0)
      for how in ["kept", "early", "nothing"] {
        #expect(try finding("lost-wakeup", TestRecording(program, how)) == nil)
      }
    }

    // MARK: Queues and CPUs

    @Test func `A queue that is always full, or always empty, is told by what is slow`() throws {
      for (how, kind) in [("full", "queue-full"), ("empty", "queue-empty")] {
        let recording = try TestRecording(
          "/usr/bin/python3", "\(Workload.sources)/python/one_sided_queue.py", how)
        let found = try #require(try finding(kind, recording))
        // As the table of queues has it.
        let report = try recording.report()
        let depth = try #require(report.queues.first { Int64($0.id) == found.evidence["queue"] })
          .depth
        let time = try #require(how == "full" ? depth.fullNs : depth.emptyNs)
        let part = Int((Double(time) / Double(report.recording.durationNs) * 100).rounded())
        #expect(found.text.contains("jobs was \(how) \(part) % of the run"), "\(found.text)")
        #expect(found.severity == "warning")
        let other = kind == "queue-full" ? "queue-empty" : "queue-full"
        #expect(try finding(other, recording) == nil)
      }
      let balanced = try TestRecording(
        "/usr/bin/python3", "\(Workload.sources)/python/one_sided_queue.py", "balanced")
      for kind in ["queue-full", "queue-empty"] { #expect(try finding(kind, balanced) == nil) }
    }

    // MARK: Nothing

    /// Warnings that say more than that a lock is contended, which it may be.
    private func alarms(_ file: String) throws -> [String] {
      let json = try CTrace.run("report", "--format", "json", file).output
      let report = try JSONDecoder().decode(Report.self, from: Data(json.utf8))
      #expect(!report.threads.isEmpty)
      return report.findings.filter { $0.severity == "warning" && $0.kind != "contention" }.map(
        \.text)
    }

    private func letters(in folder: TemporaryFolder) throws {
      let numbers = (1...900_000).map { "\($0)\n" }.joined()
      try folder.write(numbers.utf8, to: "numbers")
    }

    @Test(
      arguments: [
        ["pigz", "-p", "4", "-c", "numbers"],
        ["xz", "-T2", "-1", "--block-size=1MiB", "-c", "numbers"],
      ])
    func `Programs that compress are healthy`(command: [String]) throws {
      guard Machine.has(command[0]) else { try Test.cancel("\(command[0]) is not installed") }
      let folder = try TemporaryFolder()
      try letters(in: folder)
      let file = folder.path + "/healthy.ctrace"
      let run = try Program(
        [CTrace.path, "record", "-q", "-o", file, "--"] + command, directory: folder.path
      ).result()
      #expect(run.status == 0, "\(run.errors)")
      #expect(try alarms(file) == [])
    }

    @Test func `A server with a pool of threads is healthy`() throws {
      let recording = try TestRecording(Workload.build("pool_server"))
      #expect(recording.run.values["answered"] == 1600)
      #expect(try alarms(recording.file) == [])
    }

    @Test func `memcached under load is healthy`() throws {
      guard Machine.has("memcached") else { try Test.cancel("memcached is not installed") }
      let folder = try TemporaryFolder()
      let client = try Workload.build("memcached_client")
      let (file, socket) = (folder.path + "/memcached.ctrace", folder.path + "/socket")
      let user = Machine.isRoot ? ["-u", "root"] : []
      let server = try Program(
        [CTrace.path, "record", "-q", "-o", file, "--", "memcached", "-t", "4", "-s", socket]
          + user,
        directory: folder.path)
      try server.wait(for: "memcached's socket") { access(socket, F_OK) == 0 }
      #expect(try Program([client, socket, "4", "2000"]).result().status == 0)
      server.send(SIGINT)
      _ = try server.result()
      #expect(try alarms(file) == [])
    }
  }
}
