import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// What `.ctrace.yml` may say, and what is answered to everything else.
@Suite struct ConfigurationTests {
  private func settings(_ text: String, _ options: String...) throws -> ComparisonSettings {
    let run = try GateRun(configuration: text).ci(
      ["--format", "json"] + options + ["--", "true"])
    guard run.status == 0 else { throw TestFailure(run.errors) }
    return try JSONDecoder().decode(Comparison.self, from: Data(run.output.utf8)).settings
  }

  @Test func `Every key is heard`() throws {
    let settings = try settings(
      """
      gate:
        runs: 1
        alpha: 0.01
        min_ratio: 2
        min_abs: 5ms
        max_lost: 1%
        facts: [deadlock, lock-order]
        confirm: false
        inconclusive: fail
        expect_exit: 0
      budget:
        utilisation: 60%
        wait: 500us
        queue_depth: 100
        queue_full: 0.1
        gil_utilisation: 90%
        gil_hold: 50ms
        loop_lag: 1.5s
        run_queue: 10ms
      locks:
        "std::map<int, Foo>::mu":
          utilisation: 0.8
          wait: 1ms
        log_mu:
          ignore: true
      queues:
        jobs: {depth: 500, full: 20 %}
      waivers:
        - lock: io_mu
          until: 2999-12-31
          reason: "#812"
      """)
    #expect(settings.alpha == 0.01 && settings.minRatio == 2 && settings.minAbsNs == 5_000_000)
    #expect(settings.maxLost == 0.01 && settings.facts == ["deadlock", "lock-order"])
    var budgets = Budgets()
    (budgets.utilisation, budgets.waitNs) = (0.6, 500_000)
    (budgets.queueDepth, budgets.queueFull) = (100, 0.1)
    (budgets.gilUtilisation, budgets.gilHoldNs) = (0.9, 50_000_000)
    (budgets.loopLagNs, budgets.runQueueNs) = (1_500_000_000, 10_000_000)
    budgets.locks = ["std::map<int, Foo>::mu": LockBudget(utilisation: 0.8, waitNs: 1_000_000)]
    budgets.queues = ["jobs": QueueBudget(depth: 500, full: 0.2)]
    #expect(settings.budgets == budgets)
    #expect(settings.ignored == ["log_mu"])
    #expect(settings.waivers == [Waiver(lock: "io_mu", until: "2999-12-31", reason: "#812")])
  }

  @Test func `Options come before the file, and the file can be another or none`() throws {
    let text = "gate:\n  alpha: 0.01\nbudget:\n  wait: 1ms\n"
    let both = try settings(text, "--alpha", "0.2", "--budget", "wait=2ms")
    #expect(both.alpha == 0.2 && both.budgets.waitNs == 2_000_000)
    #expect(try settings(text, "--no-config") == ComparisonSettings())
    let gate = try GateRun(configuration: "nonsense: 1\n")
    try gate.folder.write(text.utf8, to: "other.yml")
    let (_, comparison) = try gate.comparison("--config", "other.yml", "--", "true")
    #expect(comparison.settings.alpha == 0.01)
  }

  @Test(arguments: [
    "", "\n", "# nothing\n", "gate:\nbudget:\nlocks:\nqueues:\nwaivers:\n", "---\n",
  ])
  func `Nothing is said by an empty file`(text: String) throws {
    #expect(try settings(text) == ComparisonSettings())
  }

  @Test func `The one that is written holds what holds anyway, and so does all that it explains`()
    throws
  {
    let gate = try GateRun()
    #expect(try gate.ci("--init").status == 0)
    let template = gate.folder.text(".ctrace.yml")
    var expected = ComparisonSettings()
    expected.budgets.utilisation = 0.9
    #expect(try gate.comparison("--", "true").comparison.settings == expected)
    // What stands behind one # are the defaults; what stands behind two are examples.
    func lines(of text: String, without mark: String) -> String {
      text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        line.hasPrefix("  " + mark) ? "  " + line.dropFirst(2 + mark.count) : line
      }.joined(separator: "\n")
    }
    let all = lines(of: template, without: "## ")
    let defaults = lines(of: template.replacing("  ## ", with: "# "), without: "#")
    #expect(defaults != template)
    #expect(try settings(defaults, "--runs", "1") == expected)
    let given = try settings(all, "--runs", "1")
    #expect(given.budgets.waitNs == 500_000 && given.budgets.runQueueNs == 10_000_000)
    #expect(given.budgets.locks["cache_mu"] == LockBudget(utilisation: 0.8, waitNs: 1_000_000))
    #expect(given.budgets.queues["jobs"] == QueueBudget(depth: 500, full: 0.2))
    #expect(given.ignored == ["log_mu"] && given.waivers.map(\.lock) == ["log_mu"])
    // It never replaces one.
    let again = try gate.ci("--init")
    #expect(again.isRefusal(about: ".ctrace.yml is there already"))
    #expect(gate.folder.text(".ctrace.yml") == template)
  }

  @Test(arguments: [
    ("gates:\n  runs: 1\n", 1, "gates"), ("gate:\n  run: 1\n", 2, "run"),
    ("gate:\n  runs: many\n", 2, "1 to 1000"), ("gate:\n  runs: 0\n", 2, "1 to 1000"),
    ("gate:\n  runs: '10'\n", 2, "1 to 1000"), ("gate:\n  runs: 1001\n", 2, "1 to 1000"),
    ("gate:\n  runs: 99999999999999999999\n", 2, "1 to 1000"), ("gate:\n  runs:\n", 2, "empty"),
    ("gate:\n  alpha: 0\n", 2, "0.05"), ("gate:\n  alpha: .nan\n", 2, "0.05"),
    ("\n\ngate:\n  min_ratio: 0.9\n", 4, "1.25"), ("gate:\n  min_ratio: 0x10\n", 2, "1.25"),
    ("gate:\n  min_abs: 5\n", 2, "unit"), ("gate:\n  min_abs: -5ms\n", 2, "unit"),
    ("gate:\n  min_abs: 1e30s\n", 2, "unit"), ("gate:\n  max_lost: 200%\n", 2, "60%"),
    ("gate:\n  facts: deadlock\n", 2, "list"), ("gate:\n  facts: [dead]\n", 2, "left-locked"),
    ("gate:\n  confirm: yes\n", 2, "true or false"), ("gate:\n  confirm: 'true'\n", 2, "true"),
    ("gate:\n  inconclusive: maybe\n", 2, "pass, warn, fail"),
    ("gate:\n  expect_exit: 256\n", 2, "255"), ("gate: 5\n", 1, "keys"),
    ("gate: [1]\n", 1, "keys"), ("gate:\n  runs: [1]\n", 2, "whole number"),
    ("gate:\n  runs: {a: 1}\n", 2, "whole number"), ("- gate\n", 1, "keys"), ("gate\n", 1, "keys"),
    ("budget:\n  utilisation: 1.5\n", 2, "60%"), ("budget:\n  waits: 1ms\n", 2, "wait"),
    ("budget:\n  queue_depth: -1\n", 2, "whole number"), ("locks:\n  mu: 60%\n", 2, "keys"),
    ("locks:\n  mu:\n    depth: 1\n", 3, "utilisation"),
    ("queues:\n  q:\n    wait: 1s\n", 3, "depth"),
    ("locks:\n  ? [a]\n  : {}\n", 2, "name"),
    ("gate:\n  runs: 1\n  runs: 2\n", 2, "twice"),
    ("gate:\n  alpha: 0.1\ngate:\n  runs: 2\n", 1, "twice"),
    ("waivers:\n  - lock: mu\n    until: 2999-01-31\n", 2, "reason"),
    ("waivers:\n  - lock: mu\n    reason: why\n", 2, "until"),
    ("waivers:\n  - until: 2999-01-31\n    reason: why\n", 2, "lock"),
    ("waivers:\n  - lock: mu\n    until: 2999-01-31\n    reason: ' '\n", 4, "reason"),
    ("waivers:\n  - lock: mu\n    until: 2999-02-29\n    reason: why\n", 3, "2027-01-31"),
    ("waivers:\n  - lock: mu\n    until: tomorrow\n    reason: why\n", 3, "2027-01-31"),
    ("waivers:\n  - lock: mu\n    until: 2999-1-1\n    reason: why\n", 3, "2027-01-31"),
    ("waivers:\n  - lock: mu\n    since: 2999-01-01\n", 3, "until"), ("waivers: mu\n", 1, "list"),
    ("gate:\n\truns: 1\n", 2, "YAML"), ("gate: {runs: 1\n", 2, "YAML"), ("a: b: c\n", 1, "YAML"),
    ("gate:\n  runs: 1\n--- \ngate:\n  runs: 1\n", 3, "YAML"),
    ("a: &x 1\nb: *x\n", 1, "anchors"), ("gate:\n  runs: !!binary x\n", 2, "whole number"),
    ("gate:\n  runs: 1\u{0}\n", 2, "YAML"),
  ])
  func `What is wrong is told with its line and what is allowed`(
    text: String, line: Int, allowed: String
  ) throws {
    let run = try GateRun(configuration: text).ci("--", "true")
    #expect(
      run.isRefusal(about: ".ctrace.yml:\(line): ", allowed),
      "\(text.debugDescription): \(run.errors)")
  }

  @Test func `A waiver that has ended fails until someone has looked`() throws {
    let run = try GateRun(
      configuration: "waivers:\n  - lock: log_mu\n    until: 2020-02-29\n    reason: a slow disk\n"
    ).ci("--", "true")
    #expect(run.isRefusal(about: ".ctrace.yml:2: ", "log_mu", "a slow disk", "2020-02-29"))
  }

  @Test func `A waiver lets a lock be as it is`() throws {
    let text = """
      waivers:
        - lock: one_mu
          until: 2999-12-31
          reason: known
        - lock: other_mu
          until: 2999-12-31
          reason: known
      """
    let program = try Workload.build("lock_order")
    let (run, comparison) = try GateRun(configuration: text).comparison("--", program, "inverted")
    #expect(run.status == 0)
    #expect(comparison.gates.first { $0.metric == .lockOrder }?.waiver?.reason == "known")
  }

  @Test func `Hostile files end in a line, soon`() throws {
    let many = 100_000
    var bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    for level in 1..<30 {
      bomb +=
        "a\(level): &a\(level) ["
        + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ",")
      bomb += "]\n"
    }
    bomb += "? *a29\n: 1\n"
    let files: [(String, [UInt8])] = [
      ("bomb", Array(bomb.utf8)), ("flow", Array(repeating: UInt8(ascii: "["), count: many)),
      ("maps", Array(String(repeating: "{a: ", count: many).utf8)),
      ("block", Array(String(repeating: "- ", count: many).utf8)),
      ("keys", Array(String(repeating: "? ", count: many).utf8)),
      ("large", [UInt8](repeating: UInt8(ascii: "#"), count: 2 << 20)),
      ("bytes", [0xff, 0xfe, 0x00, 0x80]), ("zeros", [UInt8](repeating: 0, count: 1000)),
      ("wide", Array((0..<50_000).map { "k\($0): 1\n" }.joined().utf8)),
      ("long", Array(("a: " + String(repeating: "x", count: 1_000_000)).utf8)),
      ("recording", Array("\u{50}\u{2a}\u{4d}\u{18}xyz".utf8)),
    ]
    for (name, bytes) in files {
      let gate = try GateRun()
      try gate.folder.write(bytes, to: ".ctrace.yml")
      let run = try Program(
        [CTrace.path, "ci", "--", "true"], directory: gate.folder.path
      ).result(longest: 60)
      #expect(
        run.isRefusal(about: ".ctrace.yml"), "\(name): \(run.status) \(run.errors.prefix(300))")
      #expect(run.errors.utf8.count < 600, "\(name)")
    }
    #expect(try GateRun().ci("--config", "/dev/zero", "--", "true").status == 2)
    let fifo = try GateRun()
    #expect(try Program.run("mkfifo", ".ctrace.yml", directory: fifo.folder.path).status == 0)
    #expect(try fifo.ci("--", "true").isRefusal(about: ".ctrace.yml"))
  }
}
