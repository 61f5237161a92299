internal import SystemPackage
internal import TraceAnalysis

/// Tells on stderr how far a batch of runs has come: on a terminal a line that changes, elsewhere one for the
/// whole batch.
struct RunProgress {
  private let total: Int
  private let isShown: Bool
  private let begun = ContinuousClock.now
  private var runBegun = ContinuousClock.now
  private var last: Duration?
  private var done = 0

  /// Begins a batch.
  init(_ what: String, runs: Int, isQuiet: Bool) {
    total = runs
    isShown = !isQuiet && Terminal.isTerminal(.standardError)
    if !isShown, !isQuiet { Terminal.complain(what) }
  }

  /// The next run begins.
  mutating func begin(_ side: GateSide) {
    runBegun = .now
    guard isShown else { return }
    var text = "run \(done + 1) of \(total), \(side.rawValue)"
    if let last {
      let left = (runBegun - begun) / done * (total - done)
      text += ", \(last.brief); about \(left.brief) left"
    }
    Terminal.write("\r\u{1b}[K\(text)", to: .standardError)
  }

  /// It has ended.
  mutating func end() {
    done += 1
    last = .now - runBegun
  }

  /// Takes the line away.
  func finish() {
    if isShown { Terminal.write("\r\u{1b}[K", to: .standardError) }
  }
}
