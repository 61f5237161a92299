internal import Glibc

/// The library that is preloaded into programs.
enum RuntimeLibrary {
  static let name = "libctrace-runtime.so"
  /// What it loads into programs of Python's.
  static let probeName = "libctrace-python.so"

  /// Whether a file that is mapped is one of both.
  static func isOwn(_ path: String) -> Bool {
    path.hasSuffix("/" + name) || path.hasSuffix("/" + probeName)
  }

  /// Beside the executable, as a build leaves it, or in `../lib/ctrace`, as it is installed.
  static func locate() throws(RecorderError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    let executable = String(
      decoding: buffer.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let folder = executable.split(separator: "/").dropLast()
    let candidates = [
      "/" + (folder + [Substring(name)]).joined(separator: "/"),
      "/" + (folder.dropLast() + ["lib", "ctrace", Substring(name)]).joined(separator: "/"),
    ]
    for candidate in candidates where access(candidate, R_OK) == 0 { return candidate }
    throw .runtimeMissing(candidates)
  }

  /// The loader ends a path in LD_PRELOAD at a space or a colon.
  static func check(_ path: String) throws(RecorderError) {
    guard access(path, R_OK) == 0 else { throw .runtimeMissing([path]) }
    if path.contains(where: { $0 == " " || $0 == ":" }) { throw .runtimePathUnusable(path) }
  }
}
