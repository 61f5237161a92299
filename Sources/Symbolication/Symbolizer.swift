public import TraceModel

/// Turns the addresses of a recording into names and places in the source, from the symbol tables
/// and the debug information of the files that were mapped and of their separate debug files.
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

  /// One sentence for each module that could not be used, saying why; for people.
  public private(set) var notes: [String] = []

  private let debugFiles: DebugFiles
  private var files: [File: ModuleSymbols] = [:]

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
  ///   offset is that of `address` itself, for a return address too, and always from the start of
  ///   the function whose code it is.
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
    return symbols(of: module).symbols(of: address, lookedUpAt: target, use: use, in: module)
  }

  private mutating func symbols(of module: Module) -> ModuleSymbols {
    let key = File(path: module.path, buildID: module.buildID)
    if let known = files[key] { return known }
    let symbols = read(module)
    files[key] = symbols
    return symbols
  }

  /// Reads the symbols of a module: of its file if that is still the one that was mapped and, where
  /// it was stripped or replaced, of its debug file.
  private mutating func read(_ module: Module) -> ModuleSymbols {
    // The vDSO, memory without a file and the like have no path and are no problem.
    guard module.path.hasPrefix("/") else { return ModuleSymbols(of: module) }
    var table = SymbolTable.Builder()
    var debug: DebugInformation?
    var problem: String?
    do {
      let file = try ElfFile(path: debugFiles.root + module.path)
      problem = mismatch(of: file, with: module)
      if problem == nil {
        table.add(file)
        let hasNames = file.hasFullSymbolTable
        if file.hasDebugInformation && hasNames {
          debug = debugInformation(of: file)
        } else if let separate = debugFile(of: file, at: module.path) {
          if !hasNames { table.add(separate) }
          debug = debugInformation(of: file.hasDebugInformation ? file : separate)
        } else {
          debug = debugInformation(of: file)
        }
      }
    } catch {
      problem = "\(error)"
    }
    if problem != nil, let separate = debugFiles.file(buildID: module.buildID) {
      problem = nil
      table.add(separate)
      debug = debugInformation(of: separate)
    }
    let symbols = table.table()
    if problem == nil, symbols.isEmpty, debug == nil { problem = "\(module.path) has no symbols" }
    if let problem {
      notes.append(printable("\(problem); its functions are shown as offsets in the file."))
    }
    return ModuleSymbols(of: module, symbols: symbols, debug: debug)
  }

  /// Opens the debug information of a file, and says so where it has some that cannot be used.
  private mutating func debugInformation(of file: consuming ElfFile) -> DebugInformation? {
    guard file.hasDebugInformation else { return nil }
    let path = file.path
    if let debug = DebugInformation(of: file, debugFiles: debugFiles) { return debug }
    notes.append(
      printable("The debug information in \(path) cannot be used; its functions have no lines.")
    )
    return nil
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
