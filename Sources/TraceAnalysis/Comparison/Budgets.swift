/// Limits that the runs of one side are checked against: nothing to compare with is needed. Of several runs
/// the median counts. A limit that is nil is none.
public struct Budgets: Codable, Hashable, Sendable {
  /// The part of a run during which any one lock may be held.
  public var utilisation: Double?
  /// Nanoseconds that threads may wait for any one lock, for each time that it is acquired.
  public var waitNs: Int64?
  /// How deep any one queue may be for 1 % of the time.
  public var queueDepth: Int64?
  /// The part of a run in which any one queue may be full.
  public var queueFull: Double?
  /// The part of a run in which Python's interpreter may be busy.
  public var gilUtilisation: Double?
  /// Nanoseconds that a thread may have the interpreter while another waits.
  public var gilHoldNs: Int64?
  /// Nanoseconds by which 1 % of what an event loop runs may be late.
  public var loopLagNs: Int64?
  /// Nanoseconds that 1 % of the waits for a CPU may take.
  public var runQueueNs: Int64?
  /// Limits of single locks, by what they are called in every run, in the place of those of all.
  public var locks: [String: LockBudget] = [:]
  /// Limits of single queues.
  public var queues: [String: QueueBudget] = [:]

  /// No limits.
  public init() {}

  /// Whether there are none.
  public var isEmpty: Bool { self == Budgets() }
}

/// Limits of one lock.
public struct LockBudget: Codable, Hashable, Sendable {
  /// As ``Budgets/utilisation``.
  public var utilisation: Double?
  /// As ``Budgets/waitNs``.
  public var waitNs: Int64?

  /// Makes them.
  public init(utilisation: Double? = nil, waitNs: Int64? = nil) {
    self.utilisation = utilisation
    self.waitNs = waitNs
  }
}

/// Limits of one queue.
public struct QueueBudget: Codable, Hashable, Sendable {
  /// As ``Budgets/queueDepth``.
  public var depth: Int64?
  /// As ``Budgets/queueFull``.
  public var full: Double?

  /// Makes them.
  public init(depth: Int64? = nil, full: Double? = nil) {
    self.depth = depth
    self.full = full
  }
}

extension Budgets {
  /// What the runs keep to and what not, and the names of locks and queues with limits that no run had.
  func check(_ runs: [RunFigures]) -> (results: [GateResult], missing: [String]) {
    var results: [GateResult] = []
    func add(
      _ subject: GateSubject, _ metric: GateMetric, _ values: [Double], limit: Double?
    ) {
      guard let limit, let middle = median(values) else { return }
      var result = GateResult(
        tier: .budget, subject: subject, metric: metric,
        verdict: middle > limit ? .exceeded : .met, gates: true)
      result.head = values
      result.headMedian = middle
      result.limit = limit
      results.append(result)
    }
    func limit(_ nanoseconds: Int64?) -> Double? { nanoseconds.map(Double.init) }

    for name in runs.lockNames {
      let found = runs.map { $0.lock(name) }
      let own = locks[name.name]
      let subject = GateSubject(.lock, name.name, place: found.lazy.compactMap(\.?.place).first)
      // In a run in which it was not used, it was not held.
      if found.contains(where: { $0?.utilisation != nil }) {
        add(
          subject, .utilisation, found.map { $0?.utilisation ?? 0 },
          limit: own?.utilisation ?? utilisation)
      }
      add(
        subject, .wait, found.compactMap(\.?.waitPerAcquisition),
        limit: limit(own?.waitNs ?? waitNs))
    }
    for name in Set(runs.flatMap { $0.queues.map(\.name) }).sorted() {
      let found = runs.map { run in run.queues.first { $0.name == name } }
      let own = queues[name]
      let subject = GateSubject(.queue, name)
      add(
        subject, .depth, found.map { Double($0?.depthP99 ?? 0) },
        limit: (own?.depth ?? queueDepth).map(Double.init))
      if found.contains(where: { $0?.fullShare != nil }) {
        add(subject, .full, found.map { $0?.fullShare ?? 0 }, limit: own?.full ?? queueFull)
      }
    }
    let gil = GateSubject(.gil, "GIL")
    add(gil, .utilisation, runs.compactMap(\.gil?.utilisation), limit: gilUtilisation)
    add(
      gil, .longestHold, runs.compactMap { $0.gil.map { Double($0.longestHoldNs) } },
      limit: limit(gilHoldNs))
    add(
      GateSubject(.eventLoop, "event loops"), .lag,
      runs.compactMap { $0.loopLagP99Ns.map(Double.init) },
      limit: limit(loopLagNs))
    add(
      GateSubject(.threads, "threads"), .runQueue,
      runs.compactMap { $0.runQueueP99Ns.map(Double.init) }, limit: limit(runQueueNs))

    let known = Set(runs.lockNames.map(\.name) + runs.flatMap { $0.queues.map(\.name) })
    return (results, (Array(locks.keys) + queues.keys).filter { !known.contains($0) }.sorted())
  }
}
