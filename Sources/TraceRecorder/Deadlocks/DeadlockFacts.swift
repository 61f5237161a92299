internal import CTraceABI
internal import LinuxSystem
internal import Symbolication
internal import TraceModel

/// What is known of a deadlock when it is found, as a small recording of its own: names can be found for it
/// while the real one goes on.
struct DeadlockFacts: Sendable {
  private struct Member {
    var thread: ThreadID
    var lock: LockID
    var stack: StackID
    var isJoin: Bool
    var waited: Int64
  }

  private var members: [Member] = []
  private let waitingBehind: Int
  private var definitions: [Definition] = []
  private var modules: [ProcessID: [Module]] = [:]
  /// Addresses of code and of variables that need a name.
  private var code: Set<TraceDefinitions.Location> = []
  private var data: Set<TraceDefinitions.Location> = []

  init(_ cycle: DeadlockWatch.Cycle) {
    waitingBehind = cycle.waitingBehind
    for waiting in cycle.members {
      let stream = waiting.stream
      let process = stream.process
      let id = process.process.id
      var thread = stream.thread
      thread.name =
        stream.givenName ?? ProcFS.threadName(pid: process.process.pid, tid: thread.tid)
        ?? thread.name
      definitions += [.process(process.process), .thread(thread)]
      modules[id] = process.modules
      let lock =
        process.locks.known(key: waiting.pending.lock)
        ?? Lock(
          id: LockID(rawValue: .max), process: id, kind: waiting.kind,
          address: waiting.pending.lock & 0xffff_ffff_ffff)
      definitions.append(.lock(lock))
      if process.isOwnVariable(lock.address) {
        data.insert(.init(process: id, address: lock.address))
      }
      let stack = stream.stack(waiting.pending.stack)
      let frames = process.framesByStack
      for stack in [stack, lock.site] {
        guard let addresses = frames[stack] else { continue }
        definitions.append(.stack(Stack(id: stack, process: id, frames: addresses)))
        for address in addresses {
          if let symbol = process.pythonSymbol(address) {
            definitions.append(.symbol(process: id, address: address, frames: [symbol]))
          } else {
            code.insert(.init(process: id, address: address))
          }
        }
      }
      members.append(
        Member(
          thread: thread.id, lock: lock.id, stack: stack, isJoin: waiting.kind == .thread,
          waited: waiting.waited))
    }
  }

  /// The deadlock with names for everything. Reads the files that the processes have mapped.
  func named() -> Deadlock {
    var all = TraceDefinitions(definitions)
    var symbolizer = Symbolizer()
    for (id, modules) in modules {
      let map = ModuleMap(modules)
      for (places, use) in [(code, AddressUse.returnAddress), (data, .data)] {
        for place in places where place.process == id {
          let frames = symbolizer.symbolize(address: place.address, use: use, in: map)
          all.add(.symbol(process: id, address: place.address, frames: frames))
        }
      }
    }
    let names = LockNames(all)
    return Deadlock(
      members: members.map { member in
        let thread = all.threads[member.thread]
        return Deadlock.Member(
          pid: thread.flatMap { all.processes[$0.process]?.pid } ?? 0, tid: thread?.tid ?? 0,
          name: thread?.name ?? "", lock: names[member.lock], isJoin: member.isJoin,
          waited: member.waited, stack: all.frames(of: member.stack))
      }, waitingBehind: waitingBehind)
  }
}
