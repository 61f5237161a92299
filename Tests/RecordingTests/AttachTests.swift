import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Programs that the runtime is not in: static ones, and those that run already.
  @Suite(.enabled(if: Source.hasTracepoints, "the kernel's tracepoints need root"))
  struct Outside {
    /// - Parameter isNamed: Whether libc's own functions, which tell a mutex by its futex, have names.
    private func expectFutexWaits(_ report: Report, waited: Int64, isNamed: Bool) throws {
      #expect(report.recording.scheduling == "kernel")
      #expect(report.recording.lostEvents == 0)
      let lock = try #require(report.locks.first { $0.name == "futex_mu" })
      #expect(lock.kind == "mutex" || (!isNamed && lock.kind == "futex"))
      // A wait that was over before the kernel was asked is none.
      #expect((36...80).contains(lock.contended))
      #expect(isClose(lock.waitNs.total, waited, part: 0.1))
      // The kernel follows frame pointers, which libc does not keep: its caller may be left out.
      #expect(lock.waiters.first?.stack.map(\.function).contains("waiter") == true)
      let waiter = try #require(report.threads.first { $0.name == "waiter" })
      let holder = try #require(report.threads.first { $0.name == "holder" })
      // Of a wait, the time after the wakeup is none of the thread's waiting: it had no CPU.
      let blocked = waiter.queueWaitNs + waiter.lockWaitNs
      #expect(blocked <= waited + waited / 10)
      #expect(blocked + waiter.runnableNs >= waited - waited / 10)
      let release = try #require(lock.holders.first)
      #expect(release.stack.map(\.function).contains("holder"))
      #expect(release.blamedNs <= lock.waitNs.total)
      let split = try #require(lock.waitSplitNs)
      #expect(release.blamedNs + split.runQueue >= lock.waitNs.total * 9 / 10)
      #expect(waiter.wakers.first?.tid == holder.tid)
      #expect(holder.idleNs > 150_000_000)
      for thread in report.threads {
        let parts =
          thread.runNs + thread.runnableNs + thread.lockWaitNs + thread.queueWaitNs
          + thread.idleNs
        #expect(isClose(parts, thread.endNs - thread.startNs, part: 0.01, slack: 1))
      }
    }

    @Test func `A static program's waits for futexes are recorded by the kernel`() throws {
      let recording = try TestRecording(
        Workload.build("futexes", flags: ["-static", "-fno-omit-frame-pointer"]))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      try expectFutexWaits(
        try recording.report(), waited: try recording.value("waited"), isNamed: true)
      #expect(
        try recording.report().recording.notes.contains { $0.contains("linked statically") })
    }

    @Test(arguments: [[], ["-static"]])
    func `A running program is recorded from outside`(flags: [String]) throws {
      let folder = try TemporaryFolder()
      let program = try Program([
        Workload.build("futexes", flags: flags + ["-fno-omit-frame-pointer"]), "wait",
      ])
      try program.wait(for: "its number") { program.outputSoFar.hasSuffix("\n") }
      let pid = program.outputSoFar.split(separator: " ").last.map { $0.filter(\.isNumber) }
      let file = folder.path + "/t.ctrace"
      let recorder = try Program([
        CTrace.path, "record", "--quiet", "-o", file, "-p", try #require(pid),
      ])
      // The first definitions are in the file when the rings are open.
      try recorder.wait(for: "the recorder") { folder.bytes("t.ctrace").count > 200 }
      program.send(SIGUSR1)
      let run = try program.result()
      #expect(run.status == 0)
      let recorded = try recorder.result()
      #expect(recorded.status == 0, "\(recorded.errors)")
      let text = try CTrace.run("report", "--format", "json", file)
      let report = try JSONDecoder().decode(Report.self, from: Data(text.output.utf8))
      try expectFutexWaits(
        report, waited: try #require(run.values["waited"]), isNamed: !flags.isEmpty)
    }

    @Test(.enabled(if: Machine.has("go"), "Go is not installed"))
    func `A Go program's waits are recorded by the kernel`() throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/contention"
      let built = try Program(
        ["go", "build", "-o", program, Workload.sources + "/contention.go"],
        environment: ["GOCACHE": folder.path + "/cache", "GOFLAGS": "-mod=mod"]
      ).result()
      #expect(built.status == 0, "\(built.errors)")
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0)
      #expect(recording.run.values["rounds"] == 80)
      let report = try recording.report()
      // Threads of the program park at futexes whenever no goroutine can run.
      let futexes = report.locks.filter { $0.kind == "futex" }
      #expect(futexes.reduce(0) { $0 + $1.contended } > 20)
      #expect(futexes.contains { $0.waiters.contains { $0.stack.count > 3 } })
      let functions = futexes.flatMap(\.waiters).flatMap(\.stack).map(\.function)
      #expect(functions.contains { $0.hasPrefix("runtime.") })
      #expect(report.threads.count > 1)
    }

    @Test func `All of the machine is recorded`() throws {
      let folder = try TemporaryFolder()
      let file = folder.path + "/t.ctrace"
      let recorder = try Program([
        CTrace.path, "record", "--quiet", "-o", file, "-a",
      ])
      try recorder.wait(for: "the recorder") { folder.bytes("t.ctrace").count > 100 }
      let run = try Program([
        Workload.build("futexes", flags: ["-static", "-fno-omit-frame-pointer"])
      ]).result()
      recorder.send(SIGINT)
      #expect(try recorder.result().status == 0)
      let text = try CTrace.run("report", "--format", "json", file)
      let report = try JSONDecoder().decode(Report.self, from: Data(text.output.utf8))
      let lock = try #require(report.locks.first { $0.name == "futex_mu" })
      #expect(isClose(lock.waitNs.total, try #require(run.values["waited"]), part: 0.1))
      #expect(Set(report.threads.map(\.pid)).count > 2)
    }
  }

  @Suite struct AttachErrors {
    @Test func `What can't be attached to is said in one line`() throws {
      let folder = try TemporaryFolder()
      for arguments in [
        ["-p", "0"], ["-p", "x"], ["-p", "2147483647"], ["-p", "1", "-a"], ["-p", "1", "true"],
      ] {
        let run = try Program(
          [CTrace.path, "record"] + arguments, directory: folder.path
        ).result()
        #expect(run.status == 2, "\(arguments): \(run.errors)")
        #expect(folder.names.isEmpty)
      }
    }

    @Test(.enabled(if: Machine.isRoot, "becoming an ordinary user needs root"))
    func `An ordinary user is told what recording from outside takes`() throws {
      let folder = try TemporaryFolder()
      chmod(folder.path, 0o777)
      let everything = try Program(
        [CTrace.path, "record", "-a"], directory: folder.path, user: Machine.nobody
      ).result()
      #expect(everything.status == 1)
      #expect(everything.errors.contains("root"))
      #expect(isOneLine(everything.errors))
      let other = try Program(
        [CTrace.path, "record", "-p", "1"], directory: folder.path, user: Machine.nobody
      ).result()
      #expect(other.status == 1)
      #expect(isOneLine(other.errors))
      #expect(folder.names.isEmpty)
    }

    @Test func `An ordinary user records the scheduling of an own process`() throws {
      let user = Machine.isRoot ? Machine.nobody : nil
      let folder = try TemporaryFolder()
      chmod(folder.path, 0o777)
      let program = try Program([Workload.build("futexes"), "wait"], user: user)
      try program.wait(for: "its number") { program.outputSoFar.hasSuffix("\n") }
      let pid = program.outputSoFar.split(separator: " ").last.map { $0.filter(\.isNumber) }
      let file = folder.path + "/t.ctrace"
      let recorder = try Program(
        [
          CTrace.path, "record", "--quiet", "-o", file, "--sched", "switches", "-p",
          try #require(pid),
        ], user: user)
      try recorder.wait(for: "the recorder") { folder.bytes("t.ctrace").count > 200 }
      program.send(SIGUSR1)
      #expect(try program.result().status == 0)
      #expect(try recorder.result().status == 0)
      let text = try CTrace.run("report", "--format", "json", file)
      let report = try JSONDecoder().decode(Report.self, from: Data(text.output.utf8))
      #expect(report.recording.scheduling == "switches")
      #expect(report.recording.notes.contains { $0.contains("tracepoints") })
      let holder = try #require(report.threads.first { $0.name == "holder" })
      #expect(holder.idleNs > 150_000_000)
    }
  }
}
