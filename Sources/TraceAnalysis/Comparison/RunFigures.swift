internal import TraceModel

/// What one run of a program is compared by: the figures of its report that mean the same in another run, in
/// another build and, where nothing else is said, on another machine.
public struct RunFigures: Codable, Hashable, Sendable {
  /// The command line.
  public var program: [String]
  /// Where it ran.
  public var machine: MachineFigures
  /// When it began, nanoseconds since 1970; nil where that is not known.
  public var startedAtNs: Int64?
  /// The program's exit status; nil when a signal killed it, or it outlived the recording.
  public var exitCode: Int32?
  /// The signal that killed the program.
  public var signal: Int32?
  /// Wall time.
  public var durationNs: Int64
  /// Events that were recorded.
  public var events: UInt64
  /// Events that were not, and calls that could not be counted.
  public var lost: UInt64
  /// Whether the recording is whole: it was finished, and no thread is missing.
  public var complete: Bool
  /// What recording cost the program's threads, estimated.
  public var overheadNs: Int64
  /// What threads and tasks contend for, most time first, ``mostLocks`` at most.
  public var locks: [LockFigures]
  /// What has a depth.
  public var queues: [QueueFigures]
  /// Python's interpreter, the busiest if there are several; nil without one.
  public var gil: GILFigures?
  /// How late event loops ran what was due: the 99th percentile, of the loop with the greatest; nil
  /// without one.
  public var loopLagP99Ns: Int64?
  /// From being woken, or preempted, to being on a CPU: the 99th percentile of the thread that had it
  /// worst of those with ``leastSwitches``; nil where that was not recorded.
  public var runQueueP99Ns: Int64?
  /// Of the time in which threads could have run, the part in which they had no CPU: how short CPUs were. Nil
  /// where that was not recorded.
  public var noCPUShare: Double?
  /// What one run is enough to know.
  public var facts: [FactFigures]

  /// Locks that are kept at most.
  public static let mostLocks = 256
  /// A thread that came to a CPU less often than this has no percentiles worth the name.
  public static let leastSwitches: UInt64 = 100

  /// Makes figures of a run.
  public init(
    program: [String], machine: MachineFigures, startedAtNs: Int64? = nil, exitCode: Int32? = nil,
    signal: Int32? = nil, durationNs: Int64, events: UInt64 = 0, lost: UInt64 = 0,
    complete: Bool = true, overheadNs: Int64 = 0, locks: [LockFigures] = [],
    queues: [QueueFigures] = [], gil: GILFigures? = nil, loopLagP99Ns: Int64? = nil,
    runQueueP99Ns: Int64? = nil, noCPUShare: Double? = nil, facts: [FactFigures] = []
  ) {
    self.program = program
    self.machine = machine
    self.startedAtNs = startedAtNs
    self.exitCode = exitCode
    self.signal = signal
    self.durationNs = durationNs
    self.events = events
    self.lost = lost
    self.complete = complete
    self.overheadNs = overheadNs
    self.locks = locks
    self.queues = queues
    self.gil = gil
    self.loopLagP99Ns = loopLagP99Ns
    self.runQueueP99Ns = runQueueP99Ns
    self.noCPUShare = noCPUShare
    self.facts = facts
  }
}

/// What runs are measured on.
public struct MachineFigures: Codable, Hashable, Sendable {
  /// Kernel and processor.
  public var host: String
  /// CPUs that were online.
  public var cpus: Int32
  /// The version of ctrace.
  public var recorder: String

  /// Makes one.
  public init(host: String, cpus: Int32, recorder: String) {
    self.host = host
    self.cpus = cpus
    self.recorder = recorder
  }

  /// The kernel alone.
  var kernel: String { host.split(separator: ",", maxSplits: 1).first.map(String.init) ?? "" }

  /// The processor alone: a kernel that was updated is still the same machine.
  var processor: String {
    host.split(separator: ",", maxSplits: 1).last.map { String($0.drop { $0 == " " }) } ?? ""
  }
}

/// A lock, or all locks that one place of the program has made.
public struct LockFigures: Codable, Hashable, Sendable {
  /// What it is called in every run and build: ``LockSummary/identity``.
  public var name: String
  /// What it is: the name of a ``TraceModel/LockKind``.
  public var kind: String
  /// How many locks these are.
  public var count: Int
  /// Times they were acquired.
  public var acquisitions: UInt64
  /// Requests that could not be met at once.
  public var contended: UInt64
  /// Of the busiest, the part of the wall time that it was held; nil for what is not held.
  public var utilisation: Double?
  /// Nanoseconds that they were held; nil for what is not held.
  public var heldNs: Int64?
  /// Nanoseconds that they were waited for.
  public var waitNs: Int64
  /// 99 in 100 waits were no longer than this; of several, the greatest.
  public var waitP99Ns: Int64
  /// Where it was mostly held while others waited, or else waited for; nil where no line is known.
  public var place: SourcePlace?

  /// Makes figures of a lock.
  public init(
    name: String, kind: String, count: Int = 1, acquisitions: UInt64, contended: UInt64 = 0,
    utilisation: Double? = nil, heldNs: Int64? = nil, waitNs: Int64 = 0, waitP99Ns: Int64 = 0,
    place: SourcePlace? = nil
  ) {
    self.name = name
    self.kind = kind
    self.count = count
    self.acquisitions = acquisitions
    self.contended = contended
    self.utilisation = utilisation
    self.heldNs = heldNs
    self.waitNs = waitNs
    self.waitP99Ns = waitP99Ns
    self.place = place
  }
}

/// A line of the program.
public struct SourcePlace: Codable, Hashable, Sendable {
  /// The function.
  public var function: String
  /// The source file, as the compiler was given it.
  public var file: String
  /// The line.
  public var line: UInt32

  /// Makes one.
  public init(function: String, file: String, line: UInt32) {
    self.function = function
    self.file = file
    self.line = line
  }
}

/// A queue, or all queues of one name.
public struct QueueFigures: Codable, Hashable, Sendable {
  /// What it is called in every run and build: ``QueueSummary/identity``.
  public var name: String
  /// What it is: the name of a ``TraceModel/LockKind``.
  public var kind: String
  /// During 99 % of the time it was no deeper than this; of several, the greatest.
  public var depthP99: Int64
  /// The part of the run in which it was full; of several, the greatest; nil where no capacity is known.
  public var fullShare: Double?

  /// Makes figures of a queue.
  public init(name: String, kind: String, depthP99: Int64, fullShare: Double? = nil) {
    self.name = name
    self.kind = kind
    self.depthP99 = depthP99
    self.fullShare = fullShare
  }
}

/// The lock of an interpreter of Python's.
public struct GILFigures: Codable, Hashable, Sendable {
  /// The part of its process's life in which a thread had it.
  public var utilisation: Double
  /// The longest hold that another thread waited for.
  public var longestHoldNs: Int64

  /// Makes figures of an interpreter.
  public init(utilisation: Double, longestHoldNs: Int64) {
    self.utilisation = utilisation
    self.longestHoldNs = longestHoldNs
  }
}

/// Something that is so, however often the program runs.
public struct FactFigures: Codable, Hashable, Sendable {
  /// The kind of the finding.
  public var kind: String
  /// The lock that it is about, as it is called in every run; empty where there is none.
  public var lock: String
  /// The finding's sentence.
  public var text: String
  /// Where it comes from; nil where no line is known.
  public var place: SourcePlace?

  /// Makes a fact.
  public init(kind: String, lock: String, text: String, place: SourcePlace? = nil) {
    self.kind = kind
    self.lock = lock
    self.text = text
    self.place = place
  }
}

/// Findings that one run is enough for.
public enum Fact {
  /// Their kinds.
  public static let kinds = ["deadlock", "lock-order", "left-locked"]
}

extension RunFigures {
  /// Takes them from a report.
  public init(_ report: Report) {
    let recording = report.recording
    program = recording.program
    machine = MachineFigures(
      host: recording.host ?? "", cpus: recording.cpus, recorder: recording.recorder ?? "")
    startedAtNs = recording.startedAtNs
    exitCode = recording.exitCode
    signal = recording.signal
    durationNs = recording.durationNs
    events = recording.events
    lost = recording.lostEvents.saturatingAdd(recording.uncountedCalls)
    complete = recording.complete && recording.unrecordedThreads == 0
    overheadNs = recording.overheadNs
    locks = RunFigures.locks(report.locks)
    queues = RunFigures.queues(report.queues, durationNs: recording.durationNs)
    gil = report.gil.max { $0.utilisation < $1.utilisation }.map { busiest in
      GILFigures(
        utilisation: busiest.utilisation,
        longestHoldNs: report.gil.compactMap { $0.worstHold?.ns }.max() ?? 0)
    }
    loopLagP99Ns = report.loops.compactMap { $0.lagNs?.p99 }.max()
    runQueueP99Ns = report.threads.filter {
      let switches = $0.switches ?? SwitchCounts(voluntary: 0, preempted: 0)
      return switches.voluntary.saturatingAdd(switches.preempted) >= RunFigures.leastSwitches
    }.compactMap { $0.runQueueNs?.p99 }.max()
    let ready = report.threads.saturatingSum(\.runnableNs)
    let wanted = report.threads.saturatingSum(\.runNs).saturatingAdd(ready)
    noCPUShare =
      recording.scheduling == "off" || wanted == 0 ? nil : Double(ready) / Double(wanted)
    let names = Dictionary(
      report.locks.map { (Int64($0.id), $0.identity ?? $0.name) },
      uniquingKeysWith: { one, _ in one })
    facts = report.findings.filter { Fact.kinds.contains($0.kind) }.map { finding in
      FactFigures(
        kind: finding.kind, lock: finding.evidence["lock"].flatMap { names[$0] } ?? "",
        text: finding.text,
        place: SourcePlace((finding.places ?? []).lazy.map(\.stack)))
    }
  }

  private static let contendedKinds = Set(
    LockKind.allCases.filter { $0.isContended || $0.isHeld }.map(\.name))

  private static func locks(_ summaries: [LockSummary]) -> [LockFigures] {
    struct Key: Hashable {
      var name: String
      var kind: String
    }
    var found: [Key: LockFigures] = [:]
    for lock in summaries where contendedKinds.contains(lock.kind) {
      guard let name = lock.identity else { continue }
      var figures = LockFigures(
        name: name, kind: lock.kind, count: 1, acquisitions: lock.acquisitions,
        contended: lock.contended, utilisation: lock.utilisation, heldNs: lock.heldNs,
        waitNs: lock.waitNs.total, waitP99Ns: lock.waitNs.p99,
        place: SourcePlace(lock.holders.map(\.stack)) ?? SourcePlace(lock.waiters.map(\.stack)))
      if let other = found[Key(name: name, kind: lock.kind)] { figures.add(other) }
      found[Key(name: name, kind: lock.kind)] = figures
    }
    return Array(
      found.values.sorted {
        ($1.busyNs, $0.name, $0.kind) < ($0.busyNs, $1.name, $1.kind)
      }.prefix(mostLocks))
  }

  private static func queues(
    _ summaries: [QueueSummary], durationNs: Int64
  ) -> [QueueFigures] {
    var found: [String: QueueFigures] = [:]
    for queue in summaries {
      guard let name = queue.identity else { continue }
      var figures = QueueFigures(
        name: name, kind: queue.kind, depthP99: queue.depth.p99,
        fullShare: queue.depth.fullNs.map { Double($0) / Double(max(durationNs, 1)) })
      if let other = found[name] {
        figures.depthP99 = max(figures.depthP99, other.depthP99)
        figures.fullShare = [figures.fullShare, other.fullShare].compactMap(\.self).max()
      }
      found[name] = figures
    }
    return found.values.sorted { $0.name < $1.name }
  }
}

extension LockFigures {
  /// Nanoseconds that it was held or waited for.
  var busyNs: Int64 { (heldNs ?? 0).saturatingAdd(waitNs) }

  /// Puts in another lock that the same place has made.
  fileprivate mutating func add(_ other: LockFigures) {
    if other.busyNs > busyNs { place = other.place }
    count = count.saturatingAdd(other.count)
    acquisitions = acquisitions.saturatingAdd(other.acquisitions)
    contended = contended.saturatingAdd(other.contended)
    utilisation = [utilisation, other.utilisation].compactMap(\.self).max()
    heldNs = [heldNs, other.heldNs].compactMap(\.self).reduce(nil) { ($0 ?? 0).saturatingAdd($1) }
    waitNs = waitNs.saturatingAdd(other.waitNs)
    waitP99Ns = max(waitP99Ns, other.waitP99Ns)
  }
}

extension SourcePlace {
  /// The innermost line that is known of the first stack that has one.
  fileprivate init?(_ stacks: some Sequence<[FrameSummary]>) {
    for stack in stacks {
      guard let frame = stack.first(where: { !$0.file.isEmpty && $0.line > 0 }) else { continue }
      self.init(function: frame.function, file: frame.file, line: frame.line)
      return
    }
    return nil
  }
}
