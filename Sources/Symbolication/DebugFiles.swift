import CElf
import CZlib
import Glibc

/// What `.gnu_debuglink` says: the name of the file with the debug information, and its CRC-32.
struct DebugLink: Hashable, Sendable {
  var name: String
  var checksum: UInt32
}

/// What `.gnu_debugaltlink` says: the file with what `dwz` found in several debug files, by name and
/// build-id.
struct CommonLink: Hashable, Sendable {
  var name: String
  var buildID: [UInt8]
}

extension ElfFile {
  /// The link to a separate debug file; nil where there is none or it leaves its folder.
  var debugLink: DebugLink? {
    guard let section = section(named: ".gnu_debuglink"),
      let bytes = unsafe bytes(of: section), let name = unsafe string(in: bytes, at: 0),
      !name.isEmpty, name != ".", name != "..", !name.contains("/")
    else { return nil }
    // After the name's zero, at the next multiple of four.
    let offset = (name.utf8.count + 4) & ~3
    guard offset + 4 <= bytes.count else { return nil }
    let checksum = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return DebugLink(name: name, checksum: checksum)
  }
}

/// Finds separate debug files where distributions install them.
///
/// The places and their order are those of the GDB manual, "Debugging Information in Separate
/// Files". A file counts only when its build-id or, without one, its CRC-32 is the right one.
struct DebugFiles: Sendable {
  /// The folder that stands for `/`, without a slash at its end.
  var root: String
  /// Such as `/usr/lib/debug`, below `root`.
  var directories: [String]

  /// The debug file of a build-id.
  func file(buildID: [UInt8]) -> ElfFile? {
    guard let first = buildID.first, buildID.count > 1 else { return nil }
    let name = "/.build-id/\(hex([first]))/\(hex(buildID.dropFirst())).debug"
    for directory in directories {
      guard let file = try? ElfFile(path: root + directory + name) else { continue }
      if file.buildID == buildID { return file }
    }
    return nil
  }

  /// The debug file that the file at `path` (below `root`) links to.
  func file(link: DebugLink, from path: String, buildID: [UInt8]) -> ElfFile? {
    for folder in folders(of: path) {
      let beside = ["\(folder)/\(link.name)", "\(folder)/.debug/\(link.name)"]
      for candidate in beside + directories.map({ "\($0)\(folder)/\(link.name)" }) {
        guard candidate != path, let file = try? ElfFile(path: root + candidate) else { continue }
        let isRight =
          buildID.isEmpty || file.buildID.isEmpty
          ? checksum(ofFileAt: root + candidate) == link.checksum : file.buildID == buildID
        if isRight { return file }
      }
    }
    return nil
  }

  /// The file with what a debug file has in common with others. Its name is relative to the folder
  /// of the debug file.
  func file(common link: CommonLink, of debugFile: borrowing ElfFile) -> ElfFile? {
    if let found = file(buildID: link.buildID) { return found }
    let path =
      link.name.hasPrefix("/")
      ? root + link.name : "\(folder(of: debugFile.path))/\(link.name)"
    guard let file = try? ElfFile(path: path), file.buildID == link.buildID else { return nil }
    return file
  }

  /// The folder of a file as named and, where that differs, with symbolic links resolved, because
  /// debug packages know one name of a file.
  private func folders(of path: String) -> [String] {
    var folders = [folder(of: path)]
    if let resolved = unsafe realpath(root + path, nil) {
      defer { unsafe free(resolved) }
      let real = unsafe String(cString: resolved)
      if real.hasPrefix(root) {
        let other = folder(of: String(real.dropFirst(root.count)))
        if !folders.contains(other) { folders.append(other) }
      }
    }
    return folders
  }

  private func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  private func checksum(ofFileAt path: String) -> UInt32? {
    guard let file = try? RegularFile(path: path) else { return nil }
    var sum: UInt = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe read(file.descriptor, bytes.baseAddress, bytes.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return UInt32(truncatingIfNeeded: sum) }
      sum = unsafe crc32(sum, buffer, UInt32(count))
    }
  }
}

/// Two lower-case digits a byte.
func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return bytes.reduce(into: "") { text, byte in
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
}
