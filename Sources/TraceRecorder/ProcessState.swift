internal import CTraceABI
internal import Symbolication
internal import TraceModel

/// What the recorder knows of one program image: its locks, stacks and modules.
final class ProcessState {
  var process: Process
  /// The number that the targets themselves use.
  let serial: UInt32
  var locks = LockTable()
  /// The image that it was forked from.
  var forkedFrom: ProcessState?
  /// Raised whenever a key may have come to mean another lock.
  var lockVersion: UInt32 = 0
  private(set) var modules: [Module] = []
  /// The modules by address; tells return addresses from what merely lies on a stack.
  private var map = ModuleMap([])
  private var stacks: [[UInt64]: StackID] = [:]
  /// Its locks that are made of futexes and were waited for.
  var futexes: [LockID: Catalog.Futex] = [:]
  /// Threads that have ended.
  var endedThreads: [Thread] = []
  /// CPU time of the main thread that images before this one took.
  var cpuTimeBefore: Int64 = 0
  var hasEnded = false

  init(process: Process, serial: UInt32) {
    self.process = process
    self.serial = serial
  }

  private var pythonPlaces: [UInt64: PythonPlace] = [:]
  /// Python frames of its stacks that are not written yet: those that came since, and those whose places had
  /// not been told of when they were looked for.
  private var newPythonFrames: [UInt64] = []
  private var missingPythonFrames: [UInt64] = []
  /// How many places were known then.
  private var lookedThroughPlaces = 0
  private var knownPythonFrames: Set<UInt64> = []

  /// A place in a program of Python's, by the number that the target has given it.
  func add(_ place: PythonPlace, number: UInt64) { pythonPlaces[number] = place }

  /// What a frame of Python's stands for: in a forked process, maybe by the word of the one it was forked
  /// from.
  private func pythonPlace(_ frame: UInt64) -> PythonPlace? {
    let number = frame & ~ProcessState.pythonMark
    return pythonPlaces[number] ?? forkedFrom?.pythonPlace(frame)
  }

  /// Places that are known of, those of the process it was forked from too.
  private var pythonPlaceCount: Int { pythonPlaces.count + (forkedFrom?.pythonPlaceCount ?? 0) }

  /// In the top byte of a frame that is one of Python's.
  private static let pythonMark = CTRACE_PYTHON_FRAME
  private static func isPython(_ frame: UInt64) -> Bool { frame >> 56 == pythonMark >> 56 }

  /// What a frame of Python's stands for; nil for one of code, and where it is not known.
  func pythonSymbol(_ frame: UInt64) -> Symbol? {
    ProcessState.isPython(frame) ? pythonPlace(frame)?.symbol : nil
  }

  /// What the Python frames mean that came since, as far as that is known by now: a place may be told of in
  /// the ring of a thread that is read later.
  func takePythonSymbols() -> [Definition] {
    let places = pythonPlaceCount
    if places != lookedThroughPlaces {
      newPythonFrames += missingPythonFrames
      missingPythonFrames.removeAll()
      lookedThroughPlaces = places
    }
    var symbols: [Definition] = []
    for frame in newPythonFrames {
      if let place = pythonPlace(frame) {
        symbols.append(.symbol(process: process.id, address: frame, frames: [place.symbol]))
      } else {
        missingPythonFrames.append(frame)
      }
    }
    newPythonFrames.removeAll(keepingCapacity: true)
    return symbols
  }

  /// Whether any of its stacks have frames of Python's.
  var hasPythonFrames: Bool { !knownPythonFrames.isEmpty }

  /// What the frames of Python's in a stack of its mean.
  func pythonSymbols(of frames: [UInt64]) -> [Symbol] {
    frames.filter(ProcessState.isPython).compactMap { pythonPlace($0)?.symbol }
  }

  /// Adds a module; false where it is known, or no module.
  func add(_ module: Module) -> Bool {
    guard module.start < module.end else { return false }
    if let known = map.module(containing: module.start), known.start == module.start,
      known.end == module.end, known.path == module.path, known.buildID == module.buildID
    {
      return false
    }
    modules.append(module)
    map = ModuleMap(modules)
    return true
  }

  /// The lock of a process it was forked from that the fork copied: until it is destroyed, what is
  /// known of that one holds for its copy.
  func inheritedLock(key: UInt64) -> Lock? {
    var ancestor = forkedFrom
    while let process = ancestor {
      if let lock = process.locks.known(key: key), lock.kind != .thread { return lock }
      ancestor = process.forkedFrom
    }
    return nil
  }

  /// The file that is mapped at an address.
  func modulePath(at address: UInt64) -> String? { map.module(containing: address)?.path }

  /// Whether a module is known at an address.
  func isMapped(_ address: UInt64) -> Bool { map.module(containing: address) != nil }

  /// Whether an address can be that of a variable which the program knows: the runtime's own that stand for
  /// something of the program's are not.
  func isOwnVariable(_ address: UInt64) -> Bool {
    modulePath(at: address).map { !RuntimeLibrary.isOwn($0) } ?? false
  }

  /// The stack with these frames, cut at the first that is no address of code, and without those of
  /// the runtime itself: a function that ends with a call of a hook leaves its place to its caller, which
  /// may be a wrapper of the runtime's.
  func stack(_ frames: [UInt64], next: () -> StackID) -> (stack: Stack, isNew: Bool) {
    var kept: [UInt64] = []
    for (depth, frame) in frames.enumerated() {
      if ProcessState.isPython(frame) {
        kept.append(frame)
        continue
      }
      let path = modulePath(at: frame)
      if depth > 0 && path == nil && !modules.isEmpty { break }
      if path.map(RuntimeLibrary.isOwn) != true { kept.append(frame) }
    }
    if kept.isEmpty { kept = Array(frames.prefix(1)) }
    if let id = stacks[kept] {
      return (Stack(id: id, process: process.id, frames: kept), false)
    }
    let id = next()
    stacks[kept] = id
    for frame in kept where ProcessState.isPython(frame) && knownPythonFrames.insert(frame).inserted
    {
      newPythonFrames.append(frame)
    }
    return (Stack(id: id, process: process.id, frames: kept), true)
  }

  /// The frames of its stacks, by number.
  var framesByStack: [StackID: [UInt64]] {
    Dictionary(stacks.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
  }

  /// All addresses that stacks of the process consist of.
  var addresses: Set<UInt64> {
    var addresses: Set<UInt64> = []
    for frames in stacks.keys {
      addresses.formUnion(frames.lazy.filter { !ProcessState.isPython($0) })
    }
    return addresses
  }
}
