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

  private struct Address {
    /// Destroys older than those listed.
    var forgottenDestroys: UInt32 = 0
    /// Epochs that destroys of this address began, oldest first.
    var destroys: [UInt16] = []
  }

  /// Epochs wrap around: what lies further back than this is told apart no more.
  private static let rememberedDestroys = 16

  private var histories: [UInt64: Address] = [:]
  /// Threads by the address of their handle, with the key that each had when it began.
  private var threads: [UInt64: [(key: UInt64, thread: ThreadID)]] = [:]
  private var locks: [UInt64: Lock] = [:]

  /// A destroy that raised the epoch of an address to the one in `key`.
  mutating func destroy(key: UInt64) {
    let epoch = UInt16(key >> 48)
    var address = histories[key & 0xffff_ffff_ffff] ?? Address()
    let place =
      address.destroys.lastIndex { Int16(bitPattern: epoch &- $0) > 0 }.map { $0 + 1 } ?? 0
    address.destroys.insert(epoch, at: place)
    if address.destroys.count > LockTable.rememberedDestroys {
      address.destroys.removeFirst()
      address.forgottenDestroys += 1
    }
    histories[key & 0xffff_ffff_ffff] = address
  }

  /// The lock of a key. `isNew` when it was not known before.
  mutating func lock(
    key: UInt64, kind: LockKind, process: ProcessID, numbers: inout Numbers
  ) -> (lock: Lock, isNew: Bool) {
    let identity = identity(of: key)
    if let lock = locks[identity] { return (lock, false) }
    var lock = Lock(
      id: numbers.next(), process: process, kind: kind, address: key & 0xffff_ffff_ffff,
      generation: UInt32(identity >> 48))
    if kind == .thread {
      let others = threads[lock.address] ?? []
      lock.thread = others.last { self.identity(of: $0.key) == identity }?.thread ?? .unknown
    }
    locks[identity] = lock
    return (lock, true)
  }

  /// A thread has begun whose handle, as a key, is this.
  mutating func begin(_ thread: ThreadID, handle key: UInt64) {
    var others = threads[key & 0xffff_ffff_ffff] ?? []
    if others.count == LockTable.rememberedDestroys { others.removeFirst() }
    others.append((key, thread))
    threads[key & 0xffff_ffff_ffff] = others
  }

  /// Replaces what is known of a lock.
  mutating func update(_ lock: Lock) {
    locks[lock.address | UInt64(lock.generation & 0xffff) << 48] = lock
  }

  /// Addresses of all locks that are known.
  var addresses: Set<UInt64> { Set(locks.keys.map { $0 & 0xffff_ffff_ffff }) }

  /// The address with its generation in place of its epoch.
  private func identity(of key: UInt64) -> UInt64 {
    let address = key & 0xffff_ffff_ffff
    guard let history = histories[address] else { return address }
    let epoch = UInt16(key >> 48)
    let earlier = history.destroys.count { Int16(bitPattern: epoch &- $0) >= 0 }
    let generation = UInt64(history.forgottenDestroys) + UInt64(earlier)
    return address | (generation & 0xffff) << 48
  }
}
