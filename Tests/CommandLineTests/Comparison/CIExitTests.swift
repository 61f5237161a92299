import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// Each exit status of `ctrace ci`, and the verdict in JSON that goes with it.
@Suite struct CIExitTests {
  @Test func `A program that does nothing wrong passes`() throws {
    let (run, comparison) = try GateRun().comparison("--", "true")
    #expect(run.status == 0 && comparison.exitCode == 0 && comparison.verdict == .pass)
    #expect(comparison.head.runs == 1 && comparison.base == nil)
    #expect(comparison.head.program == ["true"])
  }

  @Test func `A runtime that is missing is an error of ours`() throws {
    let gate = try GateRun()
    let copy = gate.folder.path + "/ctrace"
    try FileManager.default.copyItem(atPath: CTrace.path, toPath: copy)
    let run = try Program([copy, "ci", "--", "true"], directory: gate.folder.path).result()
    #expect(run.status == 1)
    #expect(run.errors.contains("libctrace-runtime.so is missing"))
  }

  @Test func `Locks in opposite orders fail in one run`() throws {
    let program = try Workload.build("lock_order")
    let (run, comparison) = try GateRun().comparison("--", program, "inverted")
    #expect(run.status == 3 && comparison.exitCode == 3 && comparison.verdict == .regression)
    let failed = comparison.gates.filter(\.fails)
    #expect(failed.map(\.metric) == [.lockOrder] && failed.map(\.tier) == [.fact])
    // What is so needs no confirming.
    #expect(comparison.head.runs == 1 && failed.first?.confirmed == nil)
    let fine = try GateRun().ci("--", program, "gated")
    #expect(fine.status == 0, "\(fine.errors)")
  }

  @Test func `Locks that threads left locked fail in one run`() throws {
    let program = try Workload.build("left_locked")
    let (run, comparison) = try GateRun().comparison("--", program, "mutex")
    #expect(run.status == 3)
    #expect(comparison.gates.filter(\.fails).map(\.metric) == [.leftLocked])
    #expect(comparison.gates.filter(\.fails).map(\.subject.name) == ["left_mu"])
    #expect(try GateRun().ci("--", program, "unlocked").status == 0)
  }

  @Test func `A deadlock fails, and does not hang`() throws {
    let program = try Workload.build("deadlock")
    let (run, comparison) = try GateRun().comparison("--", program, "ring", "2")
    #expect(run.status == 3, "\(run.errors)")
    #expect(comparison.gates.first { $0.fails }?.metric == .deadlock)
    #expect(comparison.notes.contains { $0.contains("run 1 hung in a deadlock") })
    // Where deadlocks are no failure, the program failed that had to be ended.
    let gate = try GateRun(configuration: "gate:\n  facts: []\n")
    #expect(try gate.ci("--", program, "ring", "2").status == 5)
  }

  @Test func `Without a baseline there is not enough to tell`() throws {
    let gate = try GateRun()
    for (policy, status) in [("pass", 0), ("warn", 0), ("fail", 4)] as [(String, Int32)] {
      let (run, comparison) = try gate.comparison(
        "--baseline", "none.json", "--inconclusive", policy, "--", "true")
      #expect(run.status == status && comparison.exitCode == status, "\(policy)")
      #expect(comparison.verdict == .inconclusive)
      #expect(
        comparison.notes.contains {
          $0.contains("ctrace ci --save-baseline none.json -- true")
        }, "\(comparison.notes)")
      #expect(run.errors.contains("INCONCLUSIVE") == (policy == "warn"))
    }
    #expect(gate.folder.names.isEmpty)
  }

  @Test func `Two runs a side are too few to tell`() throws {
    let same = GateRun.contend(20)
    let (run, comparison) = try GateRun().comparison(
      "--base", same, "--head", same, "--runs", "2", "--inconclusive", "fail")
    #expect(run.status == 4 && comparison.verdict == .inconclusive)
    #expect(comparison.notes.contains { $0.contains("too few to tell") })
  }

  @Test func `A program that fails is no regression`() throws {
    let gate = try GateRun()
    let (run, comparison) = try gate.comparison(
      "--", "sh", "-c", "echo one; echo two >&2; exit 7")
    #expect(run.status == 5 && comparison.exitCode == 5 && comparison.verdict == .programFailed)
    let failure = try #require(comparison.failure)
    #expect(failure.run == 1 && failure.side == "head" && failure.exitCode == 7)
    #expect(failure.signal == nil && failure.output == ["one", "two"])
    #expect(failure.command == "sh -c 'echo one; echo two >&2; exit 7'")
    // In the text too, with what it wrote last.
    let text = try gate.ci("--", "sh", "-c", "echo one; echo two >&2; exit 7")
    #expect(text.status == 5)
    #expect(text.output.contains("exited 7 in run 1") && text.output.contains("two"))
  }

  @Test func `A program that is killed failed, and so did the base`() throws {
    let (run, comparison) = try GateRun().comparison(
      "--base", "kill -SEGV $$", "--head", "true", "--runs", "5")
    #expect(run.status == 5)
    let failure = try #require(comparison.failure)
    #expect(failure.run == 1 && failure.side == "base" && failure.signal == SIGSEGV)
    #expect(failure.exitCode == nil && comparison.head.runs == 0)
  }

  @Test func `The exit status that is right can be another`() throws {
    let gate = try GateRun()
    #expect(try gate.ci("--expect-exit", "7", "--", "sh", "-c", "exit 7").status == 0)
    #expect(try gate.ci("--expect-exit", "7", "--", "true").status == 5)
    let configured = try GateRun(configuration: "gate:\n  expect_exit: 7\n")
    #expect(try configured.ci("--", "sh", "-c", "exit 7").status == 0)
    // Options come before the file.
    #expect(try configured.ci("--expect-exit", "0", "--", "true").status == 0)
  }

  @Test func `A program that takes too long is ended`() throws {
    let (run, comparison) = try GateRun().comparison(
      "--timeout", "300ms", "--", "sh", "-c", "sleep 1000; true")
    #expect(run.status == 5)
    #expect(comparison.failure?.longestNs == 300_000_000)
  }

  @Test func `Recordings that lost events judge nothing`() throws {
    let overload = try Workload.build("overload")
    // The recorder sleeps while more is written than rings hold.
    let program = "kill -STOP $PPID; \(overload) 60000; kill -CONT $PPID"
    let (run, comparison) = try GateRun().comparison("--", "sh", "-c", program)
    #expect(run.status == 6 && comparison.exitCode == 6 && comparison.verdict == .lossy)
    #expect(comparison.head.lost > 0)
  }

  @Test func `Ctrl-C ends the program and the command, and leaves nothing`() throws {
    let gate = try GateRun()
    let temporary = try TemporaryFolder()
    let program = try Program(
      [
        CTrace.path, "ci", "--", "sh", "-c",
        "echo $$ > pid; trap '' INT; while :; do sleep 1; done",
      ], environment: ["TMPDIR": temporary.path], directory: gate.folder.path)
    try program.wait(for: "the program's number") { !gate.folder.text("pid").isEmpty }
    #expect(!temporary.names.isEmpty)
    program.send(SIGINT)
    // It does not mind the first.
    program.send(SIGINT)
    while (try? program.result(longest: 0.05)) == nil { program.send(SIGINT) }
    let number = try #require(
      Int32(gate.folder.text("pid").trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(number, 0) != 0)
    #expect(temporary.names.isEmpty)
  }
}
