import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Locks that are made of futexes without libc, in programs that time their own waits.
  @Suite struct Futexes {
    /// The lock that was waited for in a function.
    private func lock(waitedForIn function: String, _ recording: TestRecording) throws
      -> LockSummary
    {
      let locks = try recording.report().locks.filter {
        $0.kind != "thread"
          && $0.waiters.contains { $0.stack.first?.function.hasSuffix(function) == true }
      }
      let found = locks.max { $0.waitNs.total < $1.waitNs.total }
      return try #require(found, "nobody waited in \(function)")
    }

    /// Checks one lock's waits against the program's own measure: its kind, where it was waited for, how
    /// often and how long, and who let go of it.
    private func check(
      _ recording: TestRecording, waiter: String, kind: String, measured: String, holder: String?,
      rounds: Int64? = nil
    ) throws {
      let lock = try lock(waitedForIn: waiter, recording)
      let waits = try #require(
        lock.waiters.first { $0.stack.first?.function.hasSuffix(waiter) == true })
      #expect(lock.kind == kind, "\(measured)")
      let expected = try rounds ?? recording.value("rounds")
      #expect(waits.count == UInt64(expected), "\(measured)")
      try recording.expect(waits.waitNs, isMeasuredAs: measured)
      guard let holder else { return }
      let release = try #require(lock.holders.first, "\(measured)")
      #expect(release.stack.first?.function.hasSuffix(holder) == true, "\(measured)")
      // Each wait until it is let go of: after that the waiter may have had no CPU.
      #expect(release.blamedNs <= waits.waitNs, "\(measured)")
      try recording.expect(release.blamedNs, isMeasuredAs: measured)
    }

    /// The compilers of Rust that are there: what their libraries call their locks differs by version.
    static let rustCompilers: [String] = {
      let found = [Machine.find("rustc"), "/usr/bin/rustc"].compactMap { $0 }
      return Set(found).filter { access($0, X_OK) == 0 }.sorted()
    }()

    @Test(
      .enabled(if: !rustCompilers.isEmpty, "Rust is not installed"), arguments: rustCompilers)
    func `What Rust's locks are is told by who waits in them`(compiler: String) throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/futex_locks"
      let built = try Program([
        compiler, "--edition", "2021", "-O", "-g", "-o", program,
        Workload.sources + "/futex_locks.rs",
      ]).result()
      #expect(built.status == 0, "\(built.errors)")
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      try check(
        recording, waiter: "want_mutex", kind: "mutex", measured: "mutex", holder: "hold_mutex")
      try check(
        recording, waiter: "want_rwlock", kind: "rwlock", measured: "rwlock",
        holder: "hold_rwlock")
      try check(
        recording, waiter: "wait_condition", kind: "condition", measured: "condition", holder: nil)
      try check(
        recording, waiter: "meet_early", kind: "barrier", measured: "barrier", holder: nil)
      try check(
        recording, waiter: "park_here", kind: "condition", measured: "park", holder: nil)
      // Before version 1.65 a thread waits at its own parker for what is done once.
      let once = try lock(waitedForIn: "want_once", recording)
      try check(
        recording, waiter: "want_once", kind: once.kind == "once" ? "once" : "condition",
        measured: "once", holder: once.kind == "once" ? "run_once" : nil, rounds: 1)
      #expect(try recording.report().locks.contains { $0.name == "futex_locks::RUST_MUTEX" })
      let waiter = try recording.thread("waiter")
      let contended = try recording.value("mutex") + recording.value("rwlock")
      #expect(waiter.lockWaitNs + waiter.runnableNs >= contended * 9 / 10)
      let whole = try contended + recording.value("once") + recording.value("condition")
      #expect(waiter.lockWaitNs <= whole)
    }

    @Test func `Swift's own mutexes tell their owner`() throws {
      let folder = try TemporaryFolder()
      let program = folder.path + "/futex_locks"
      let built = try Program([
        "swiftc", "-O", "-g", "-o", program, Workload.sources + "/futex_locks.swift",
      ]).result()
      #expect(built.status == 0, "\(built.errors)")
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      // Both mutexes are in one object: each is named by its own waiters.
      for (name, other) in [("First", "first"), ("Second", "second")] {
        try check(
          recording, waiter: "want\(name)()", kind: "mutex", measured: other,
          holder: "hold\(name)()")
        let lock = try lock(waitedForIn: "want\(name)()", recording)
        #expect(lock.name.hasSuffix("want\(name)()"))
        #expect(lock.acquisitions == lock.contended)
      }
      let waiter = try recording.thread("waiter")
      #expect(waiter.waitedMostFor?.owner == "holder")
    }

    @Test func `A wait for an atomic of C++20 is a wait at a futex`() throws {
      let program = try Workload.build(
        "atomic_wait.cpp", flags: ["-std=c++20"], compiler: "c++", output: "atomic_wait")
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      try check(
        recording, waiter: "await_it", kind: "futex", measured: "waited", holder: "change_it")
      #expect(try recording.report().locks.contains { $0.name == "atomic_word" })
      // Nobody holds it: waiting for it is no contention.
      #expect(try recording.thread("waiter").lockWaitNs == 0)
    }

    @Test(.enabled(if: Library.glib.isInstalled, "libglib2.0-dev is not installed"))
    func `glib's locks are told apart though most of its functions have no name`() throws {
      let program = try Workload.build("glib_locks", flags: Library.glib.flags)
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      try check(
        recording, waiter: "want_mutex", kind: "mutex", measured: "mutex", holder: "hold_mutex")
      try check(
        recording, waiter: "wait_condition", kind: "condition", measured: "condition", holder: nil)
      try check(
        recording, waiter: "want_rwlock", kind: "rwlock", measured: "rwlock",
        holder: "hold_rwlock")
      try check(recording, waiter: "want_bit", kind: "mutex", measured: "bit", holder: "hold_bit")
      let names = try recording.report().locks.map(\.name)
      // The word of a condition is not its first.
      for name in ["glib_mutex", "glib_condition+8", "hold_rwlock", "bit_word"] {
        #expect(names.contains(name), "\(name)")
      }
    }

    @Test func `Calls of the kernel give the same with and without ctrace`() throws {
      let program = try Workload.build("raw_syscalls")
      let bare = try Program.run(program)
      #expect(bare.status == 0, "\(bare.errors)")
      #expect(bare.output.split(separator: "\n").count > 150)
      let recording = try TestRecording(program)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(recording.run.output == bare.output)
      // Two children without libc's help, each a process of its own.
      #expect(try recording.report().processes.count >= 2)
    }
  }
}

extension TestRecording {
  /// Checks a sum of waits: it is no less than what the other thread saw of them, `NAME_held`, and no more
  /// than the waiter measured around its calls.
  func expect(_ time: Int64, isMeasuredAs name: String) throws {
    let (least, most) = (try value("\(name)_held"), try value(name))
    #expect(time >= least - least / 100, "\(name)")
    #expect(time <= most + most / 100, "\(name)")
  }
}
