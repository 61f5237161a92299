import Foundation
import TestSupport
import TraceAnalysis

/// Runs of two sides in files, whose figures are made, so that it is known what a comparison must say.
///
/// Runs differ by a few per cent, evenly about what is asked for, so that this is the median.
struct ComparedRuns {
  /// The schema `ctrace-baseline/1`.
  private struct Baseline: Encodable {
    var schema = "ctrace-baseline/1"
    var command = ["./prog"]
    var machine: MachineFigures
    var runs: [RunFigures]
  }

  static let host = "Linux 6.1, CPU of one kind"

  let folder: TemporaryFolder

  /// - Parameters:
  ///   - runs: Runs of a side; they take turns.
  ///   - hosts: Where each side ran.
  ///   - change: Anything else of a run.
  ///   - locks: The locks of each side, before they vary.
  init(
    runs: Int = 10, hosts: (base: String, head: String) = (host, host),
    change: (_ run: inout RunFigures, _ isHead: Bool) -> Void = { _, _ in },
    _ locks: (_ isHead: Bool) -> [LockFigures]
  ) throws {
    folder = try TemporaryFolder()
    for isHead in [false, true] {
      let figures = (0..<runs).map { place in
        let factor = 1 + (Double(place) - Double(runs - 1) / 2) / Double(runs) / 10
        // Each pair begins with the side that the one before ended with.
        let turn = (place % 2 == 1) == isHead ? 0 : 1
        var run = RunFigures.made(
          locks(isHead).map { $0.varied(by: factor) },
          startedAt: Int64(place * 2 + turn) * 2_000_000_000,
          host: isHead ? hosts.head : hosts.base)
        change(&run, isHead)
        return run
      }
      let baseline = Baseline(machine: figures[0].machine, runs: figures)
      try folder.write(JSONEncoder().encode(baseline), to: isHead ? "head.json" : "base.json")
    }
  }

  /// Runs `ctrace diff` on them, in their folder.
  func diff(_ options: [String] = [], environment: [String: String] = [:]) throws -> ProgramResult {
    // As far from GitHub as nothing says otherwise.
    let outside = ["GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": "", "GITHUB_WORKSPACE": ""]
    return try Program(
      [CTrace.path, "diff"] + options + ["base.json", "--", "head.json"],
      environment: outside.merging(environment) { $1 }, directory: folder.path
    ).result()
  }

  /// What it writes in a form.
  func diff(as form: String) throws -> String {
    let run = try diff(["--format", form])
    guard run.status != 2 else { throw TestFailure("diff said \(run.errors)") }
    return run.output
  }
}

extension LockFigures {
  /// A lock of which only the length of holds is a figure that can change.
  static func held(
    _ name: String, _ nanoseconds: Double, place: SourcePlace? = nil
  ) -> LockFigures {
    LockFigures(
      name: name, kind: "mutex", acquisitions: 1000, contended: 500, utilisation: 0.01,
      heldNs: Int64(nanoseconds * 1000), place: place)
  }

  fileprivate func varied(by factor: Double) -> LockFigures {
    var lock = self
    lock.heldNs = heldNs.map { Int64((Double($0) * factor).rounded()) }
    lock.waitNs = Int64((Double(waitNs) * factor).rounded())
    return lock
  }
}

extension ComparedRuns {
  /// A line that files have in their repository.
  static let place = SourcePlace(function: "cache_evict", file: "src/cache.c", line: 118)

  /// `held_mu` is held twice as long, two locks are as they were, one is new, one is waited for half as long.
  static func twiceAsLong(
    runs: Int = 10, name: String = "held_mu", place: SourcePlace? = place,
    hosts: (base: String, head: String) = (host, host)
  ) throws -> ComparedRuns {
    try ComparedRuns(runs: runs, hosts: hosts) { isHead in
      [
        .held(name, isHead ? 20_400 : 10_200, place: place), .held("same_mu", 30_000),
        .held("other_mu", 40_000), .made("waited_mu", held: 900, waited: isHead ? 4000 : 8000),
      ] + (isHead ? [.held("new_mu", 5000)] : [])
    }
  }

  /// A lock that is held for four fifths of a run, and a queue that is deep and full.
  static func overLimits() throws -> ComparedRuns {
    try ComparedRuns(
      change: { run, _ in
        run.queues = [QueueFigures(name: "jobs", kind: "queue", depthP99: 64, fullShare: 0.12)]
      },
      { _ in
        [
          LockFigures(
            name: "busy_mu", kind: "mutex", acquisitions: 1000, utilisation: 0.8,
            heldNs: 800_000_000)
        ]
      })
  }

  /// What its first line says.
  static let sentence =
    "held_mu is held 2.0× as long each time: 10.2 → 20.4 us (20 runs, p < 0.001)"

  /// A name that means something to every language that names are written into.
  static let hostileName =
    "a|b`c`<img src=x onerror=alert(1)>&amp;\n::error::injected\r%0A,:@octocat #1 "
    + "[x](http://example.org) \u{1b}[31m\u{202e}\"'\\{{main}}</script>]]>\u{0}\u{fffe}|\u{301}\"\u{301}"
}
