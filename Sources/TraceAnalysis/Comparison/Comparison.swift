internal import TraceModel

/// What came of comparing runs, or of checking them: the text and all other forms of `ctrace diff` and
/// `ctrace ci` are made of this and nothing else.
///
/// Encoded with `Codable` it is the schema `ctrace-comparison/1`, to which later versions only add. The article
/// "Comparisons" documents each field.
public struct Comparison: Codable, Hashable, Sendable {
  /// Names this schema.
  public static let schemaName = "ctrace-comparison/1"

  /// Always ``schemaName``.
  public var schema = Comparison.schemaName
  /// What comes of it all.
  public var verdict = Verdict.pass
  /// The exit status of the command that compared, which depends on what it makes of a verdict.
  public var exitCode: Int32 = 0
  /// The run that failed, where that is the verdict.
  public var failure: FailedRun?
  /// The runs that are compared with; nil where there are none.
  public var base: SideSummary?
  /// The runs that are judged.
  public var head: SideSummary
  /// How comparable the two sides are; nil where there is only one.
  public var comparability: Comparability?
  /// What judges them.
  public var settings: ComparisonSettings
  /// What was tested, what fails first.
  public var gates: [GateResult] = []
  /// Plain sentences about what could not be compared, and why.
  public var notes: [String] = []

  init(
    base: SideSummary?, head: SideSummary, comparability: Comparability?,
    settings: ComparisonSettings
  ) {
    self.base = base
    self.head = head
    self.comparability = comparability
    self.settings = settings
  }

  /// What there is to say where the program failed.
  ///
  /// - Parameters:
  ///   - base: The runs until then that would have been compared with; nil where there were to be none.
  ///   - head: Those that would have been judged.
  public init(
    failed failure: FailedRun, base: SideSummary?, head: SideSummary, settings: ComparisonSettings
  ) {
    self.init(base: base, head: head, comparability: nil, settings: settings)
    verdict = .programFailed
    self.failure = failure
  }

  /// What comes of a comparison. The raw value is the word of JSON.
  public enum Verdict: String, Codable, CaseIterable, Sendable {
    /// Nothing got worse, and no budget is exceeded.
    case pass
    /// Something got worse, or exceeds its budget.
    case regression
    /// There is not enough to tell.
    case inconclusive
    /// The program failed, so that its runs mean nothing.
    case programFailed = "program-failed"
    /// Too much was lost of the recordings.
    case lossy
  }
}

/// A run in which the program failed.
public struct FailedRun: Codable, Hashable, Sendable {
  /// Which of all runs it was, from 1 on.
  public var run: Int
  /// Whose it was: `base` or `head`.
  public var side: String
  /// What was run, as it was given.
  public var command: String
  /// Its exit status; nil when a signal killed it.
  public var exitCode: Int32?
  /// The signal that killed it.
  public var signal: Int32?
  /// The time that it was allowed, where it was ended because it took longer.
  public var longestNs: Int64?
  /// The last lines that it wrote.
  public var output: [String]

  /// Makes one.
  public init(
    run: Int, side: String, command: String, exitCode: Int32?, signal: Int32?, output: [String]
  ) {
    self.run = run
    self.side = side
    self.command = command
    self.exitCode = exitCode
    self.signal = signal
    self.output = output
  }
}

/// How comparable the runs of two sides are, and so which figures can fail a build. How long threads wait for a
/// lock depends on what else the machine does; how long they hold it, on how fast it is; the part of the
/// time that it is held, on neither by much.
public enum Comparability: String, Codable, Sendable {
  /// They ran by turns on one machine: all figures count.
  case interleaved
  /// They ran on one machine, at different times: waits are only shown.
  case sameMachine = "same-machine"
  /// They ran on different machines: waits and lengths of holds are only shown.
  case otherMachine = "other-machine"

  /// How comparable runs are, by what they say of when and where they ran.
  public init(_ base: [RunFigures], _ head: [RunFigures]) {
    let machines = Set((base + head).map { [$0.machine.processor, "\($0.machine.cpus)"] })
    guard machines.count == 1, machines.first?.first?.isEmpty == false else {
      self = .otherMachine
      return
    }
    let times = base.map { ($0.startedAtNs, true) } + head.map { ($0.startedAtNs, false) }
    let known = times.compactMap { time, isBase in time.map { (time: $0, isBase: isBase) } }
      .sorted { $0.time < $1.time }
    // By turns: with the order changing from pair to pair, one side follows the other half of the time.
    let changes = zip(known, known.dropFirst()).count { $0.isBase != $1.isBase }
    self =
      known.count == times.count && changes >= max(2, min(base.count, head.count))
      ? .interleaved : .sameMachine
  }
}

/// The runs of one side.
public struct SideSummary: Codable, Hashable, Sendable {
  /// The command line.
  public var program: [String]
  /// Where they ran.
  public var machine: MachineFigures
  /// How many there are.
  public var runs: Int
  /// The median of their wall times.
  public var durationNs: Int64
  /// Events of all of them that were lost.
  public var lost: UInt64
  /// The median part of the threads' time that recording took, estimated; of the wall time.
  public var overhead: Double

  /// Sums up runs; where there are none yet, they are to be of this program on this machine.
  public init(_ runs: [RunFigures], of program: [String] = [], on machine: MachineFigures? = nil) {
    self.program = runs.first?.program ?? program
    self.machine =
      runs.first?.machine ?? machine ?? MachineFigures(host: "", cpus: 0, recorder: "")
    self.runs = runs.count
    durationNs = Int64(exactly: (median(runs.map { Double($0.durationNs) }) ?? 0).rounded()) ?? .max
    lost = runs.reduce(0) { $0.saturatingAdd($1.lost) }
    overhead = median(runs.map { Double($0.overheadNs) / Double(max($0.durationNs, 1)) }) ?? 0
  }
}

/// When a difference counts.
public struct ComparisonSettings: Codable, Hashable, Sendable {
  /// The chance, over all that is tested, that something is called worse which is not.
  public var alpha = 0.05
  /// A median must have grown by more than this factor.
  public var minRatio = 1.25
  /// And by so much in a run that at least so many nanoseconds are more.
  public var minAbsNs: Int64 = 500_000
  /// The part of its events that a recording may have lost.
  public var maxLost = 0.001
  /// Kinds of findings that fail.
  public var facts = Fact.kinds
  /// Limits that need no other runs.
  public var budgets = Budgets()
  /// Names of locks that are not looked at.
  public var ignored: [String] = []
  /// Locks whose getting worse is put up with for now.
  public var waivers: [Waiver] = []

  /// The defaults.
  public init() {}
}

/// Leave for a lock to be as bad as it is.
public struct Waiver: Codable, Hashable, Sendable {
  /// The lock, as it is called in every run.
  public var lock: String
  /// The last day of it, such as `2027-01-31`.
  public var until: String
  /// Why.
  public var reason: String

  /// Makes one.
  public init(lock: String, until: String, reason: String) {
    self.lock = lock
    self.until = until
    self.reason = reason
  }
}

/// One figure that was tested.
public struct GateResult: Codable, Hashable, Sendable {
  /// How it is tested.
  public enum Tier: String, Codable, Sendable {
    /// It is so or not: one run tells.
    case fact
    /// Against a limit.
    case budget
    /// Against other runs.
    case difference
  }

  /// What came of it.
  public enum Verdict: String, Codable, Sendable {
    /// Worse than before; of a fact: not there before.
    case regressed
    /// Better than before.
    case improved
    /// Neither, as far as it matters.
    case same
    /// There are too few runs to tell; or CPUs were shorter than when the others were made.
    case inconclusive
    /// Not there before.
    case new
    /// No longer there.
    case gone
    /// Worse, but others got better by as much: the time has only another name.
    case moved
    /// Over its limit.
    case exceeded
    /// Within its limit.
    case met
  }

  /// How it is tested.
  public var tier: Tier
  /// What it is a figure of.
  public var subject: GateSubject
  /// Which figure.
  public var metric: GateMetric
  /// What came of it.
  public var verdict: Verdict
  /// Whether that can fail a build; false for what is only worth knowing.
  public var gates: Bool
  /// The figure in each run that is compared with; empty without any.
  public var base: [Double] = []
  /// The figure in each run that is judged.
  public var head: [Double] = []
  /// The median of `base`.
  public var baseMedian: Double?
  /// The median of `head`.
  public var headMedian: Double?
  /// The one by the other; nil where that makes no sense.
  public var ratio: Double?
  /// The chance of such ranks without a difference, in the direction that it has.
  public var probability: Double?
  /// The same with all that was tested taken into account: see ``HolmCorrection``.
  public var adjustedProbability: Double?
  /// The limit.
  public var limit: Double?
  /// Why it does not fail though it would; nil where there is no such leave.
  public var waiver: Waiver?
  /// Whether a second batch of runs said the same; nil where there was none.
  public var confirmed: Bool?

  /// Whether it fails a build.
  public var fails: Bool {
    gates && waiver == nil && confirmed != false && (verdict == .regressed || verdict == .exceeded)
  }
}

/// What a figure is of.
public struct GateSubject: Codable, Hashable, Sendable {
  /// What sort of thing it is.
  public enum Kind: String, Codable, Sendable {
    case lock
    case queue
    case gil
    case eventLoop = "event-loop"
    case threads
    /// All locks together.
    case allLocks = "all-locks"
  }

  /// What sort of thing it is.
  public var kind: Kind
  /// Its name.
  public var name: String
  /// Where in the program; nil where no line is known.
  public var place: SourcePlace?

  /// Makes one.
  public init(_ kind: Kind, _ name: String, place: SourcePlace? = nil) {
    self.kind = kind
    self.name = name
    self.place = place
  }
}

/// Which figure was tested. The raw value is the word of JSON.
public enum GateMetric: String, Codable, CaseIterable, Sendable {
  /// The part of the run during which a lock was held.
  case utilisation
  /// Nanoseconds that a lock was held for each time it was acquired.
  case hold
  /// Nanoseconds that threads waited for each time a lock was acquired.
  case wait
  /// Nanoseconds that threads waited for locks in a run.
  case waitTotal = "wait-total"
  /// Times a lock was acquired.
  case acquisitions
  /// Whether it is there.
  case presence
  /// Whether it is so: of a fact.
  case deadlock
  /// Two orders of locks.
  case lockOrder = "lock-order"
  /// A thread ended and left a lock locked.
  case leftLocked = "left-locked"
  /// The depth of a queue, of which 99 % of the time it was no deeper.
  case depth
  /// The part of the run in which a queue was full.
  case full
  /// Nanoseconds of the longest hold that another thread waited for.
  case longestHold = "longest-hold"
  /// Nanoseconds by which an event loop ran things late, the 99th percentile.
  case lag
  /// Nanoseconds without a CPU, the 99th percentile.
  case runQueue = "run-queue"

  /// What its numbers are.
  public enum Unit: String, Codable, Sendable {
    case nanoseconds, share, count
  }

  /// What its numbers are.
  public var unit: Unit {
    switch self {
    case .utilisation, .full: .share
    case .hold, .wait, .waitTotal, .longestHold, .lag, .runQueue: .nanoseconds
    case .acquisitions, .presence, .deadlock, .lockOrder, .leftLocked, .depth: .count
    }
  }
}
