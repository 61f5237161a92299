internal import TraceModel

/// In which order threads asked for locks, and whether that can make them wait for each other for ever though
/// it never did.
///
/// A thread that asks for one lock while it has another gives an edge from that one to this. A cycle of edges
/// is a deadlock that can happen if, as Havelund's GoodLock demands ("Using Runtime Analysis to Guide Model
/// Checking of Java Programs", 2000; for more than two locks Bensalem and Havelund, "Dynamic Deadlock Analysis
/// of Multi-Threaded Programs", 2005), the edges are of different threads, and no lock was held at all of
/// them, which would let in only one of these threads at a time. Besides:
///
/// - Both sides of a lock of the cycle must not be its shared side.
/// - What the main thread did before another began, or after it ended, can't meet what that one did.
/// - A lock that a thread released which another had acquired counts for nothing: nobody knows who has it.
struct LockOrder {
  /// Locks of one cycle that are looked for, and how much is done to find any.
  private static let longestCycle = 6
  private static let mostSteps = 100_000
  /// Edges between the same two locks that are kept, and locks that a thread may have had at once.
  private static let mostAlike = 64
  private static let mostHeld = 64

  /// One thread that had a lock and asked for the next.
  struct Edge {
    var from: Nesting.Held
    var to: Nesting.Held
    /// What else it had, to itself.
    var guards: Set<LockID>
    var thread: ThreadID
    var time: Timestamp
    var stack: StackID
  }

  /// Edges, each to the lock that the next begins at.
  private(set) var cycles: [[Edge]] = []
  /// Those that lead away from each lock, by where they lead to.
  private var edges: [LockID: [(to: LockID, alike: [Edge])]] = [:]
  private let threads: [ThreadID: Thread]
  private let mainThreads: Set<ThreadID>
  private var steps = 0

  init(_ definitions: TraceDefinitions) {
    threads = definitions.threads
    mainThreads = Set(
      definitions.threads.values.lazy
        .filter { definitions.processes[$0.process]?.pid == $0.tid }.map(\.id))
    let handedOver = Set(definitions.nestings.lazy.filter { $0.held.isEmpty }.map(\.wanted))
    var all: [LockID: [LockID: [Edge]]] = [:]
    for nesting in definitions.nestings where nesting.wanted != .unknown {
      LockOrder.add(nesting, without: handedOver, to: &all)
    }
    edges = all.mapValues { next in
      next.sorted { $0.key < $1.key }.map { (to: $0.key, alike: $0.value) }
    }
    findCycles()
  }

  private static func add(
    _ nesting: Nesting, without handedOver: Set<LockID>, to edges: inout [LockID: [LockID: [Edge]]]
  ) {
    let wanted = Nesting.Held(lock: nesting.wanted, isShared: nesting.isShared)
    let held = nesting.held.prefix(LockOrder.mostHeld).filter { !handedOver.contains($0.lock) }
    guard !handedOver.contains(wanted.lock), !held.contains(where: { $0.lock == wanted.lock })
    else { return }
    for from in held
    where edges[from.lock]?[wanted.lock]?.count ?? 0 < LockOrder.mostAlike {
      let guards = Set(held.lazy.filter { !$0.isShared && $0.lock != from.lock }.map(\.lock))
      edges[from.lock, default: [:]][wanted.lock, default: []].append(
        Edge(
          from: from, to: wanted, guards: guards, thread: nesting.thread, time: nesting.time,
          stack: nesting.stack))
    }
  }

  /// Looks for cycles from each lock through those with greater numbers, so that each is found at its least,
  /// and the short ones first.
  private mutating func findCycles() {
    var known: Set<Set<LockID>> = []
    for length in 2...LockOrder.longestCycle {
      for lock in edges.keys.sorted() {
        var path: [Edge] = []
        extend(&path, from: lock, first: lock, length: length, &known)
        guard steps < LockOrder.mostSteps else { return }
      }
    }
  }

  private mutating func extend(
    _ path: inout [Edge], from lock: LockID, first: LockID, length: Int,
    _ known: inout Set<Set<LockID>>
  ) {
    guard let next = edges[lock] else { return }
    let isLast = path.count == length - 1
    for (to, alike) in next {
      steps += 1
      guard steps < LockOrder.mostSteps else { return }
      guard isLast ? to == first : to > first && !path.contains(where: { $0.from.lock == to })
      else { continue }
      for edge in alike {
        steps += 1
        guard path.allSatisfy({ canMeet($0, edge) }), path.last.map({ excludes($0, edge) }) ?? true
        else { continue }
        path.append(edge)
        if !isLast {
          extend(&path, from: to, first: first, length: length, &known)
        } else if excludes(edge, path[0]), known.insert(Set(path.map(\.from.lock))).inserted {
          cycles.append(path)
        }
        path.removeLast()
      }
    }
  }

  /// Whether who has the lock that one edge leads to keeps the other out of it.
  private func excludes(_ edge: Edge, _ next: Edge) -> Bool {
    !(edge.to.isShared && next.from.isShared)
  }

  /// Whether two threads can be at their edges at the same time.
  private func canMeet(_ one: Edge, _ other: Edge) -> Bool {
    one.thread != other.thread && one.guards.isDisjoint(with: other.guards)
      && isWithinLife(of: other.thread, one) && isWithinLife(of: one.thread, other)
  }

  /// Of what the main thread did, whether that was while another lived.
  private func isWithinLife(of thread: ThreadID, _ edge: Edge) -> Bool {
    guard mainThreads.contains(edge.thread), let thread = threads[thread],
      thread.process == threads[edge.thread]?.process
    else { return true }
    return edge.time >= thread.start && edge.time <= thread.end ?? edge.time
  }
}

extension TraceAnalyzer {
  /// That threads took locks in such an order that they can come to wait for each other for ever.
  func orderFinding() -> Finding? {
    let cycles = LockOrder(definitions).cycles
    guard let cycle = cycles.first else { return nil }
    let told = zip(cycle, distinctNames(of: cycle.map(\.thread))).map { edge, thread in
      "\(thread) takes \(names[edge.from.lock]) and then \(names[edge.to.lock])"
        + at(frames(edge.stack))
    }
    return Finding(
      kind: "lock-order", severity: "warning",
      text: "a deadlock can happen, though it did not: \(told.joined(separator: ", "))"
        + (cycles.count > 1 ? " (and \(cycles.count - 1) more such cycles)" : "")
        + ": take them in one order everywhere",
      evidence: [
        "locks": Int64(cycle.count), "count": Int64(cycles.count),
        "lock": Int64(cycle[0].from.lock.rawValue),
      ],
      places: cycle.map { edge in
        place(
          of: edge.thread,
          "takes \(names[edge.to.lock]) while it has \(names[edge.from.lock])", edge.stack)
      })
  }
}
