internal import TraceModel

/// Tells the locks of one process apart: by address, and by generation where an address has been
/// several locks.
///
/// A target marks each address with an epoch, which a destroy raises. Addresses share epochs by
/// their hash, so that a new epoch means a new lock only where this very address was destroyed.
struct LockTable {
  /// Numbers for all locks of the recording.
  struct Numbers {
    private var last: UInt32 = 0
    mutating func next() -> LockID {
      last += 1
      return LockID(rawValue: last)
    }
  }

  /// The destroys of one address.
  private struct History {
    /// Those older than the ones listed.
    private var forgotten = 0
    /// Epochs that destroys of this address began, oldest first.
    private var epochs: [UInt16] = []

    /// Epochs wrap around: what lies further back than this is told apart no more.
    private static let remembered = 1 << 14

    mutating func add(_ epoch: UInt16) {
      epochs.insert(epoch, at: countUpTo(epoch))
      guard epochs.count >= 2 * History.remembered else { return }
      epochs.removeFirst(History.remembered)
      forgotten += History.remembered
    }

    /// The latest.
    var last: UInt16? { epochs.last }

    /// How often the address had been destroyed when its epoch was this.
    func generation(at epoch: UInt16) -> Int { forgotten + countUpTo(epoch) }

    private func countUpTo(_ epoch: UInt16) -> Int {
      // Keys of today mostly follow every destroy.
      guard let last = epochs.last, Int16(bitPattern: epoch &- last) < 0 else {
        return epochs.count
      }
      var (low, high) = (0, epochs.count)
      while low < high {
        let middle = (low + high) / 2
        let isEarlier = Int16(bitPattern: epoch &- epochs[middle]) >= 0
        (low, high) = isEarlier ? (middle + 1, high) : (low, middle)
      }
      return low
    }
  }

  private var histories: [UInt64: History] = [:]
  /// Threads by the address of their handle, with the key that each had when it began.
  private var threads: [UInt64: [(key: UInt64, thread: ThreadID)]] = [:]
  /// Of so many threads with one handle, one after the other, the latest are known.
  private static let rememberedThreads = 16
  private var locks: [Identity: Lock] = [:]

  /// An address, with its generation in place of its epoch.
  private struct Identity: Hashable {
    var address: UInt64
    var generation: UInt32
  }

  /// A destroy that raised the epoch of an address to the one in `key`.
  mutating func destroy(key: UInt64) {
    histories[key & 0xffff_ffff_ffff, default: History()].add(UInt16(key >> 48))
  }

  /// The lock of a key. `isNew` when it was not known before.
  mutating func lock(
    key: UInt64, kind: LockKind, process: ProcessID, numbers: inout Numbers
  ) -> (lock: Lock, isNew: Bool) {
    let identity = identity(of: key)
    if let lock = locks[identity] { return (lock, false) }
    var lock = Lock(
      id: numbers.next(), process: process, kind: kind, address: identity.address,
      generation: identity.generation)
    if kind == .thread {
      let others = threads[lock.address] ?? []
      lock.thread = others.last { self.identity(of: $0.key) == identity }?.thread ?? .unknown
    }
    locks[identity] = lock
    return (lock, true)
  }

  /// The lock of a key, if it is known.
  func known(key: UInt64) -> Lock? { locks[identity(of: key)] }

  /// The key of the lock that an address is now.
  func latestKey(address: UInt64) -> UInt64 {
    address | UInt64(histories[address]?.last ?? 0) << 48
  }

  /// A thread has begun whose handle, as a key, is this.
  mutating func begin(_ thread: ThreadID, handle key: UInt64) {
    var others = threads[key & 0xffff_ffff_ffff] ?? []
    if others.count == LockTable.rememberedThreads { others.removeFirst() }
    others.append((key, thread))
    threads[key & 0xffff_ffff_ffff] = others
  }

  /// Replaces what is known of a lock.
  mutating func update(_ lock: Lock) {
    locks[Identity(address: lock.address, generation: lock.generation)] = lock
  }

  /// All locks that are known, by number.
  var all: [Lock] { locks.values.sorted { $0.id < $1.id } }

  /// Addresses of all locks that are known.
  var addresses: Set<UInt64> { Set(locks.keys.map(\.address)) }

  private func identity(of key: UInt64) -> Identity {
    let address = key & 0xffff_ffff_ffff
    let generation = histories[address]?.generation(at: UInt16(key >> 48)) ?? 0
    return Identity(address: address, generation: UInt32(truncatingIfNeeded: generation))
  }
}
