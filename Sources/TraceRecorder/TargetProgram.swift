internal import Glibc
internal import LinuxSystem
internal import Symbolication
internal import SystemPackage

/// The program to record, found as a shell would find it.
struct TargetProgram {
  /// The file that will be executed.
  let path: String
  /// Why the inside of the program can't be recorded; nil where it can be.
  let obstacle: String?

  /// Looks `name` up: a path as it is, a bare name in PATH.
  init(_ name: String, searchPath: String?) throws(RecorderError) {
    path = try TargetProgram.find(name, searchPath: searchPath)
    obstacle = try TargetProgram.obstacle(path, name: name)
  }

  private static func find(_ name: String, searchPath: String?) throws(RecorderError) -> String {
    guard !name.isEmpty else { throw .programNotFound(name) }
    if name.contains("/") {
      if let error = executableError(name) {
        throw error == .noSuchFileOrDirectory
          ? .programNotFound(name) : .programNotExecutable(name, error)
      }
      return name
    }
    var found: Errno?
    let folders = (searchPath ?? "/usr/local/bin:/usr/bin:/bin")
      .split(separator: ":", omittingEmptySubsequences: false)
    for folder in folders {
      let path = (folder.isEmpty ? "." : folder) + "/" + name
      // A folder that may not be searched has nothing in it, as shells see it.
      guard access(path, F_OK) == 0 else { continue }
      guard let error = executableError(path) else { return path }
      if error == .permissionDenied { found = error }
    }
    if let found { throw .programNotExecutable(name, found) }
    throw .programNotFound(name)
  }

  /// Why a file can't be executed, as far as that can be told without trying.
  private static func executableError(_ path: String) -> Errno? {
    var status = stat()
    if stat(path, &status) != 0 {
      let error = Errno(rawValue: errno)
      return error == .notDirectory ? .noSuchFileOrDirectory : error
    }
    if status.st_mode & S_IFMT == S_IFDIR { return .permissionDenied }
    return access(path, X_OK) == 0 ? nil : Errno(rawValue: errno)
  }

  private static func beginsAsELF(_ path: String) -> Bool {
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    else { return false }
    defer { try? file.close() }
    var start: [UInt8] = [0, 0, 0, 0]
    let count = try? start.withUnsafeMutableBytes { try file.read(into: $0) }
    return count == 4 && start == [0x7f] + Array("ELF".utf8)
  }

  /// Preloading works in dynamically linked programs that run with the caller's own rights.
  private static func obstacle(
    _ path: String, name: String
  ) throws(RecorderError) -> String? {
    var status = stat()
    if stat(path, &status) == 0 {
      let raises =
        status.st_mode & S_ISUID != 0 && status.st_uid != geteuid()
        || status.st_mode & S_ISGID != 0 && status.st_gid != getegid()
      if raises { return "runs with the rights of its owner (setuid), where nothing is preloaded" }
    }
    do {
      let file = try ElfFile(path: path)
      if !file.isOfThisMachine { return "is not a 64-bit program of this machine's kind" }
      return file.isDynamicExecutable
        ? nil : "is linked statically, so that nothing can be preloaded"
    } catch {
      // exec would take a broken program for a script without a first line, and have a shell read it.
      if beginsAsELF(path) { throw .programNotExecutable(name, .execFormatError) }
      // A script: its interpreter is what runs. A file that may be executed, but not read, is tried.
      return nil
    }
  }
}
