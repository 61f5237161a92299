import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// A source of scheduling, and how to record with it: the kernel's tracepoints as root, switches as
/// an ordinary user, whom a test that runs as root becomes.
struct Source: CustomTestStringConvertible, Sendable {
  var name: String
  var user: UInt32?
  var testDescription: String { name }

  static let kernel = Source(name: "kernel", user: nil)
  static let switches = Source(name: "switches", user: Machine.isRoot ? Machine.nobody : nil)

  /// Those that this machine and user allow.
  static let all: [Source] = (hasTracepoints ? [kernel] : []) + [switches]

  /// Whether the kernel's tracepoints can be had at all.
  static let hasTracepoints =
    (try? TestRecording("true", options: ["--sched", "kernel"]))?.run.status == 0

  func record(_ command: String...) throws -> TestRecording {
    let recording: TestRecording
    switch command.count {
    case 1: recording = try TestRecording(command[0], options: ["--sched", name], user: user)
    case 2:
      recording = try TestRecording(
        command[0], command[1], options: ["--sched", name], user: user)
    default:
      recording = try TestRecording(
        command[0], command[1], command[2], options: ["--sched", name], user: user)
    }
    #expect(recording.run.status == 0, "\(recording.run.errors)")
    #expect(try recording.report().recording.scheduling == name)
    return recording
  }
}

extension RecordingTests {
  @Suite struct Scheduling {
    /// The split of the waits for a lock, of which the parts are checked to sum to the waits.
    private func split(_ recording: TestRecording, _ lock: String) throws -> WaitSplitSummary {
      let lock = try recording.lock(lock)
      let split = try #require(lock.waitSplitNs)
      #expect(split.waits == lock.contended)
      let parts = [
        split.holderRunning, split.holderPreempted, split.holderInLockWait,
        split.holderInQueueWait, split.holderSleeping, split.runQueue, split.other,
      ]
      #expect(isClose(parts.reduce(0, +), lock.waitNs.total, part: 0.01, slack: 1000))
      return split
    }

    /// What a holder that sleeps 5 ms each time can have slept while it was waited for.
    private func asleepTime(_ recording: TestRecording) throws -> ClosedRange<Int64> {
      (try recording.value("rounds")) * 4_900_000...(try recording.value("waited"))
    }

    /// The times of every thread sum to its life.
    private func expectWholeLives(_ recording: TestRecording) throws {
      for thread in try recording.report().threads {
        let parts =
          thread.runNs + thread.runnableNs + thread.lockWaitNs + thread.queueWaitNs
          + thread.idleNs
        #expect(isClose(parts, thread.endNs - thread.startNs, part: 0.01, slack: 1))
      }
    }

    @Test(arguments: Source.all)
    func `A holder that sleeps is told from one that computes`(source: Source) throws {
      let sleeping = try source.record(Workload.build("holders"), "sleep")
      let asleep = try split(sleeping, "first_mu")
      #expect(try asleepTime(sleeping).contains(asleep.holderSleeping))
      #expect(asleep.holderRunning < asleep.holderSleeping / 10)
      #expect(try sleeping.lock("first_mu").heldUpBy.first?.kind == "sleep")
      try expectWholeLives(sleeping)

      let computing = try source.record(Workload.build("holders"), "compute")
      let awake = try split(computing, "first_mu")
      // Until the holder has seen that it is waited for, it runs as well.
      let computed = try computing.value("computed")
      #expect(
        (computed - computed / 20...(try computing.value("waited"))).contains(awake.holderRunning))
      #expect(awake.holderSleeping < awake.holderRunning / 10)
      try expectWholeLives(computing)
    }

    @Test(arguments: Source.all)
    func `A holder that is preempted is blamed for that, and not for its hold`(source: Source)
      throws
    {
      let recording = try source.record(Workload.build("holders"), "preempted")
      let split = try split(recording, "first_mu")
      let (held, computed) = (try recording.value("held"), try recording.value("computed"))
      #expect(held > computed * 3 / 2, "the machine gave the holder a CPU of its own")
      let stolen = try recording.value("stolen")
      #expect(isClose(split.holderRunning, computed, slack: 4_000_000 + stolen))
      // Until the holder has seen that it is waited for, it may be preempted as well.
      let most = try recording.value("waited") - computed
      #expect((held - computed - computed / 20 - stolen...most).contains(split.holderPreempted))
      #expect(try #require(recording.thread("holder").switches).preempted > 0)
      try expectWholeLives(recording)
    }

    @Test(arguments: Source.all)
    func `A waiter that gets no CPU after the release waits in the run queue`(source: Source) throws
    {
      let recording = try source.record(Workload.build("holders"), "runqueue")
      let split = try split(recording, "first_mu")
      let latency = try recording.value("latency")
      #expect(isClose(split.runQueue + split.other, latency, part: 0.1, slack: 2_000_000))
      #expect(split.runQueue > split.other)
      #expect(try #require(recording.thread("waiter").runQueueNs).total >= split.runQueue)
    }

    @Test(arguments: Source.all)
    func `A chain of three locks is followed to the thread that sleeps`(source: Source) throws {
      let recording = try source.record(Workload.build("holders"), "chain")
      let chain = try #require(try recording.report().chains.first)
      #expect(chain.links.map(\.name) == ["first_mu", "second_mu", "third_mu"])
      #expect(chain.links.map(\.holder) == ["first", "middle", "last"])
      #expect(
        chain.links.map(\.doing) == [
          "waiting for a lock", "waiting for a lock", "sleeping or I/O",
        ])
      #expect(isClose(chain.waitNs, try recording.value("waited")))
      let split = try split(recording, "first_mu")
      #expect(isClose(split.holderInLockWait, try recording.value("waited"), part: 0.1))
      // All of the run is the sleep of the last one.
      let path = try recording.report().criticalPath
      #expect(path.first?.name == "last")
      #expect(path.first?.doing == "sleeping or I/O")
      let last = try #require(try recording.report().threads.first { $0.tid == $0.pid })
      #expect(
        isClose(path.reduce(0) { $0 + $1.ns }, last.endNs - last.startNs, part: 0.02))
    }

    @Test(arguments: Source.all)
    func `A holder in another process is told what it did as well`(source: Source) throws {
      let recording = try source.record(Workload.build("shared_holder"))
      let child = Int32(try recording.value("child"))
      let lock = try #require(
        try recording.report().locks.first { $0.kind == "mutex" && $0.pid != child })
      #expect(lock.contended == 20)
      let split = try #require(lock.waitSplitNs)
      #expect(split.waits == 20)
      #expect((98_000_000...(try recording.value("waited"))).contains(split.holderSleeping))
      let chain = try #require(try recording.report().chains.first { $0.links[0].lock == lock.id })
      #expect(chain.links[0].pid == child)
      #expect(chain.links[0].doing == "sleeping or I/O")
    }

    @Test(arguments: Source.all)
    func `Time on a CPU is what the kernel counted`(source: Source) throws {
      let recording = try source.record(Workload.build("holders"), "compute")
      let counted = try recording.value("holder_cpu")
      let ran = try recording.thread("holder").runNs
      #expect(ran > counted - counted / 20)
      #expect(ran < counted + counted / 20 + (try recording.value("stolen")))
    }

    @Test(arguments: Source.all)
    func `Switches are as many as the kernel counted`(source: Source) throws {
      let recording = try source.record(Workload.build("pipe_pong"))
      for name in ["ping", "pong"] {
        let thread = try recording.thread(name)
        #expect(
          Int64(try #require(thread.switches).voluntary)
            == (try recording.value("\(name)_voluntary")))
      }
    }

    @Test(arguments: Source.all.map(\.name) + ["procfs", "off"])
    func `What a free lock would save is what the run without it saves`(source: String) throws {
      let program = try Workload.build("holders")
      let recording = try TestRecording(program, "many", options: ["--sched", source])
      let free = try TestRecording(program, "many", "free", options: ["--sched", source])
      let saved = try recording.value("lasted") - free.value("lasted")
      let estimate = try #require(try recording.lock("first_mu").ifFreeNs)
      #expect(isClose(estimate, saved, part: 0.15, slack: 20_000_000))
    }

    @Test func `Every source gives the same totals of locks`() throws {
      for source in Source.all.map(\.name) + ["procfs", "off"] {
        let recording = try TestRecording(
          Workload.build("held_lock"), options: ["--sched", source])
        #expect(recording.run.status == 0, "\(recording.run.errors)")
        #expect(try recording.report().recording.scheduling == source)
        let lock = try recording.lock("held_mu")
        #expect(lock.contended == 100)
        #expect(isClose(lock.waitNs.total, try recording.value("waited")))
        try expectWholeLives(recording)
      }
    }

    @Test func `Threads stamp with the system's clock where they are told to`() throws {
      for source in Source.all {
        let recording = try TestRecording(
          Workload.build("holders"), "sleep",
          options: ["--clock", "monotonic", "--sched", source.name])
        #expect(recording.run.status == 0, "\(recording.run.errors)")
        let lock = try recording.lock("first_mu")
        #expect(isClose(lock.waitNs.total, try recording.value("waited")))
        let split = try split(recording, "first_mu")
        #expect(try asleepTime(recording).contains(split.holderSleeping))
      }
    }

    @Test(.enabled(if: Source.hasTracepoints, "the kernel's tracepoints need root"))
    func `Another process's wakeups and those of interrupts are told`() throws {
      let recording = try TestRecording(
        Workload.build("holders"), "preempted", options: ["--sched", "kernel"])
      let holder = try recording.thread("holder")
      // It sleeps until it is waited for, on a CPU that is never idle: some kernels tell nothing of what
      // happens on idle ones.
      let interrupts = holder.wakers.first { $0.name == "interrupt" }?.count ?? 0
      #expect(interrupts > 0)
      let waiter = try recording.thread("waiter")
      #expect(waiter.wakers.first?.name == "holder")
    }

    @Test func `Switches that the kernel had no room for are counted`() throws {
      let folder = try TemporaryFolder()
      chmod(folder.path, 0o777)
      let file = folder.path + "/t.ctrace"
      // An ordinary user's rings are small.
      let recorder = try Program(
        [
          CTrace.path, "record", "-q", "--sched", "switches", "-o", file,
          Workload.build("pipe_pong"), "50000",
        ], user: Source.switches.user)
      try recorder.wait(for: "the program") { recorder.outputSoFar.hasSuffix("\n") }
      let number = recorder.outputSoFar.split(separator: " ").last.map { $0.filter(\.isNumber) }
      let pid = try #require(number.flatMap { Int32($0) })
      recorder.send(SIGSTOP)
      kill(pid, SIGUSR1)
      try recorder.wait(for: "its end") { recorder.outputSoFar.contains("rounds 50000") }
      recorder.send(SIGCONT)
      let run = try recorder.result()
      #expect(run.status == 0, "\(run.errors)")
      let text = try CTrace.run("report", "--format", "json", file)
      let report = try JSONDecoder().decode(Report.self, from: Data(text.output.utf8))
      #expect(report.recording.lostEvents > 0)
      // Of each switch the kernel tells twice: that a thread left, and that one came.
      let counted = report.recording.events + report.recording.lostEvents
      #expect(counted >= 100_000)
      #expect(try CTrace.run("report", file).output.contains(" lost"))
    }

    @Test(.enabled(if: Machine.isRoot, "becoming an ordinary user needs root"))
    func `An ordinary user records switches, and is told what more takes`() throws {
      let recording = try TestRecording(
        Workload.build("held_lock"), user: Machine.nobody)
      let summary = try recording.report().recording
      #expect(summary.scheduling == "switches")
      #expect(summary.schedulingReason.contains("root"))
      let text = try CTrace.run("report", recording.file).output
      #expect(text.contains("scheduling: switches; the kernel's tracepoints: needs root"))
      let refused = try TestRecording(
        Workload.build("held_lock"), options: ["--sched", "kernel"], user: Machine.nobody)
      #expect(refused.run.status == 1)
      #expect(refused.run.output.isEmpty)
      #expect(isOneLine(refused.run.errors))
    }
  }
}
