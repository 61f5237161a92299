import Foundation
import TestSupport
import Testing
import TraceAnalysis

/// What `ctrace diff` says to people.
@Suite struct ComparisonTextTests {
  @Test func `The first line says what got worse, by how much, and how that is known`() throws {
    let run = try ComparedRuns.twiceAsLong().diff()
    let text = run.output.replacing(/\n +/, with: " ")
    #expect(text.hasPrefix("REGRESSION  \(ComparedRuns.sentence)\n"), "\(run.output)")
    #expect(run.errors.isEmpty)
  }

  @Test func `The table has the medians, and the rest is counted`() throws {
    let lines = try ComparedRuns.twiceAsLong().diff().output.split(separator: "\n")
    func row(_ word: String, _ name: String) throws -> [Substring] {
      try #require(
        lines.first { $0.hasPrefix(word + " ") && $0.contains(name) }, "\(word) \(name): \(lines)"
      ).split(separator: /\s\s+/)
    }
    #expect(
      try row("FAILED", "held_mu")
        == ["FAILED", "held_mu", "hold, each", "10.2 us", "20.4 us", "2.0×", "< 0.001"])
    #expect(
      try row("better", "waited_mu")
        == ["better", "waited_mu", "wait, each", "8.0 us", "4.0 us", "0.5×", "< 0.001"])
    #expect(try row("new", "new_mu") == ["new", "new_mu", "acquisitions", "0", "1,000"])
    // same_mu and other_mu; all locks together are none.
    #expect(lines.contains("2 locks as before"))
    #expect(lines.contains { $0.hasPrefix("WHERE ") && $0.hasSuffix("cache_evict cache.c:118") })
    #expect(lines.contains("NEXT     ctrace report --lock held_mu RECORDING"))
  }

  @Test func `That nothing got worse is said with what was looked at`() throws {
    let runs = try ComparedRuns { _ in (0..<30).map { .held("mu\($0)", 20_000) } }
    let text = try runs.diff().output
    #expect(text.hasPrefix("PASS     nothing got worse: 30 locks, 10 runs a side\n"), "\(text)")
    #expect(text.contains("\nRESULT   30 locks as before\n"))
    #expect(!text.contains("NEXT"))
  }

  @Test func `What differs too little to cost anything is no lock that was looked at`() throws {
    let text = try ComparedRuns { _ in [.held("mu", 10)] }.diff().output
    #expect(
      text.hasPrefix("PASS     nothing got worse: no lock costs more than 500 us of a run"),
      "\(text)")
  }

  @Test func `On another machine holds are shown, with why they don't fail`() throws {
    let runs = try ComparedRuns.twiceAsLong(hosts: (ComparedRuns.host, "Linux 6.8, another CPU"))
    let text = try runs.diff().output.replacing(/\n +/, with: " ")
    #expect(text.hasPrefix("PASS "), "\(text)")
    #expect(text.contains("1 figure is worse, but only shown\n"), "\(text)")
    #expect(text.contains(/worse, shown  held_mu +hold, each +10.2 us  20.4 us +2.0×/), "\(text)")
    #expect(
      text.contains("how long locks are waited for and held depends on the machine"), "\(text)")
    #expect(text.contains("CPU of one kind") && text.contains("another CPU"), "\(text)")
  }

  @Test func `Too few runs to tell are no pass`() throws {
    let text = try ComparedRuns.twiceAsLong(runs: 3).diff().output
    // hold and utilisation of three locks, these and the wait of the fourth, and two totals.
    #expect(
      text.hasPrefix("INCONCLUSIVE  3 runs a side are too few to tell: 11 figures may be worse"),
      "\(text)")
    #expect(text.contains("can't tell  held_mu"))
  }

  @Test func `Recordings that lost events are nothing to judge by`() throws {
    let runs = try ComparedRuns(change: { run, isHead in run.lost = isHead ? 5000 : 0 }) { _ in
      [.held("mu", 20_000)]
    }
    let text = try runs.diff().output.replacing(/\n +/, with: " ")
    // Ten runs of the head.
    #expect(text.hasPrefix("LOSSY "), "\(text)")
    #expect(text.contains("50,000 events were lost"), "\(text)")
  }

  @Test func `A lock order that was not there before fails, wherever it is`() throws {
    let runs = try ComparedRuns(
      change: { run, isHead in
        guard isHead else { return }
        run.facts = [
          FactFigures(kind: "lock-order", lock: "mu", text: "two orders", place: ComparedRuns.place)
        ]
      }, { _ in [.held("mu", 20_000)] })
    let text = try runs.diff().output.replacing(/\n +/, with: " ")
    #expect(
      text.hasPrefix(
        "REGRESSION  mu and another lock are taken in both orders, which was not so before "
          + "(in 10 of 10 runs)\n"), "\(text)")
    #expect(text.contains(/FAILED +mu +lock order +0 runs  10 runs/), "\(text)")
  }

  @Test func `Locks that are acquired more often in every run are a fact`() throws {
    let runs = try ComparedRuns { isHead in
      [
        LockFigures(
          name: "mu", kind: "mutex", acquisitions: isHead ? 3000 : 1000, utilisation: 0.01,
          heldNs: isHead ? 60_000_000 : 20_000_000)
      ]
    }
    let text = try runs.diff().output.replacing(/\n +/, with: " ")
    #expect(text.contains(/FAILED +mu +acquisitions +1,000 +3,000 +3.0×/), "\(text)")
  }

  @Test func `Without anything to compare with it is said what was looked for`() throws {
    let alone = try CTrace.run("ci", "--no-config", "--", "true")
    #expect(alone.status == 0)
    #expect(
      alone.output.replacing(/\n +/, with: " ").hasPrefix(
        "PASS     found no deadlock, no lock-order, no left-locked, and no budget is set: 1 run\n"),
      "\(alone.output)")
    let limited = try CTrace.run("ci", "--no-config", "--budget", "wait=1s", "--", "true")
    #expect(limited.output.replacing(/\n +/, with: " ").contains("and no limit is exceeded: "))
  }

  @Test func `What is over its limit is said with the limit`() throws {
    let runs = try ComparedRuns.overLimits()
    let text = try runs.diff([
      "--budget", "utilisation=60%", "--budget", "queue_depth=32", "--budget", "queue_full=20%",
    ]).output.replacing(/\n +/, with: " ")
    // The queue is over its limit by more.
    #expect(
      text.hasPrefix(
        "REGRESSION  jobs is as deep as 64, over its limit of 32 (the median of 10 runs), and 1 other "
          + "figure fails\n"), "\(text)")
    #expect(text.contains(/FAILED +jobs +depth, p99 +32 +64\n/), "\(text)")
    #expect(text.contains(/FAILED +busy_mu +utilisation +60 % +80 %\n/), "\(text)")
    #expect(!text.contains("time full"))
    let json = try runs.diff(["--budget", "utilisation=60%", "--format", "markdown"]).output
    #expect(
      json.contains(
        "busy\\_mu is held 80 % of a run, over its limit of 60 % (the median of 10 runs)"),
      "\(json)")
  }

  @Test func `Time that has only another name is moved, and fails nothing`() throws {
    let runs = try ComparedRuns { isHead in
      [.held("old_mu", isHead ? 10_000 : 30_000), .held("other_mu", isHead ? 30_000 : 10_000)]
    }
    let run = try runs.diff()
    let text = run.output.replacing(/\n +/, with: " ")
    #expect(run.status == 0 && text.hasPrefix("PASS "), "\(text)")
    #expect(text.contains(/moved +other_mu +hold, each +10.0 us +30.0 us +3.0×/), "\(text)")
    #expect(text.contains(/better +old_mu +hold, each +30.0 us +10.0 us +0.3×/), "\(text)")
    #expect(text.contains("the time has only another name"), "\(text)")
  }

  @Test func `What is waived is said with why and how long`() throws {
    let runs = try ComparedRuns.twiceAsLong()
    try runs.folder.write(
      """
      waivers:
        - lock: held_mu
          until: 9999-12-31
          reason: "#812, it moves"

      """.utf8, to: ".ctrace.yml")
    let run = try runs.diff()
    let text = run.output.replacing(/\n +/, with: " ")
    #expect(run.status == 0)
    #expect(
      text.hasPrefix(
        "PASS     nothing got worse: 5 locks, 10 runs a side; 1 figure is waived\n"),
      "\(text)")
    #expect(text.contains(/waived +held_mu +hold, each +10.2 us +20.4 us/), "\(text)")
    #expect(text.contains("held_mu is waived until 9999-12-31: #812, it moves"), "\(text)")

    _ = try runs.diff(["--format", "github=out"])
    #expect(
      runs.folder.text("out")
        == "::warning file=src/cache.c,line=118,title=ctrace%3A held_mu%2C hold%2C each::"
        + ComparedRuns.sentence.dropLast() + ", waived until 9999-12-31: #812, it moves)\n")
    let junit = try runs.diff(as: "junit")
    #expect(junit.contains(/failures="0"/) && junit.contains(/<skipped message="held_mu is held/))
  }

  @Test(arguments: [40, 60, 80, 120])
  func `Lines keep to the terminal, whatever names are like`(columns: Int) throws {
    let name = String(repeating: "std::__1::basic_string<char>::名前", count: 40)
    let runs = try ComparedRuns { isHead in
      [name + "1", "mu", ComparedRuns.hostileName].map { name in
        .held(
          name, isHead ? 20_400 : 10_200,
          place: SourcePlace(function: name, file: "/src/\(name).c", line: 1))
      }
    }
    let line = "\(CTrace.path) diff base.json -- head.json"
    let run = try Program.run(
      "script", "-qec", "stty columns \(columns); \(line)", "/dev/null",
      environment: ["TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"],
      directory: runs.folder.path)
    let lines = run.output.split(whereSeparator: \.isNewline)
    #expect(lines.count > 10, "\(run.output)")
    // Commands can be longer, so that they can be pasted.
    for line in lines where !line.contains("ctrace report --lock") {
      let width = line.unicodeScalars.reduce(0) { width, scalar in
        let isMark = scalar.properties.generalCategory == .nonspacingMark
        return width + (isMark ? 0 : scalar.value >= 0x2e80 ? 2 : 1)
      }
      #expect(width <= columns, "\(line)")
    }
    #expect(!run.output.contains("\u{1b}") && !run.output.contains("\u{202e}"))
  }

  @Test func `Colours are for terminals that want them, and letters for those that have them`()
    throws
  {
    let runs = try ComparedRuns.twiceAsLong()
    func output(_ environment: [String: String]) throws -> String {
      try Program.run(
        "script", "-qec", "\(CTrace.path) diff base.json -- head.json", "/dev/null",
        environment: environment, directory: runs.folder.path
      ).output
    }
    let colours = try output(["TERM": "xterm", "NO_COLOR": "", "LC_ALL": "C.UTF-8"])
    #expect(colours.contains("\u{1b}[33;1mREGRESSION\u{1b}[0m"), "\(colours)")
    let plain = try output(["TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C"])
    #expect(!plain.contains("\u{1b}") && plain.utf8.allSatisfy { $0 < 0x80 }, "\(plain)")
    #expect(plain.contains("2.0x as long each time: 10.2 -> 20.4 us"), "\(plain)")
    #expect(!(try runs.diff().output.contains("\u{1b}")))
  }

  @Test func `The recording that is looked into is one of the head`() throws {
    let base = try TestRecording(command: ["sleep", "0"])
    let head = try TestRecording(command: ["sleep", "0"])
    let run = try CTrace.run("diff", base.file, "--", head.file)
    // One run of each: too few, so that it is worth looking, if there is a figure at all.
    #expect(run.status == 0, "\(run.errors)")
    #expect(!run.output.contains("RECORDING"), "\(run.output)")
  }
}
