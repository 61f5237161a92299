internal import Glibc
internal import SystemPackage

/// A folder of ours that goes with all that is in it.
struct TemporaryFolder: ~Copyable {
  /// Its path.
  let path: String

  /// Makes it, below TMPDIR.
  init() throws {
    let parent = Terminal.environment("TMPDIR") ?? "/tmp"
    // mkdtemp puts the name in the place of the six letters.
    var template = Array("\(parent)/ctrace-ci-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure(
        message: "\(parent) takes no folder: \(Errno(rawValue: errno)); set TMPDIR to another")
    }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Takes what is in it away.
  borrowing func empty() {
    guard let folder = opendir(path) else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      unlink("\(path)/\(name)")
    }
  }

  deinit {
    empty()
    rmdir(path)
  }
}
