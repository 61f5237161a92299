import TestSupport
import Testing
import TraceModel

/// What locks are called in every run and build of a program.
@Suite struct LockIdentityTests {
  private let process = ProcessID(rawValue: 1)

  /// The identities of locks that were made at calls with these functions, and bytes from their starts.
  private func identities(_ sites: [(function: String, offset: UInt64)]) -> [String?] {
    var trace = TraceBuilder()
    for (place, site) in sites.enumerated() {
      let number = UInt32(place + 1)
      let address = 0x4000 + UInt64(place)
      trace.define(
        .stack(Stack(id: StackID(rawValue: number), process: process, frames: [address])))
      trace.define(
        .symbol(
          process: process, address: address,
          frames: [Symbol(function: site.function, module: "prog", offset: site.offset)]))
      trace.define(
        .lock(
          Lock(
            id: LockID(rawValue: number), process: process, kind: .mutex,
            address: 0x9000 + UInt64(place), site: StackID(rawValue: number), isInitialised: true)))
    }
    let names = LockNames(trace.definitions)
    return sites.indices.map { names.identity(of: LockID(rawValue: UInt32($0 + 1))) }
  }

  @Test func `Locks that one place has made are one`() {
    #expect(
      identities([("connect", 8), ("connect", 8), ("other", 8)]) == ["connect", "connect", "other"])
  }

  @Test func `Places of one function are numbered as they stand, whichever came first`() {
    #expect(
      identities([("make", 40), ("make", 8), ("make", 40)]) == ["make#2", "make#1", "make#2"])
  }

  @Test func `Other code in the function and other addresses change nothing`() {
    #expect(identities([("make", 8), ("make", 40)]) == identities([("make", 16), ("make", 96)]))
  }

  @Test func `A variable is called by its symbol`() {
    var trace = TraceBuilder()
    let lock = trace.lock("cache_mu")
    #expect(LockNames(trace.definitions).identity(of: lock) == "cache_mu")
  }

  @Test func `Lines of Python do not count, their order does`() {
    func identities(_ names: [String]) -> [String?] {
      var trace = TraceBuilder()
      for (place, name) in names.enumerated() {
        trace.define(
          .lock(
            Lock(
              id: LockID(rawValue: UInt32(place + 1)), process: process, kind: .pythonLock,
              address: 0x9000 + UInt64(place), name: name)))
      }
      let all = LockNames(trace.definitions)
      return names.indices.map { all.identity(of: LockID(rawValue: UInt32($0 + 1))) }
    }
    #expect(identities(["app.py:41 cache_lock"]) == ["app.py cache_lock"])
    #expect(
      identities(["app.py:90 lock", "app.py:41 lock"]) == ["app.py lock#2", "app.py lock#1"])
    // A name that the program gave is left as it is.
    #expect(identities(["shard:41 lock", "jobs"]) == ["shard:41 lock", "jobs"])
  }

  @Test func `What has nothing but an address can't be known again`() {
    var trace = TraceBuilder()
    trace.define(
      .lock(Lock(id: LockID(rawValue: 1), process: process, kind: .mutex, address: 0x9000)))
    #expect(LockNames(trace.definitions).identity(of: LockID(rawValue: 1)) == nil)
  }
}
