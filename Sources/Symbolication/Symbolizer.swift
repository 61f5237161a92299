public import TraceModel

/// Turns the addresses of a recording into names, from the symbol tables of the files that were
/// mapped and of their separate debug files.
///
/// A file is read once, when the first address in it is asked for, and only if it is the file that
/// was mapped: a wrong name is worse than none. What could not be used is said in ``notes``.
///
/// Reads files, otherwise pure. Not for several threads at once.
public struct Symbolizer {
  /// Modules that share their symbols: the same file in different processes.
  private struct File: Hashable {
    var path: String
    var buildID: [UInt8]
  }

  /// What is known of a file: its symbols, with the names that were asked for so far, readable.
  private struct LoadedFile {
    /// Without its folder.
    let name: String
    let symbols: SymbolTable
    private var names: [UInt32: String] = [:]

    init(path: String, symbols: SymbolTable) {
      name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
      self.symbols = symbols
    }

    /// The readable form of a name, made at the first use.
    mutating func name(at offset: UInt32) -> String {
      if let known = names[offset] { return known }
      let name = readableName(symbols.name(at: offset))
      names[offset] = name
      return name
    }
  }

  /// One sentence for each module that could not be used, saying why; for people.
  public private(set) var notes: [String] = []

  private let debugFiles: DebugFiles
  private var indices: [File: Int] = [:]
  private var files: [LoadedFile] = []

  /// Makes a symbolizer that has not read anything yet.
  ///
  /// - Parameters:
  ///   - root: The folder that paths of modules are below, for file systems copied from elsewhere.
  ///     Absolute symbolic links in it lead out of it.
  ///   - debugDirectories: Where separate debug files are, below `root`.
  public init(root: String = "/", debugDirectories: [String] = ["/usr/lib/debug"]) {
    var root = root
    while root.hasSuffix("/") { root.removeLast() }
    debugFiles = DebugFiles(root: root, directories: debugDirectories)
  }

  /// What an address means: the function, or for ``AddressUse/data`` the variable, that it lies in.
  ///
  /// - Parameters:
  ///   - address: An address in the process.
  ///   - use: What kind of address it is.
  ///   - modules: The modules of the process.
  ///   - time: When the address was recorded, which matters where modules replaced one another.
  /// - Returns: One symbol for each function that was inlined there, innermost first, and for the
  ///   function itself. Never empty: an address without a symbol gives one without a name. The
  ///   offset is that of `address` itself, for a return address too.
  public mutating func symbolize(
    address: UInt64,
    use: AddressUse,
    in modules: ModuleMap,
    at time: Timestamp? = nil
  ) -> [Symbol] {
    let target = use.target(of: address)
    guard let module = modules.module(containing: target, at: time) else {
      return [Symbol(offset: address)]
    }
    let index = loadedFile(of: module)
    guard let match = files[index].symbols.symbol(at: target &- module.bias, use: use) else {
      return [Symbol(module: files[index].name, offset: address - module.start)]
    }
    return [
      Symbol(
        function: files[index].name(at: match.name),
        module: files[index].name,
        offset: address &- module.bias &- match.start
      )
    ]
  }

  private mutating func loadedFile(of module: Module) -> Int {
    let key = File(path: module.path, buildID: module.buildID)
    if let index = indices[key] { return index }
    files.append(LoadedFile(path: module.path, symbols: symbols(of: module)))
    indices[key] = files.count - 1
    return files.count - 1
  }

  /// Reads the symbols of a module: of its file if that is still the one that was mapped and, where
  /// it was stripped or replaced, of its debug file.
  private mutating func symbols(of module: Module) -> SymbolTable {
    var builder = SymbolTable.Builder()
    // The vDSO, memory without a file and the like have no path and are no problem.
    guard module.path.hasPrefix("/") else { return builder.table() }
    var problem: String?
    var isComplete = false
    var debugFile: ElfFile?
    do {
      let file = try ElfFile(path: debugFiles.root + module.path)
      problem = mismatch(of: file, with: module)
      if problem == nil {
        builder.add(file)
        isComplete = file.hasFullSymbolTable
        if !isComplete { debugFile = self.debugFile(of: file, at: module.path) }
      }
    } catch {
      problem = "\(error)"
    }
    if problem != nil { debugFile = debugFiles.file(buildID: module.buildID) }
    if let debugFile = consume debugFile {
      builder.add(debugFile)
      problem = nil
    }
    let table = builder.table()
    if problem == nil, table.isEmpty { problem = "\(module.path) has no symbols" }
    if let problem {
      notes.append(printable("\(problem); its functions are shown as offsets in the file."))
    }
    return table
  }

  private func debugFile(of file: borrowing ElfFile, at path: String) -> ElfFile? {
    if let found = debugFiles.file(buildID: file.buildID) { return found }
    guard let link = file.debugLink else { return nil }
    return debugFiles.file(link: link, from: path, buildID: file.buildID)
  }

  private func mismatch(of file: borrowing ElfFile, with module: Module) -> String? {
    guard !module.buildID.isEmpty, file.buildID != module.buildID else { return nil }
    let found = file.buildID.isEmpty ? "has none" : "has \(hex(file.buildID))"
    return "\(file.path) is not the file that was recorded, whose build-id was "
      + "\(hex(module.buildID)): it \(found)"
  }
}
