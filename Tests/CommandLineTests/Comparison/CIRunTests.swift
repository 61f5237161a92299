import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// How `ctrace ci` runs programs, and what it makes of budgets, differences and baselines.
@Suite struct CIRunTests {
  @Test func `Sides take turns, and neither always goes first`() throws {
    let gate = try GateRun()
    let run = try gate.ci(
      "--base", "echo base >> order", "--head", "echo head >> order", "--runs", "4")
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      gate.folder.text("order").split(separator: "\n") == [
        "base", "head", "head", "base", "base", "head", "head", "base",
      ])
    #expect(gate.folder.names == ["order"])
  }

  @Test func `A lock that is held four times as long fails, and must do so twice`() throws {
    let (run, comparison) = try GateRun().comparison(
      "--base", GateRun.contend(5), "--head", GateRun.contend(20), "--min-abs", "5ms")
    #expect(run.status == 3, "\(run.errors)")
    let failed = comparison.gates.filter(\.fails)
    #expect(failed.contains { $0.metric == .utilisation && $0.tier == .difference })
    #expect(failed.allSatisfy { $0.confirmed == true })
    #expect(comparison.comparability == .interleaved)
    #expect(comparison.base?.runs == 10 && comparison.head.runs == 10)
    #expect(run.errors.contains("to confirm what failed"))
  }

  @Test func `What is slow in the first batch only passes`() throws {
    let gate = try GateRun()
    // Of each side ten runs are the first batch.
    let head = """
      echo run >> runs; if [ $(wc -l < runs) -le 10 ]; then \(GateRun.contend(20)); fi; \
      \(GateRun.contend(5))
      """
    let (run, comparison) = try gate.comparison(
      "--base", GateRun.contend(5), "--head", head, "--min-abs", "5ms")
    #expect(run.status == 0 && comparison.verdict == .pass, "\(run.errors)")
    #expect(comparison.gates.contains { $0.verdict == .regressed && $0.confirmed == false })
    #expect(gate.folder.text("runs").split(separator: "\n").count == 20)
    // Without a second batch it fails.
    try gate.folder.write([], to: "runs")
    let hasty = try gate.ci(
      "--base", GateRun.contend(5), "--head", head, "--min-abs", "5ms", "--no-confirm")
    #expect(hasty.status == 3)
    #expect(gate.folder.text("runs").split(separator: "\n").count == 10)
  }

  @Test func `Budgets are met or exceeded, and an excess must be there twice`() throws {
    let gate = try GateRun()
    // One thread waits each time until the other has had the lock for 10 ms.
    let held = try Workload.build("held_lock")
    let (run, comparison) = try gate.comparison("--budget", "wait=1ms", "--", held)
    #expect(run.status == 3, "\(run.errors)")
    let failed = comparison.gates.filter(\.fails)
    #expect(!failed.isEmpty && failed.allSatisfy { $0.tier == .budget && $0.metric == .wait })
    #expect(failed.allSatisfy { $0.limit == 1_000_000 && $0.confirmed == true })
    let met = try gate.comparison(
      "--budget", "wait=1000s", "--budget", "utilisation=100%", "--", held)
    #expect(met.run.status == 0)
    #expect(met.comparison.gates.contains { $0.verdict == .met && $0.metric == .wait })

    let once = """
      if [ -e second ]; then \(GateRun.contend(0)); fi; touch second; exec \(held)
      """
    let lucky = try gate.comparison("--budget", "wait=1ms", "--", "sh", "-c", once)
    #expect(lucky.run.status == 0, "\(lucky.run.errors)")
    #expect(lucky.comparison.gates.contains { $0.verdict == .exceeded && $0.confirmed == false })
  }

  @Test func `A baseline that was kept judges later runs`() throws {
    let gate = try GateRun()
    let saved = try gate.comparison(
      "--save-baseline", "base.json", "--", "sh", "-c", GateRun.contend(5))
    #expect(saved.run.status == 0 && saved.comparison.head.runs == 10)
    // As if CPUs had been as short as can be: whatever else runs now, they have not become shorter.
    let kept = gate.folder.text("base.json")
    #expect(kept.contains("\"noCPUShare\":"))
    try gate.folder.write(
      kept.replacing(/"noCPUShare":[0-9.e-]+/, with: "\"noCPUShare\":1").utf8, to: "base.json")
    let bytes = gate.folder.bytes("base.json")
    #expect(bytes.count < 1_000_000 && gate.folder.text("base.json").contains("ctrace-baseline/1"))
    let (run, comparison) = try gate.comparison(
      "--baseline", "base.json", "--min-abs", "5ms", "--", "sh", "-c", GateRun.contend(20))
    #expect(run.status == 3, "\(run.errors)")
    #expect(comparison.comparability == .sameMachine)
    // Whose runs were at another time can't be held to how long threads waited.
    #expect(comparison.gates.filter { $0.metric == .wait }.allSatisfy { !$0.gates })
    #expect(gate.folder.bytes("base.json") == bytes)
    // A base can be judged without running anything.
    let diff = try Program(
      [CTrace.path, "diff", "base.json", "--", "base.json"], directory: gate.folder.path
    ).result()
    #expect(diff.status == 0, "\(diff.errors)")
  }

  @Test func `Of a baseline of another machine only what it shows too can fail`() throws {
    let gate = try GateRun()
    let saved = try gate.ci(
      "--save-baseline", "base.json", "--runs", "8", "--", "sh", "-c", GateRun.contend(20))
    #expect(saved.status == 0, "\(saved.errors)")
    let here = try #require(
      gate.folder.text("base.json").firstMatch(of: /"host":"([^"]*), [^",]*"/)?.1)
    let other = gate.folder.text("base.json").replacing(
      /"host":"[^"]*"/, with: "\"host\":\"\(here), Another CPU\"")
    try gate.folder.write(other.utf8, to: "other.json")
    let (_, comparison) = try gate.comparison(
      "--baseline", "other.json", "--runs", "8", "--", "sh", "-c", GateRun.contend(20))
    #expect(comparison.comparability == .otherMachine)
    #expect(comparison.notes.contains { $0.contains("processor differs: Another CPU then") })
    for gate in comparison.gates where gate.tier == .difference {
      #expect(gate.gates == (gate.metric == .utilisation), "\(gate.metric)")
    }
  }

  @Test func `Recordings are kept where that is asked for, and only there`() throws {
    let gate = try GateRun()
    let temporary = try TemporaryFolder()
    let run = try Program(
      [
        CTrace.path, "ci", "--keep", "kept", "--runs", "2", "--base", "true", "--head", "true",
      ], environment: ["TMPDIR": temporary.path], directory: gate.folder.path
    ).result()
    #expect(run.status == 0, "\(run.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: gate.folder.path + "/kept")
    #expect(
      names.sorted() == ["base-1.ctrace", "base-2.ctrace", "head-1.ctrace", "head-2.ctrace"])
    #expect(temporary.names.isEmpty && gate.folder.names == ["kept"])
    let diff = try Program(
      [
        CTrace.path, "diff", "kept/base-1.ctrace", "kept/base-2.ctrace", "--",
        "kept/head-1.ctrace",
      ], directory: gate.folder.path
    ).result()
    #expect(diff.status == 0, "\(diff.errors)")
  }

  @Test func `Many runs take no more of the system than one`() throws {
    let gate = try GateRun()
    let run = try gate.ci(
      "--runs", "8", "--", "sh", "-c", "ls /proc/$PPID/fd | wc -l >> descriptors")
    #expect(run.status == 0, "\(run.errors)")
    let counts = gate.folder.text("descriptors").split(separator: "\n").compactMap {
      Int($0.filter(\.isNumber))
    }
    #expect(counts.count == 8)
    // Threads of the recorder's own may come a little later, and take one or two.
    #expect((counts.max() ?? 0) - (counts.first ?? 0) <= 2, "\(counts)")
  }

  @Test func `What the program writes is shown only where that is asked for, and not as a result`()
    throws
  {
    let gate = try GateRun()
    let program = ["--", "sh", "-c", "cat; echo written; echo complained >&2"]
    let quiet = try gate.ci(program)
    #expect(quiet.status == 0)
    #expect(!(quiet.output + quiet.errors).contains("\nwritten"))
    #expect(!(quiet.output + quiet.errors).contains("\ncomplained"))
    let shown = try gate.ci(["--show-output"] + program)
    #expect(shown.errors.contains("\nwritten\n") && shown.errors.contains("\ncomplained\n"))
    #expect(!shown.output.contains("written\n"))
  }

  @Test func `The gate shows by itself that it fails and passes where it must`() throws {
    let run = try GateRun().ci("--self-test")
    #expect(run.status == 0, "\(run.output) \(run.errors)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 3 && lines[0].contains("exit 0") && lines[1].contains("exit 3"))
    #expect(lines.last == "self-test: the gate works on this machine")
  }

  @Test(arguments: [
    [], ["--"], ["--runs", "0", "--", "true"], ["--runs", "many", "--", "true"],
    ["--runs", "-1", "--", "true"], ["--runs", "1001", "--", "true"],
    ["--expect-exit", "256", "--", "true"], ["--base", "true"], ["--head", "true"],
    ["--base", "true", "--head", "true", "--", "true"],
    ["--baseline", "x", "--save-baseline", "y", "--", "true"], ["--baseline", "x"],
    ["--init", "--", "true"], ["--init", "--self-test"], ["--self-test", "--base", "true"],
    ["--baseline", "x", "--base", "true", "--head", "true"], ["--save-baseline", "x"],
    ["--no-such-option"], ["--", "./nope"], ["--", "/"], ["--base", "./nope", "--head", "true"],
    ["--base", "true", "--head", "./nope"], ["--save-baseline", "/no/such/x", "--", "true"],
    ["--keep", "/no/such/folder", "--", "true"], ["--budget", "wait", "--", "true"],
    ["--budget", "waits=1s", "--", "true"], ["--budget", "wait=1", "--", "true"],
    ["--alpha", "1", "--", "true"], ["--min-ratio", "0.5", "--", "true"],
    ["--min-abs", "5", "--", "true"], ["--max-lost", "2", "--", "true"],
    ["--config", "none.yml", "--", "true"], ["--config", ".", "--", "true"],
  ])
  func `Wrong usage exits with 2, says so in a line and runs nothing twice`(arguments: [String])
    throws
  {
    let gate = try GateRun()
    let run = try gate.ci(arguments)
    #expect(run.status == 2, "\(run.errors)")
    #expect(run.output.isEmpty)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.last?.hasPrefix("ctrace: ") == true, "\(run.errors)")
    #expect(gate.folder.names.isEmpty)
  }

  @Test(arguments: [
    ["--inconclusive", "maybe", "--", "true"], ["--config", "x", "--no-config", "--", "true"],
    ["--timeout", "soon", "--", "true"], ["--format", "xml", "--", "true"],
  ])
  func `What the parser objects to exits with 2 too`(arguments: [String]) throws {
    let run = try GateRun().ci(arguments)
    #expect(run.status == 2 && run.output.isEmpty && run.errors.hasPrefix("Error: "))
  }
}
