internal import ArgumentParser
internal import Glibc
internal import TraceAnalysis

/// How runs are judged: options that `ctrace ci` and `ctrace diff` share. They go before the file.
struct GateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The configuration; without this, .ctrace.yml where there is one.", valueName: "file"))
  var config: String?

  @Flag(name: .customLong("no-config"), help: "Read no configuration.")
  var noConfig = false

  @Option(
    help: ArgumentHelp(
      """
      A limit, such as utilisation=60%, wait=500us, queue_depth=100, queue_full=10%, \
      gil_utilisation=90%, gil_hold=50ms, loop_lag=20ms or run_queue=10ms. May be given again.
      """, valueName: "name=limit"))
  var budget: [String] = []

  @Option(
    help: ArgumentHelp(
      "The chance of failing for nothing, over all that is tested (0.05).", valueName: "p"))
  var alpha: String?

  @Option(
    help: ArgumentHelp(
      "A difference must be more than this factor (1.25).", valueName: "factor"))
  var minRatio: String?

  @Option(
    help: ArgumentHelp("And make this much in a run (500us).", valueName: "time"))
  var minAbs: String?

  @Option(
    help: ArgumentHelp("The share of events that a recording may lose (0.1%).", valueName: "share"))
  var maxLost: String?

  @Option(
    help: ArgumentHelp(
      "When there is not enough to tell: pass; warn: pass and say so; fail: exit with 4.",
      valueName: "what"))
  var inconclusive: InconclusivePolicy?

  func validate() throws {
    if config != nil, noConfig {
      throw ValidationError("give --config or --no-config, and not both")
    }
  }

  /// What the file says, and above it the options.
  func configuration() throws -> GateConfiguration {
    var configuration = GateConfiguration()
    let path = config ?? ConfigurationFile.name
    if !noConfig, config != nil || access(path, F_OK) == 0 {
      configuration = try ConfigurationFile.read(path, today: ConfigurationFile.today())
    }
    func given(_ name: String, _ text: String?) -> Setting? {
      text.map { Setting(name: name, text: $0, place: "--\(name)") }
    }
    if let alpha = given("alpha", alpha) { configuration.settings.alpha = try alpha.alpha() }
    if let ratio = given("min-ratio", minRatio) {
      configuration.settings.minRatio = try ratio.factor()
    }
    if let least = given("min-abs", minAbs) { configuration.settings.minAbsNs = try least.time() }
    if let lost = given("max-lost", maxLost) { configuration.settings.maxLost = try lost.share() }
    if let inconclusive { configuration.inconclusive = inconclusive }
    for text in budget {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw Failure(message: "--budget: \(text) has no limit; give one, such as utilisation=60%")
      }
      try configuration.settings.budgets.set(
        String(parts[0]),
        Setting(name: String(parts[0]), text: String(parts[1]), place: "--budget"))
    }
    return configuration
  }
}

extension InconclusivePolicy: ExpressibleByArgument {}

extension GateConfiguration {
  /// The exit status that a verdict comes to.
  func exitCode(of verdict: Comparison.Verdict) -> Int32 {
    switch verdict {
    case .pass: 0
    case .regression: 3
    case .inconclusive: inconclusive == .fail ? 4 : 0
    case .programFailed: 5
    case .lossy: 6
    }
  }

  /// Writes what came of it, and ends the command with the status of that.
  func conclude(
    _ comparison: Comparison, _ outputs: ComparisonOutputs, recordings: [String]
  ) throws {
    var comparison = comparison
    comparison.exitCode = exitCode(of: comparison.verdict)
    try outputs.write(comparison, recordings: recordings)
    if comparison.verdict == .inconclusive, inconclusive == .warn {
      Terminal.complain(
        "INCONCLUSIVE, and taken for a pass: there is not enough to tell; see --inconclusive")
    }
    if comparison.exitCode != 0 { throw ProgramStatus(code: comparison.exitCode) }
  }
}
