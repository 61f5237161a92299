internal import Symbolication
internal import TraceFile
internal import TraceModel

extension Catalog {
  /// Resolves every address that stacks and locks refer to, so that the file can be read where the
  /// program is not, or not any more; and says what the locks are that are made of futexes, which only the
  /// names of functions tell. Returns what could not be used, for people.
  mutating func addSymbols(of processes: [ProcessState], writer: ChunkWriter) -> [String] {
    var symbolizer = Symbolizer()
    for process in processes.sorted(by: { $0.process.id < $1.process.id }) {
      let modules = ModuleMap(process.modules)
      let id = process.process.id
      let stacks = process.futexes.isEmpty ? [:] : process.framesByStack
      var ofFutexes: [UInt64: [Symbol]] = [:]
      for futex in process.futexes.values {
        for address in stacks[futex.site] ?? [] { ofFutexes[address] = [] }
      }
      let returnAddresses = process.addresses
      for address in returnAddresses.sorted() {
        let frames = symbolizer.symbolize(address: address, use: .returnAddress, in: modules)
        if ofFutexes[address] != nil { ofFutexes[address] = frames }
        definitions.append(.symbol(process: id, address: address, frames: frames))
        if definitions.byteCount > 1 << 20 { flush(to: writer) }
      }
      for (_, futex) in process.futexes.sorted(by: { $0.key < $1.key }) {
        let frames = (stacks[futex.site] ?? []).flatMap { ofFutexes[$0] ?? [] }
        if let kind = FutexFunctions.kind(of: frames) { setKind(kind, of: futex, in: process) }
      }
      // What is called by its place in the code is named by now.
      let places = process.locks.addresses.subtracting(returnAddresses)
      for address in places.sorted() where process.isOwnVariable(address) {
        let frames = symbolizer.symbolize(address: address, use: .data, in: modules)
        definitions.append(.symbol(process: id, address: address, frames: frames))
        if definitions.byteCount > 1 << 20 { flush(to: writer) }
      }
    }
    addPythonNames(of: processes, writer: writer)
    return symbolizer.notes
  }

  /// Names what programs of Python's have made, while their sources are at hand.
  private mutating func addPythonNames(of processes: [ProcessState], writer: ChunkWriter) {
    guard processes.contains(where: \.hasPythonFrames) else { return }
    var names = PythonNames()
    var stacks: [StackID: (process: ProcessState, frames: [UInt64])] = [:]
    for process in processes {
      for definition in process.takePythonSymbols() { definitions.append(definition) }
      for (stack, frames) in process.framesByStack { stacks[stack] = (process, frames) }
    }
    func name(_ lock: Lock) -> String? {
      guard PythonNames.areGiven(to: lock.kind), lock.isInitialised else { return nil }
      return names.name(of: lock.kind, madeAt: lock.site) {
        stacks[lock.site].map { $0.process.pythonSymbols(of: $0.frames) } ?? []
      }
    }
    for process in processes.sorted(by: { $0.process.id < $1.process.id }) {
      nameLocks(of: process, name)
      if definitions.byteCount > 1 << 20 { flush(to: writer) }
    }
    nameSharedLocks(name)
  }

  /// Hands over the definitions so far.
  mutating func flush(to writer: ChunkWriter) {
    guard !definitions.isEmpty else { return }
    for chunk in definitions.seal() { writer.append(chunk) }
  }
}
