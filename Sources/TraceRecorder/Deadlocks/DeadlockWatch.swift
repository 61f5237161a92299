internal import CTraceABI
internal import LinuxSystem
internal import Synchronization
internal import TraceModel

/// Looks for threads that wait for each other while the program runs.
///
/// What a thread waits for and which locks it has are in its slot: nothing of it is asked of the target. They
/// are not read all at one moment, so that a circle counts only when it is found twice, made of the same waits:
/// a thread that has waited all the time can't have taken or released anything between.
struct DeadlockWatch: ~Copyable {
  /// A thread that has waited for long.
  struct Waiting {
    let stream: ThreadStream
    let pending: ctrace_pending
    /// Nanoseconds so far.
    let waited: Int64

    var kind: LockKind { LockKind(rawValue: pending.lock_kind) ?? .unknown }
  }

  /// A circle, and what is known of it that has to be turned into names.
  struct Cycle {
    var members: [Waiting]
    var waitingBehind: Int
  }

  /// One of a circle's waits.
  private struct Link: Hashable {
    var thread: ThreadID
    var start: UInt64
  }

  private static let interval: Int64 = 500_000_000
  /// A wait shorter than this is nobody's concern.
  private static let longWait: Int64 = 1_000_000_000

  private var nextLook = Timestamp.zero
  private var suspected: Set<Set<Link>> = []
  private var told: Set<Set<Link>> = []
  private let stories = Stories()
  /// The thread that finds names for one.
  private var teller: BackgroundThread?

  /// Whether it is time to look.
  mutating func isDue(at now: Timestamp) -> Bool {
    guard now >= nextLook else { return false }
    nextLook = Timestamp(nanoseconds: now.nanoseconds + DeadlockWatch.interval)
    return true
  }

  /// Circles that were found the time before too, and not told of yet.
  mutating func look(
    _ streams: [ThreadStream?], arena: borrowing Arena, threads: [Int32: ThreadID],
    clock: CounterClock
  ) -> [Cycle] {
    let present = clock.units(clock.stamp())
    var waiting: [ThreadID: Waiting] = [:]
    for case .some(let stream) in streams {
      let pending = arena.slot(stream.slotIndex).pending
      guard pending.state == 1, pending.is_timed == 0, pending.end == 0 else { continue }
      let waited = Int64(clamping: clock.span(UInt64(max(0, present - clock.units(pending.start)))))
      let wait = Waiting(stream: stream, pending: pending, waited: waited)
      guard waited >= DeadlockWatch.longWait,
        (wait.kind.isContended && !wait.kind.isOfTasks) || wait.kind == .thread
      else { continue }
      waiting[stream.thread.id] = wait
    }
    guard !waiting.isEmpty else {
      suspected = []
      return []
    }
    let holders = Holders(streams, arena: arena, threads: threads)
    let graph = WaitGraph(waiting.mapValues(holders.of))
    var found: Set<Set<Link>> = []
    var cycles: [Cycle] = []
    for cycle in graph.cycles {
      let members = cycle.compactMap { waiting[$0] }
      let links = Set(members.map { Link(thread: $0.stream.thread.id, start: $0.pending.start) })
      found.insert(links)
      guard suspected.contains(links), told.insert(links).inserted else { continue }
      cycles.append(Cycle(members: members, waitingBehind: graph.waitingBehind.count))
    }
    suspected = found
    return cycles
  }

  // MARK: Telling

  /// Finds names for a circle in the background, because that takes longer than rings may wait to be emptied.
  mutating func tell(_ cycle: Cycle) {
    let facts = DeadlockFacts(cycle)
    // One at a time: there are seldom two.
    teller.take()?.join()
    let stories = stories
    do { teller = try BackgroundThread { stories.add(facts.named()) } } catch {
      stories.add(facts.named())
    }
  }

  /// A circle for which names have been found since.
  func takeTold() -> Deadlock? { stories.take() }

  /// Waits for what goes on in the background.
  mutating func finish() { teller.take()?.join() }

  private final class Stories: Sendable {
    private let list = Mutex<[Deadlock]>([])
    func add(_ deadlock: Deadlock) { list.withLock { $0.append(deadlock) } }
    func take() -> Deadlock? { list.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
  }
}

/// Who has which lock at the moment, as far as threads keep it in mind.
private struct Holders {
  private struct Place: Hashable {
    var process: UInt32
    var address: UInt64
  }

  private var threads: [Place: [ThreadID]] = [:]
  /// By the address of what others join.
  private var handles: [Place: ThreadID] = [:]
  /// By the kernel's number: those that have a lock at the same place of a page as another's.
  private var pagePlaces: [ThreadID: Set<UInt64>] = [:]
  private let byNumber: [Int32: ThreadID]

  init(
    _ streams: [ThreadStream?], arena: borrowing Arena, threads byNumber: [Int32: ThreadID]
  ) {
    self.byNumber = byNumber
    for case .some(let stream) in streams {
      let slot = arena.slot(stream.slotIndex)
      let serial = stream.process.serial
      var keys = slot.held
      if slot.interpreter != 0 { keys.append(slot.interpreter) }
      for key in keys {
        let address = Holders.address(key)
        threads[Place(process: serial, address: address), default: []].append(stream.thread.id)
        pagePlaces[stream.thread.id, default: []].insert(address & 0xfff)
      }
      handles[Place(process: serial, address: Holders.address(slot.handle))] = stream.thread.id
    }
  }

  /// Without the epoch, which others raise, and without the mark of the shared side.
  private static func address(_ key: UInt64) -> UInt64 { key & 0xffff_ffff_fffe }

  /// Those that have what a thread waits for.
  func of(_ wait: DeadlockWatch.Waiting) -> [ThreadID] {
    let place = Place(
      process: wait.stream.process.serial, address: Holders.address(wait.pending.lock))
    if wait.kind == .thread { return handles[place].map { [$0] } ?? [] }
    if let known = threads[place] {
      // A lock of Python's may be released by any thread, so that one may well wait for its own.
      return wait.kind == .pythonLock ? known.filter { $0 != wait.stream.thread.id } : known
    }
    // A mutex that processes share lies elsewhere in each, but at the same place of a page.
    guard let owner = byNumber[Int32(bitPattern: wait.pending.owner)],
      pagePlaces[owner]?.contains(place.address & 0xfff) == true
    else { return [] }
    return [owner]
  }
}
