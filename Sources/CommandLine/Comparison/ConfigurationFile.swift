internal import Glibc
internal import TraceAnalysis

/// The file `.ctrace.yml`. Its keys are those of ``template``.
enum ConfigurationFile {
  /// Where it is looked for.
  static let name = ".ctrace.yml"

  /// Reads a file into a configuration.
  ///
  /// - Parameter today: The day, such as `2027-01-31`: leave that has ended by then is none.
  static func read(_ path: String, today: String) throws -> GateConfiguration {
    var configuration = GateConfiguration()
    guard let root = try ConfigurationNode.read(path) else { return configuration }
    for (key, value) in try root.entries() {
      switch key {
      case "gate": try readGate(value, &configuration)
      case "budget":
        for (key, value) in try value.entries() {
          try configuration.settings.budgets.set(key, value.setting)
        }
      case "locks": try readLocks(value, &configuration.settings)
      case "queues": try readQueues(value, &configuration.settings.budgets)
      case "waivers":
        configuration.settings.waivers = try value.items().map { try waiver($0, today) }
      default:
        throw unknownKey(
          key, in: "", of: ["gate", "budget", "locks", "queues", "waivers"], at: value.place)
      }
    }
    return configuration
  }

  private static func readGate(
    _ section: ConfigurationNode, _ configuration: inout GateConfiguration
  ) throws {
    for (key, value) in try section.entries() {
      let setting = value.setting
      switch key {
      case "runs": configuration.runs = Int(try setting.count(1...Int64(RunFile.mostRuns)))
      case "alpha": configuration.settings.alpha = try setting.alpha()
      case "min_ratio": configuration.settings.minRatio = try setting.factor()
      case "min_abs": configuration.settings.minAbsNs = try setting.time()
      case "max_lost": configuration.settings.maxLost = try setting.share()
      case "facts":
        configuration.settings.facts = try value.items().map { try $0.setting.fact() }
      case "confirm": configuration.confirms = try setting.flag()
      case "inconclusive": configuration.inconclusive = try setting.word(InconclusivePolicy.self)
      case "expect_exit": configuration.expectedExit = Int32(try setting.count(0...255))
      default:
        throw unknownKey(
          key, in: "gate",
          of: [
            "runs", "alpha", "min_ratio", "min_abs", "max_lost", "facts", "confirm", "inconclusive",
            "expect_exit",
          ], at: value.place)
      }
    }
  }

  private static func readLocks(
    _ section: ConfigurationNode, _ settings: inout ComparisonSettings
  ) throws {
    for (lock, keys) in try section.entries() {
      var budget = LockBudget()
      for (key, value) in try keys.entries() {
        switch key {
        case "utilisation": budget.utilisation = try value.setting.share()
        case "wait": budget.waitNs = try value.setting.time()
        case "ignore": if try value.setting.flag() { settings.ignored.append(lock) }
        default:
          throw unknownKey(
            key, in: "locks.\(lock)", of: ["utilisation", "wait", "ignore"], at: value.place)
        }
      }
      if budget != LockBudget() { settings.budgets.locks[lock] = budget }
    }
  }

  private static func readQueues(_ section: ConfigurationNode, _ budgets: inout Budgets) throws {
    for (queue, keys) in try section.entries() {
      var budget = QueueBudget()
      for (key, value) in try keys.entries() {
        switch key {
        case "depth": budget.depth = try value.setting.count(0...Int64(Int32.max))
        case "full": budget.full = try value.setting.share()
        default:
          throw unknownKey(key, in: "queues.\(queue)", of: ["depth", "full"], at: value.place)
        }
      }
      if budget != QueueBudget() { budgets.queues[queue] = budget }
    }
  }

  private static func waiver(_ node: ConfigurationNode, _ today: String) throws -> Waiver {
    var (lock, until, reason): (String?, String?, String?) = (nil, nil, nil)
    for (key, value) in try node.entries() {
      switch key {
      case "lock": lock = try value.setting.words("the name of a lock or queue")
      case "until": until = try value.setting.day()
      case "reason": reason = try value.setting.words("why, in a few words or a link")
      default:
        throw unknownKey(key, in: "a waiver", of: ["lock", "until", "reason"], at: value.place)
      }
    }
    guard let lock, let until, let reason else {
      throw Failure(
        message: "\(node.place): a waiver needs a lock, the last day of it (until) and a reason; "
          + "it has no \(lock == nil ? "lock" : until == nil ? "until" : "reason")")
    }
    guard until >= today else {
      throw Failure(
        message:
          "\(node.place): the waiver of \(lock) (\(reason)) ended on \(until); mend the lock, "
          + "or set a later day with a reason for it")
    }
    return Waiver(lock: lock, until: until, reason: reason)
  }

  /// Today, in UTC, so that all machines agree.
  static func today() -> String {
    var (seconds, parts) = (time(nil), tm())
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
  }
}

extension Setting {
  /// A kind of finding that one run is enough for.
  fileprivate func fact() throws -> String {
    guard let text, Fact.kinds.contains(text) else {
      throw wrong(Fact.kinds.joined(separator: ", ") + " (one of them)")
    }
    return text
  }
}
