/// The libraries that Python programs wait in: the standard library, and those that put others in its
/// place. A program's own lines are to be told from theirs.
public enum PythonLibrary {
  /// Whether a file of Python code is part of one: `/usr/lib/python3.11/threading.py` is, and what is
  /// installed below it, in `site-packages`, is not.
  public static func contains(file: String) -> Bool {
    if file.hasPrefix("<frozen ") { return true }
    let folders = file.split(separator: "/")
    for (place, folder) in folders.enumerated().dropFirst() where folder.hasPrefix("python3") {
      if isArchive(folder) { return true }
      guard folders[place - 1].hasPrefix("lib"), isVersion(folder) else { continue }
      let rest = folders[(place + 1)...]
      guard let first = rest.first, first == "site-packages" || first == "dist-packages" else {
        return !rest.isEmpty
      }
    }
    guard let place = folders.lastIndex(where: { $0 == "site-packages" || $0 == "dist-packages" })
    else { return false }
    return folders[(place + 1)...].first.map { packages.contains(String($0)) } ?? false
  }

  /// Whether a frame is part of one: Python code, or a function of a module written in C.
  static func contains(_ symbol: Symbol) -> Bool {
    if symbol.isPython { return contains(file: symbol.file) }
    guard let name = symbol.module.split(separator: ".").first,
      symbol.module.dropFirst(name.count).hasPrefix(".cpython-3")
    else { return false }
    return modules.contains(String(name))
  }

  /// Packages by which others wait.
  private static let packages: Set<String> = ["gevent", "greenlet", "uvloop"]

  /// Modules of the standard library, written in C, that threads wait in.
  private static let modules: Set<String> = [
    "_asyncio", "_multiprocessing", "_posixsubprocess", "_queue", "_socket", "_ssl", "select",
  ]

  /// `python3.11`
  private static func isVersion(_ folder: Substring) -> Bool {
    let version = folder.dropFirst("python3.".count)
    return folder.hasPrefix("python3.") && !version.isEmpty && version.allSatisfy(\.isNumber)
  }

  /// `python311.zip`
  private static func isArchive(_ folder: Substring) -> Bool {
    folder.hasSuffix(".zip")
      && folder.dropFirst("python3".count).dropLast(".zip".count).allSatisfy(\.isNumber)
  }
}

extension [Symbol] {
  /// The frames from the program's own code on, where only a library of Python's is further in; all of
  /// them, but for what is written in C, where there is no Python code of its own.
  var fromOwnPython: [Symbol] {
    if !contains(where: { $0.isPython && !PythonLibrary.contains($0) }),
      let first = firstIndex(where: { $0.isPython || !PythonLibrary.contains($0) }),
      self[first].isPython
    {
      return Array(self[first...])
    }
    guard first.map(PythonLibrary.contains) ?? false,
      let own = firstIndex(where: { !PythonLibrary.contains($0) }),
      self[own...].contains(where: { $0.isPython && !PythonLibrary.contains($0) })
    else { return self }
    return Array(self[own...])
  }
}
