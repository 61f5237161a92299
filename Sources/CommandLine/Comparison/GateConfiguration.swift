internal import TraceAnalysis

/// What `ctrace ci` does when there is not enough to tell.
enum InconclusivePolicy: String, CaseIterable {
  /// It passes.
  case pass
  /// It passes, and says so loudly.
  case warn
  /// It fails.
  case fail
}

/// How runs are made and judged: what `.ctrace.yml` and the options say.
struct GateConfiguration {
  /// What judges.
  var settings = ComparisonSettings()
  /// Runs of each side; nil for as many as suit.
  var runs: Int?
  /// Whether what fails is run again.
  var confirms = true
  /// What happens when there is not enough to tell.
  var inconclusive = InconclusivePolicy.warn
  /// The exit status of the program that means success.
  var expectedExit: Int32 = 0

  /// Runs of each side where a difference is looked for and nothing else is said.
  static let runsToCompare = 10
}

extension Budgets {
  /// What the limits are called in a configuration.
  static let keys = [
    "utilisation", "wait", "queue_depth", "queue_full", "gil_utilisation", "gil_hold", "loop_lag",
    "run_queue",
  ]

  /// Sets the limit of a name.
  mutating func set(_ key: String, _ value: Setting) throws {
    switch key {
    case "utilisation": utilisation = try value.share()
    case "wait": waitNs = try value.time()
    case "queue_depth": queueDepth = try value.count(0...Int64(Int32.max))
    case "queue_full": queueFull = try value.share()
    case "gil_utilisation": gilUtilisation = try value.share()
    case "gil_hold": gilHoldNs = try value.time()
    case "loop_lag": loopLagNs = try value.time()
    case "run_queue": runQueueNs = try value.time()
    default: throw unknownKey(key, in: "budget", of: Budgets.keys, at: value.place)
    }
  }
}

/// Ends the command for a key that is none.
func unknownKey(_ key: String, in section: String, of keys: [String], at place: String) -> Failure {
  Failure(
    message: "\(place): \(section.isEmpty ? "a configuration" : section) has no key "
      + "\(key.prefix(60).debugDescription), only \(keys.joined(separator: ", "))")
}
