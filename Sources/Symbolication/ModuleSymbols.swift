import TraceModel

/// What is known of a module's addresses: its symbols and debug information, with the names that
/// were asked for so far, readable.
final class ModuleSymbols {
  /// Without its folder.
  private let name: String
  private let symbols: SymbolTable
  private var debug: DebugInformation?
  /// Readable names by mangled ones: a function is inlined in many places.
  private var names: [String: String] = [:]

  /// Knows what was found of a module.
  init(
    of module: Module,
    symbols: SymbolTable = SymbolTable.Builder().table(),
    debug: consuming DebugInformation? = nil
  ) {
    let path = module.path
    name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    self.symbols = symbols
    self.debug = debug
  }

  /// See ``Symbolizer/symbolize(address:use:in:at:)``.
  ///
  /// - Parameters:
  ///   - address: The one that offsets are of.
  ///   - target: The one that is looked up, in the same function.
  func symbols(
    of address: UInt64,
    lookedUpAt target: UInt64,
    use: AddressUse,
    in module: Module
  ) -> [Symbol] {
    let target = target &- module.bias
    var frames = use == .data ? [] : debug?.frames(at: target) ?? []
    let function = frames.popLast()
    // The name in the symbol table is the one that debuggers and profilers show. But a symbol that
    // does not say its size runs on into functions without symbols.
    let match = symbols.symbol(at: target, use: use).flatMap { match in
      match.start < function?.start ?? 0 ? nil : match
    }
    let start = match?.start ?? function?.start
    let offset = start.map { address &- module.bias &- $0 } ?? (address - module.start)
    let name = match.map { String(decoding: symbols.name(at: $0.name), as: UTF8.self) }
    return frames.map { symbol($0.name, at: $0.place, offset: offset) }
      + [symbol(name ?? function?.name, at: function?.place, offset: offset)]
  }

  private func symbol(_ mangled: String?, at place: SourcePlace?, offset: UInt64) -> Symbol {
    Symbol(
      function: mangled.map { readable($0) } ?? "",
      file: place?.file ?? "",
      line: place?.line ?? 0,
      module: name,
      offset: offset
    )
  }

  private func readable(_ mangled: String) -> String {
    if let known = names[mangled] { return known }
    let name = readableName(mangled.utf8)
    names[mangled] = name
    return name
  }
}
