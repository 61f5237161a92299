import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// The runtime in programs that are hard on it: each behaves as it does alone, and is recorded.
  @Suite struct Runtime {
    @Test func `Every kind of mutex is counted, timed and returns what it returns alone`() throws {
      let recording = try TestRecording(Workload.build("mutex_kinds"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let parent = try #require(try recording.report().processes.first).pid
      // What happens to them after that: an error, another owner, a fork.
      let later: [String: UInt64] = [
        "normal": 1, "errorcheck": 1, "robust": 4, "robust_inherit": 4,
      ]
      for kind in [
        "normal", "recursive", "errorcheck", "adaptive", "inherit", "robust", "robust_inherit",
      ] {
        let lock = try recording.lock("\(kind)_mu", kind: "mutex")
        let expected = UInt64(try recording.value("\(kind)_acquisitions")) + (later[kind] ?? 0)
        #expect(lock.acquisitions == expected, "\(kind)")
        #expect(isClose(lock.waitNs.total, try recording.value("\(kind)_waited")), "\(kind)")
        #expect(lock.holders.first?.stack.first?.function == "hold", "\(kind)")
      }
      // Named by where it was initialised, in the child too, which has its memory from the parent.
      let shared = try recording.report().locks.filter { $0.kind == "mutex" && $0.name == "make" }
      let inParent = try #require(shared.first { $0.pid == parent })
      let inChild = try #require(shared.first { $0.pid != parent })
      #expect(inParent.acquisitions == UInt64(try recording.value("shared_acquisitions")) + 1)
      #expect(inChild.acquisitions == 1)
      #expect(inChild.contended == 1)
      // The parent held it for 30 ms, in which the child was forked.
      #expect(inChild.waitNs.total > 20_000_000)
    }

    @Test func `Initialisations, spinlocks and C11's names for things are recorded`() throws {
      let recording = try TestRecording(Workload.build("once_spin_c11"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let once = try recording.lock("slow_once", kind: "once")
      #expect(once.acquisitions == 1)
      #expect(once.contended == 3)
      #expect(isClose(once.waitNs.total, try recording.value("once_waited"), slack: 3_000_000))
      #expect(try recording.lock("slow_flag", kind: "once").contended == 3)
      let spin = try recording.lock("fought_spin", kind: "spinlock")
      #expect(spin.acquisitions == UInt64(try recording.value("spin_acquisitions")))
      #expect(isClose(spin.waitNs.total, try recording.value("spin_waited")))
      #expect(spin.waiters.first?.stack.first?.function == "want_spin")
      #expect(spin.holders.first?.stack.first?.function == "hold_spin")
      let mutex = try recording.lock("c11_mtx", kind: "mutex")
      #expect(isClose(mutex.waitNs.total, try recording.value("c11_mutex_waited")))
      let condition = try recording.lock("c11_cnd", kind: "condition")
      #expect(isClose(condition.waitNs.total, try recording.value("c11_condition_waited")))
    }

    @Test func `A semaphore that processes share is one, by name and by address`() throws {
      let recording = try TestRecording(Workload.build("named_semaphore"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let report = try recording.report()
      let rounds = UInt64(try recording.value("rounds"))
      for (name, children) in [
        ("/ctrace-work-", ["waited", "spawned_waited"]), ("/ctrace-hidden-", ["hidden_waited"]),
        ("make_unnamed", ["unnamed_waited"]),
      ] {
        let locks = report.locks.filter { $0.kind == "semaphore" && $0.name.hasPrefix(name) }
        try #require(locks.count == 1, "\(report.locks.map(\.name))")
        #expect(locks[0].acquisitions == rounds * UInt64(children.count), "\(name)")
        #expect(locks[0].contended == rounds * UInt64(children.count), "\(name)")
        let waited = try children.reduce(0) { try $0 + recording.value($1) }
        #expect(isClose(locks[0].waitNs.total, waited), "\(name)")
        #expect(locks[0].waiters.allSatisfy { $0.stack.first?.function == "child_waits" })
        let values = try #require(report.queues.first { $0.id == locks[0].id })
        // What the one process put in the others took out.
        #expect(values.enqueued == values.dequeued && values.enqueued == locks[0].acquisitions)
        #expect(values.depth.max == 1)
        #expect(values.depth.timeline.last ?? 0 < 0.5, "\(name)")
      }
    }

    @Test func `Conditions of before glibc 2.3.2 still work`() throws {
      let recording = try TestRecording(Workload.build("old_condition"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let lock = try recording.lock("old_cond", kind: "condition")
      #expect(lock.contended == UInt64(try recording.value("waits")))
      let waited = try recording.value("waited")
      #expect(lock.waitNs.total >= waited)
    }

    @Test func `Ten thousand short threads are all counted`() throws {
      let recording = try TestRecording(Workload.build("short_threads"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let report = try recording.report()
      #expect(report.threads.count == Int(try recording.value("threads")))
      #expect(report.recording.unrecordedThreads == 0)
      let acquisitions = try recording.lock("passed_mu").acquisitions
      #expect(acquisitions == UInt64(try recording.value("acquisitions")))
    }

    @Test func `A handle that a thread has left names another thread with its next use`() throws {
      // Too few threads to fill a ring, however late it is read.
      let recording = try TestRecording(Workload.build("short_threads"), "400")
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let report = try recording.report()
      #expect(report.recording.lostEvents == 0)
      let joins = report.locks.filter { $0.kind == "thread" }
      #expect(joins.count > 0)
      for lock in joins { #expect(lock.contended == 1) }
    }

    @Test func `A million locks are told apart`() throws {
      let recording = try TestRecording(Workload.build("many_locks"))
      let info = try CTrace.run("info", recording.file).output
      func number(_ name: String) -> Int? {
        info.split(separator: "\n").first { $0.hasPrefix(name) }?.split(separator: " ").dropFirst()
          .first.flatMap { Int($0) }
      }
      #expect(number("locks") == Int(try recording.value("locks")), "\(info)")
      #expect(number("acquisitions") == Int(try recording.value("acquisitions")), "\(info)")
      #expect(number("lost") == 0, "\(info)")
    }

    @Test func `What a process did before SIGKILL is all there`() throws {
      let recording = try TestRecording(Workload.build("killed"))
      #expect(recording.run.status == 128 + 9)
      let report = try recording.report()
      #expect(report.recording.signal == 9)
      #expect(report.recording.lostEvents == 0)
      let waited = try recording.lock("waited_mu")
      #expect(waited.contended == UInt64(try recording.value("waits")))
      #expect(waited.acquisitions == 2 * UInt64(try recording.value("waits")))
      #expect(isClose(waited.waitNs.total, try recording.value("waited")))
      #expect(try recording.lock("free_mu").acquisitions == UInt64(try recording.value("free")))
    }

    @Test func `A cancelled wait ends, and what comes after it counts`() throws {
      let recording = try TestRecording(Workload.build("cancelled"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let waits = try recording.lock("never", kind: "condition")
      #expect(waits.contended == UInt64(try recording.value("cancelled_waits")))
      let destructors = try recording.lock("destructor_mu")
      #expect(
        destructors.acquisitions == UInt64(try recording.value("destructor_acquisitions")))
    }

    @Test func `Signal handlers that lock are counted`() throws {
      let recording = try TestRecording(Workload.build("signals"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let report = try recording.report()
      let main = try recording.lock("main_mu")
      #expect(main.acquisitions == UInt64(try recording.value("main")))
      // A handler that interrupts the runtime itself can't be counted by lock, and that is counted.
      let handlers = UInt64(try recording.value("handlers"))
      let counted = try recording.lock("handler_mu").acquisitions
      #expect(counted <= handlers)
      // Each such handler makes three calls.
      #expect(handlers - counted <= report.recording.uncountedCalls)
      #expect(report.recording.uncountedCalls <= 3 * (handlers - counted))
    }

    @Test func `A library that is loaded and unloaded is known by its functions`() throws {
      let plugin = try Workload.build("plugin", flags: ["-shared", "-fPIC"])
      let recording = try TestRecording(Workload.build("loads_plugin"), plugin)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let locks = try recording.report().locks.filter { $0.name.hasPrefix("plugin_mu") }
      #expect(locks.reduce(0) { $0 + $1.contended } == UInt64(try recording.value("rounds")))
      for lock in locks {
        #expect(lock.waiters.allSatisfy { $0.stack.first?.function == "plugin_waiter" })
        #expect(lock.holders.allSatisfy { $0.stack.first?.function == "plugin_holder" })
      }
    }

    @Test func `A library that is preloaded already sees each call that the program makes`() throws
    {
      let counter = try Workload.build("counting_preload", flags: ["-shared", "-fPIC"])
      let program = try Workload.build("uncontended")
      let command = ["env", "LD_PRELOAD=\(counter)", program]
      let bare = try Program(command).result().values
      let recording = try TestRecording("env", "LD_PRELOAD=\(counter)", program)
      for name in ["preload_locks", "preload_tries", "preload_unlocks"] {
        #expect(try recording.value(name) == bare[name], "\(name)")
      }
      let lock = try recording.lock("passed_mu")
      #expect(lock.acquisitions == UInt64(try recording.value("passed_mu")))
      // Also when it was preloaded into ctrace itself.
      let second = try TestRecording(program, environment: ["LD_PRELOAD": counter])
      #expect(second.run.status == 0)
      #expect(
        try second.lock("passed_mu").acquisitions == UInt64(try second.value("passed_mu")))
    }

    @Test(arguments: ["libjemalloc.so.2", "libtcmalloc_minimal.so.4"])
    func `Allocators that lock work`(library: String) throws {
      guard let path = try Machine.sharedObject(library) else {
        try Test.cancel("\(library) is not installed")
      }
      let recording = try TestRecording(
        "env", "LD_PRELOAD=\(path)", Workload.build("short_threads"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(
        try recording.lock("passed_mu").acquisitions
          == UInt64(try recording.value("acquisitions")))
      let linked = try TestRecording(
        Workload.build("held_lock", flags: ["-Wl,--no-as-needed", path]))
      #expect(linked.run.status == 0, "\(linked.run.errors)")
      #expect(try linked.lock("held_mu").contended == 100)
    }

    @Test(arguments: ["address", "thread", "undefined", "leak"])
    func `Sanitised programs work, and find what they find alone`(sanitizer: String) throws {
      let program: String
      do {
        program = try Workload.build("held_lock", flags: ["-fsanitize=\(sanitizer)"])
        _ = try Workload.build("inversion", flags: ["-fsanitize=\(sanitizer)"])
      } catch { try Test.cancel("this compiler has no \(sanitizer) sanitizer: \(error)") }
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let lock = try recording.lock("held_mu")
      #expect(lock.contended == 100)
      #expect(isClose(lock.waitNs.total, try recording.value("waited")))
      let inverted = try Workload.build("inversion", flags: ["-fsanitize=\(sanitizer)"])
      let bare = try Program.run(inverted)
      #expect(try TestRecording(inverted).run.status == bare.status)
      if sanitizer == "thread" { #expect(bare.status != 0) }
    }

    @Test func `A process is recorded at every place in a tree of forks and execs`() throws {
      let recording = try TestRecording(Workload.build("fork_tree"))
      #expect(recording.run.status == 33)
      let report = try recording.report()
      let counts = report.locks.filter { $0.name == "tree_mu" }.map(\.acquisitions).sorted()
      // A fork that goes on to execute has locked nothing.
      #expect(counts == [10, 20, 30, 40, 1000, 1001, 1002, 1003])
      let pids = Set(report.processes.map(\.pid))
      #expect(pids.count == 8)
      let root = try #require(report.processes.first)
      #expect(report.processes.allSatisfy { $0 == root || pids.contains($0.parent) })
    }

    @Test func `Every way to start a process leads to the recording`() throws {
      let recording = try TestRecording(
        Workload.build("spawners"), environment: ["CTRACE_TEST": "kept"])
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let counts = try recording.report().locks.filter { $0.name == "child_mu" }.map(\.acquisitions)
      #expect(counts.sorted() == Array(100...110))
    }

    @Test func `A daemon that closes every descriptor is recorded to its end`() throws {
      let folder = try TemporaryFolder()
      let recording = try TestRecording(Workload.build("daemon"), folder.path + "/waited")
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let waited = try #require(Int64(folder.text("waited")))
      #expect(isClose(try recording.lock("daemon_mu").waitNs.total, waited))
      #expect(Set(try recording.report().processes.map(\.pid)).count == 3)
    }

    @Test func `A program that can't be looked into runs, and the report says so first`() throws {
      // The kernel's tracepoints would tell of futexes.
      let recording = try TestRecording(
        Workload.build("uncontended", flags: ["-static"]), options: ["--sched", "procfs"])
      #expect(recording.run.status == 0)
      #expect(recording.run.values["passed_mu"] == 8000)
      let text = try CTrace.run("report", recording.file).output
      let top = text.split(separator: "\n").prefix(4).joined(separator: " ")
      #expect(top.contains("linked statically"))
      #expect(try recording.report().recording.notes.first?.contains("linked statically") == true)
      #expect(try recording.report().findings.first?.kind == "not-recorded")
      // Also as a child of one that can.
      let parent = try TestRecording(
        "sh", "-c", "\"$0\"; true", Workload.build("uncontended", flags: ["-static"]))
      let absent = try #require(try parent.report().processes.first { !$0.recorded })
      #expect(absent.name.hasPrefix("uncontended"))
      #expect(try parent.report().recording.notes.contains { $0.contains("linked statically") })
    }

    @Test func `A program with the rights of another user runs, and the report says so`() throws {
      guard Machine.isRoot else {
        try Test.cancel("only root can make a program that runs as another user")
      }
      let folder = try TemporaryFolder()
      let program = folder.path + "/setuid"
      for command in [
        ["cp", try Workload.build("uncontended"), program], ["chown", "nobody", program],
        ["chmod", "4755", program],
      ] { #expect(try Program(command).result().status == 0) }
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(recording.run.values["passed_mu"] == 8000)
      #expect(try recording.report().recording.notes.first?.contains("setuid") == true)
      let parent = try TestRecording("sh", "-c", "\"$0\"; true", program)
      #expect(try parent.report().processes.contains { !$0.recorded && $0.name == "setuid" })
    }

    @Test(arguments: ["rings", "all", "counts"], [1, 2, 3])
    func `A program that writes over its recording harms nobody`(what: String, seed: Int) throws {
      let recording = try TestRecording(Workload.build("scribble"), what, "\(seed)")
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.value("found") > 0)
      #expect(try CTrace.run("info", recording.file).status == 0)
      _ = try recording.report()
      let exported = try CTrace.run("export", recording.file, "-o", "/dev/null")
      #expect(exported.status == 0, "\(exported.errors)")
    }
  }
}
