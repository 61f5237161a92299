import Foundation
import TestSupport
import Testing

@testable import TraceAnalysis

/// How often the gate fails where nothing has changed, and where a lock is held twice as long, reckoned from runs
/// that were recorded once: `Tests/Samples/gate`, whose README says how.
///
/// With CTRACE_GATE_TRIALS=1000 it makes the table of the documentation, which is printed.
@Suite struct GateStatisticsTests {
  private static let trials =
    ProcessInfo.processInfo.environment["CTRACE_GATE_TRIALS"].flatMap(Int.init) ?? 100
  /// Runs of each side.
  private static let runs = 10

  private struct Samples: Decodable {
    var runs: [RunFigures]

    init(_ name: String) throws {
      let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Samples/gate")
      self = try JSONDecoder().decode(
        Samples.self, from: Data(contentsOf: folder.appendingPathComponent("\(name).json")))
    }
  }

  /// A batch of both sides.
  private typealias Batch = (base: [RunFigures], head: [RunFigures])

  /// Pairs of neighbours, each side as often first as by chance.
  private static func batch(
    _ base: [RunFigures], _ head: [RunFigures], _ random: inout SeededGenerator
  ) -> Batch {
    let pairs = zip(base, head).shuffled(using: &random).prefix(runs)
    return (pairs.map(\.0), pairs.map(\.1))
  }

  /// Runs of one program, dealt out to two sides.
  private static func dealt(_ all: [RunFigures], _ random: inout SeededGenerator) -> Batch {
    let neighbours = stride(from: 0, to: all.count - 1, by: 2).map { place in
      (all[place], all[place + 1])
    }
    let pairs = neighbours.map { Bool.random(using: &random) ? $0 : ($0.1, $0.0) }
      .shuffled(using: &random).prefix(runs)
    return (pairs.map(\.0), pairs.map(\.1))
  }

  /// In how many trials a gate of two batches fails, and in how many the first did.
  private static func failures(
    _ comparability: Comparability, _ batch: (inout SeededGenerator) -> Batch
  ) -> (confirmed: Double, first: Double) {
    var random = SeededGenerator(seed: 11)
    var (first, confirmed) = (0, 0)
    for _ in 0..<trials {
      // Foundation has another.
      func comparator(_ batch: Batch) -> TraceAnalysis.Comparator {
        TraceAnalysis.Comparator(
          ComparisonSettings(), base: batch.base, head: batch.head, comparability: comparability)
      }
      let comparison = comparator(batch(&random)).compare()
      guard comparison.verdict == .regression else { continue }
      first += 1
      if comparator(batch(&random)).confirm(comparison).verdict == .regression { confirmed += 1 }
    }
    return (Double(confirmed) / Double(trials), Double(first) / Double(trials))
  }

  private static func show(_ name: String, _ found: (confirmed: Double, first: Double)) {
    func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
    print("| \(name) | \(percent(found.first)) | \(percent(found.confirmed)) |")
  }

  static let workloads = ["30-locks", "hot-lock", "2-threads"]
  static let conditions = ["idle", "burning"]

  @Test(arguments: workloads, conditions)
  func `What has not changed fails one build in a hundred at most`(
    workload: String, condition: String
  ) throws {
    let same = try Samples("\(workload)-\(condition)-base").runs
    let found = GateStatisticsTests.failures(.interleaved) {
      GateStatisticsTests.dealt(same, &$0)
    }
    GateStatisticsTests.show("\(workload), \(condition), unchanged", found)
    #expect(found.confirmed <= 0.01)
  }

  @Test(arguments: workloads, conditions)
  func `A lock that is held twice as long fails ninety-five builds in a hundred`(
    workload: String, condition: String
  ) throws {
    let base = try Samples("\(workload)-\(condition)-base").runs
    let head = try Samples("\(workload)-\(condition)-head").runs
    let found = GateStatisticsTests.failures(.interleaved) {
      GateStatisticsTests.batch(base, head, &$0)
    }
    GateStatisticsTests.show("\(workload), \(condition), held twice as long", found)
    #expect(found.confirmed >= 0.95)
  }

  @Test(arguments: workloads)
  func `So it does against a baseline`(workload: String) throws {
    let base = try Samples("\(workload)-idle-base").runs
    let head = try Samples("\(workload)-idle-head").runs
    let found = GateStatisticsTests.failures(.sameMachine) {
      GateStatisticsTests.batch(base, head.shuffled(using: &$0), &$0)
    }
    GateStatisticsTests.show("\(workload), held twice as long as in a baseline", found)
    #expect(found.confirmed >= 0.95)
  }

  /// A baseline is of another time: the machine did nothing else then, and does now.
  @Test(arguments: workloads)
  func `No build fails because the machine has become busy since the baseline`(workload: String)
    throws
  {
    let before = try Samples("\(workload)-idle-base").runs
    let now = try Samples("\(workload)-burning-base").runs
    let found = GateStatisticsTests.failures(.sameMachine) {
      GateStatisticsTests.batch(before, now.shuffled(using: &$0), &$0)
    }
    GateStatisticsTests.show("\(workload), baseline of an idle machine on a busy one", found)
    #expect(found.confirmed <= 0.01)
  }
}
