internal import TraceAnalysis

/// A comparison as metrics in the text format of OpenMetrics 1.0, for GitLab's metrics reports and for
/// Prometheus: of each figure the median of a side.
///
/// The specification: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md.
/// It wants base units, so times are seconds.
struct ComparisonMetrics {
  let comparison: Comparison

  /// All metrics of one name.
  private struct Family {
    var name: String
    var unit = ""
    var help: String
    var samples: [(labels: [(String, String)], value: Double)] = []
    /// Labels that were used: the same ones twice would be an error.
    var used: Set<[String]> = []

    mutating func add(_ labels: [(String, String)], _ value: Double) {
      let labels = labels.map { ($0, $1.printable) }
      guard value.isFinite, used.insert(labels.map(\.1)).inserted else { return }
      samples.append((labels, value))
    }
  }

  /// The metrics, ending with `# EOF`.
  var text: String {
    var lines: [String] = []
    for family in [verdict] + sides + figures + [failing] where !family.samples.isEmpty {
      lines.append("# TYPE \(family.name) gauge")
      if !family.unit.isEmpty { lines.append("# UNIT \(family.name) \(family.unit)") }
      lines.append("# HELP \(family.name) \(escaped(family.help))")
      // In an order that does not depend on what is worse.
      for (labels, value) in family.samples.sorted(by: {
        $0.labels.map(\.1).lexicographicallyPrecedes($1.labels.map(\.1))
      }) {
        let all = labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
        lines.append("\(family.name){\(all)} \(number(value))")
      }
    }
    return lines.map { $0 + "\n" }.joined() + "# EOF\n"
  }

  private var verdict: Family {
    var family = Family(name: "ctrace_verdict", help: "1 for what comes of the comparison.")
    for verdict in Comparison.Verdict.allCases {
      family.add([("verdict", verdict.rawValue)], comparison.verdict == verdict ? 1 : 0)
    }
    return family
  }

  private var failing: Family {
    var family = Family(
      name: "ctrace_figure_failed", help: "1 for a figure that fails the build, 0 for others.")
    for gate in comparison.gates where gate.gates {
      family.add(
        [
          ("kind", gate.subject.kind.rawValue), ("name", gate.subject.name),
          ("figure", gate.metric.rawValue), ("tested", gate.tier.rawValue),
        ], gate.fails ? 1 : 0)
    }
    return family
  }

  private var sides: [Family] {
    var runs = Family(name: "ctrace_runs", help: "Runs of a side.")
    var time = Family(
      name: "ctrace_run_seconds", unit: "seconds", help: "Wall time of a run, the median.")
    var lost = Family(name: "ctrace_lost_events", help: "Events that recordings lack.")
    for (name, side) in [("base", comparison.base), ("head", comparison.head)] {
      guard let side else { continue }
      runs.add([("side", name)], Double(side.runs))
      time.add([("side", name)], Double(side.durationNs) / 1e9)
      lost.add([("side", name)], Double(side.lost))
    }
    return [runs, time, lost]
  }

  private var figures: [Family] {
    var families: [String: Family] = [:]
    var order: [String] = []
    for gate in comparison.gates {
      guard let (name, help) = ComparisonMetrics.names[gate.metric] else { continue }
      let kind = ComparisonMetrics.kinds[gate.subject.kind] ?? "lock"
      let (unit, factor) =
        switch gate.metric.unit {
        case .nanoseconds: ("seconds", 1e-9)
        case .share: ("ratio", 1.0)
        case .count: ("", 1.0)
        }
      let fullName = "ctrace_\(kind)_\(name)" + (unit.isEmpty ? "" : "_\(unit)")
      if families[fullName] == nil {
        families[fullName] = Family(name: fullName, unit: unit, help: help)
        order.append(fullName)
      }
      for (side, value) in [("base", gate.baseMedian), ("head", gate.headMedian)] {
        guard let value else { continue }
        families[fullName]?.add([("name", gate.subject.name), ("side", side)], value * factor)
      }
    }
    return order.sorted().compactMap { families[$0] }
  }

  private static let kinds: [GateSubject.Kind: String] = [
    .lock: "lock", .allLocks: "all_locks", .queue: "queue", .gil: "gil",
    .eventLoop: "event_loops", .threads: "threads",
  ]

  /// What metrics of a figure are called, and what they are.
  private static let names: [GateMetric: (name: String, help: String)] = [
    .utilisation: ("utilisation", "The part of a run during which it was held."),
    .hold: ("hold", "How long it was held each time it was acquired."),
    .wait: ("wait", "How long threads waited for it, for each time it was acquired."),
    .waitTotal: ("wait", "How long threads waited in a run."),
    .acquisitions: ("acquisitions", "Times that it was acquired in a run."),
    .depth: ("depth_p99", "It was no deeper than this for 99 % of a run."),
    .full: ("full", "The part of a run in which it was full."),
    .longestHold: ("longest_hold", "The longest hold that another thread waited for."),
    .lag: ("lag_p99", "99 % of what was due was late by no more than this."),
    .runQueue: ("run_queue_p99", "99 % of the waits for a CPU took no longer than this."),
  ]

  /// A number without an exponent that some readers don't know, where that is short.
  private func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  private func escaped(_ text: String) -> String {
    text.escaped { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      default: nil
      }
    }
  }
}
