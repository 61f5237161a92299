internal import CTraceABI
internal import LinuxSystem
internal import TraceFile
internal import TraceModel

/// Hands out the recording's numbers and writes down what they stand for.
///
/// What events refer to is in `definitions` before the events are in a chunk.
struct Catalog {
  var definitions = DefinitionChunkBuilder()
  private(set) var lockNumbers = LockTable.Numbers()
  /// What processes share, by key.
  private var sharedLocks: [UInt64: Lock] = [:]
  private let sockets = LocalSockets()
  private var lastStack: UInt32 = 0
  private var lastThread: UInt32 = 0
  private var lastProcess: UInt32 = 0
  /// A program that a process was about to execute, or, without a path, could not.
  struct Exec {
    var pid: Int32
    var parentPID: Int32
    var path: String
    var time: Timestamp
  }
  /// Execs that are not looked at yet.
  var execs: [Exec] = []
  /// The thread that has a number of the kernel's, or had it last: one that is killed can still be the owner of
  /// what another of its process waits for.
  var threads: [Int32: ThreadID] = [:]

  /// The program's processes, those images of one number in the order in which they began.
  private(set) var images: [Int32: [Process]] = [:]
  /// Processes that are none of the program's, by the kernel's number.
  private var foreign: [Int32: ProcessID] = [:]

  /// A lock made of a futex: its key, and where it was first waited for.
  struct Futex {
    var key: UInt64
    var site: StackID
  }

  /// What processes have said to people, each thing once, and no more than people read.
  private(set) var notes: [String] = []
  private static let mostNotes = 64

  /// Takes down what a process has to say to people.
  mutating func note(_ text: String, of process: ProcessState) {
    guard notes.count < Catalog.mostNotes else { return }
    let text = String(text.unicodeScalars.prefix(CTRACE_MAX_TEXT))
    let note = "\(process.process.name) (\(process.process.pid)): \(text)"
    if !notes.contains(where: { $0.hasSuffix(": \(text)") }) { notes.append(note) }
  }

  /// Adds a process, or what is known of it now.
  mutating func add(_ process: Process) {
    definitions.append(.process(process))
    var images = images[process.pid] ?? []
    images.removeAll { $0.id == process.id }
    images.append(process)
    images.sort { ($0.start, $0.id) < ($1.start, $1.id) }
    self.images[process.pid] = images
  }

  /// Adds a thread that ran beside the program's.
  mutating func addForeign(_ task: TaskTable.Entry) {
    let process: ProcessID
    if let known = foreign[task.pid] {
      process = known
    } else {
      process = nextProcess()
      foreign[task.pid] = process
      let name =
        task.pid == task.tid
        ? task.name : ProcFS.threadName(pid: task.pid, tid: task.pid) ?? task.name
      definitions.append(
        .process(
          Process(
            id: process, pid: task.pid, parentPID: task.parentPID, name: name, start: .zero,
            runtime: .foreign)))
    }
    definitions.append(
      .thread(
        Thread(
          id: nextThread(), process: process, tid: task.tid, name: task.name, start: task.start,
          end: task.end)))
  }

  mutating func nextThread() -> ThreadID {
    lastThread += 1
    return ThreadID(rawValue: lastThread)
  }

  mutating func nextProcess() -> ProcessID {
    lastProcess += 1
    return ProcessID(rawValue: lastProcess)
  }

  /// The lock that a key stands for in a process.
  mutating func lock(key: UInt64, kind: LockKind, in process: ProcessState) -> LockID {
    let (lock, isNew) = find(key: key, kind: kind, in: process)
    if isNew { definitions.append(.lock(lock)) }
    return lock.id
  }

  /// Notes where a lock was initialised, or first acquired where that is not known.
  mutating func setSite(
    _ site: StackID, ofKey key: UInt64, kind: LockKind, isInitialisation: Bool,
    in process: ProcessState
  ) {
    var (lock, _) = find(key: key, kind: kind, in: process)
    guard site != .unknown, isInitialisation || lock.site == .unknown else { return }
    // Of what processes share, each that opens it says where: it was made where that was done first.
    if lock.isInitialised, Catalog.isShared(key, kind) { return }
    lock.site = site
    lock.isInitialised = isInitialisation
    // A slot of the table that was cleared by hand may have been made before its kind was known.
    lock.kind = kind
    update(lock, key: key, in: process)
  }

  /// Notes where threads first waited for a lock made of a futex: the functions there tell what it is.
  ///
  /// - Parameter isOwned: Whether the word tells who has it, so that it can only be a mutex.
  mutating func setSite(
    _ site: StackID, ofFutex key: UInt64, isOwned: Bool, in process: ProcessState
  ) {
    var (lock, _) = find(key: key, kind: .futex, in: process)
    guard site != .unknown, lock.kind == .futex, process.futexes[lock.id] == nil else { return }
    process.futexes[lock.id] = Futex(key: key, site: site)
    lock.site = site
    if isOwned { lock.kind = .mutex }
    update(lock, key: key, in: process)
  }

  /// Says of a futex what its first wait shows it to be.
  mutating func setKind(_ kind: LockKind, of futex: Futex, in process: ProcessState) {
    var (lock, _) = find(key: futex.key, kind: .futex, in: process)
    guard lock.kind == .futex || lock.kind == .mutex, lock.kind != kind else { return }
    lock.kind = kind
    update(lock, key: futex.key, in: process)
  }

  /// Notes what a lock or queue is called, and how much it holds.
  mutating func setName(
    _ name: String, capacity: UInt64, ofKey key: UInt64, kind: LockKind, in process: ProcessState
  ) {
    var (lock, isNew) = find(key: key, kind: kind, in: process)
    guard isNew || lock.name != name || lock.capacity != capacity else { return }
    if !name.isEmpty { lock.name = name }
    if capacity != 0 { lock.capacity = capacity }
    update(lock, key: key, in: process)
  }

  /// Gives names to what a process has made and nobody has named.
  mutating func nameLocks(of process: ProcessState, _ name: (Lock) -> String?) {
    for var lock in process.locks.all where lock.name.isEmpty {
      guard let found = name(lock) else { continue }
      lock.name = found
      process.locks.update(lock)
      definitions.append(.lock(lock))
    }
  }

  /// Gives names to what processes share and nobody has named.
  mutating func nameSharedLocks(_ name: (Lock) -> String?) {
    for (key, var lock) in sharedLocks where lock.name.isEmpty {
      guard let found = name(lock) else { continue }
      lock.name = found
      sharedLocks[key] = lock
      definitions.append(.lock(lock))
    }
  }

  /// Whether a key is that of something that processes share.
  private static func isShared(_ key: UInt64, _ kind: LockKind) -> Bool {
    key >> 48 == CTRACE_SHARED_KEY << 8 | UInt64(kind.rawValue)
  }

  /// The key that something is found by that processes share.
  private func shared(_ key: UInt64, _ kind: LockKind) -> UInt64 {
    kind == .socket || kind == .messages ? sockets.queue(of: key) : key
  }

  private mutating func find(
    key: UInt64, kind: LockKind, in process: ProcessState
  ) -> (lock: Lock, isNew: Bool) {
    if Catalog.isShared(key, kind) {
      let key = shared(key, kind)
      if let lock = sharedLocks[key] { return (lock, false) }
      let lock = Lock(
        id: lockNumbers.next(), process: process.process.id, kind: kind,
        address: key & 0xffff_ffff_ffff)
      sharedLocks[key] = lock
      return (lock, true)
    }
    var (lock, isNew) = process.locks.lock(
      key: key, kind: kind, process: process.process.id, numbers: &lockNumbers)
    if isNew, lock.generation == 0, let original = process.inheritedLock(key: key) {
      lock.site = original.site
      lock.isInitialised = original.isInitialised
      lock.name = original.name
      lock.capacity = original.capacity
      process.locks.update(lock)
    }
    if lock.kind == .unknown, kind != .unknown {
      // It was given a name before it was used.
      lock.kind = kind
      process.locks.update(lock)
      isNew = true
    }
    return (lock, isNew)
  }

  /// Replaces what is known of a lock, and writes it down.
  private mutating func update(_ lock: Lock, key: UInt64, in process: ProcessState) {
    if Catalog.isShared(key, lock.kind) {
      sharedLocks[shared(key, lock.kind)] = lock
    } else {
      process.locks.update(lock)
    }
    definitions.append(.lock(lock))
  }

  /// The number of a stack.
  mutating func stack(_ frames: [UInt64], in process: ProcessState) -> StackID {
    guard !frames.isEmpty else { return .unknown }
    let (stack, isNew) = process.stack(frames) {
      lastStack += 1
      return StackID(rawValue: lastStack)
    }
    if isNew {
      for symbol in process.takePythonSymbols() { definitions.append(symbol) }
      definitions.append(.stack(stack))
    }
    return stack.id
  }

  /// Adds a module that a process has mapped.
  mutating func add(_ module: Module, to process: ProcessState) {
    if process.add(module) { definitions.append(.module(module)) }
  }
}
