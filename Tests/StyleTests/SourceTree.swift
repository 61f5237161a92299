import Foundation

/// The repository's own files, as the style tests read them.
enum SourceTree {
  /// The repository, found from where this file was compiled.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A text file, by its path in the repository.
  struct File {
    var path: String
    var lines: [String]

    /// The module that a file of Sources belongs to.
    var module: String { String(path.split(separator: "/").dropFirst().first ?? "") }

    /// `path:line` of the lines where `isWrong`, counted from 1.
    func places(where isWrong: (String) -> Bool) -> [String] {
      lines.indices.filter { isWrong(lines[$0]) }.map { "\(path):\($0 + 1)" }
    }
  }

  /// Paths of the files that belong to the repository, as git lists them; none where it is no
  /// checkout.
  static func tracked() throws -> [String] {
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "-C", root.path, "ls-files"]
    let output = Pipe()
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    try git.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    git.waitUntilExit()
    return text.split(separator: "\n").map(String.init)
  }

  /// Names in a folder of the repository, sorted.
  static func names(in folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: root.appendingPathComponent(folder).path
    ).sorted()
  }

  /// The text files below a folder, or the one file that `path` names.
  static func files(_ path: String, suffixes: [String] = [""]) throws -> [File] {
    let url = root.appendingPathComponent(path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      return []
    }
    guard isFolder.boolValue else {
      guard suffixes.contains(where: path.hasSuffix),
        let text = String(data: try Data(contentsOf: url), encoding: .utf8)
      else { return [] }
      // The newline at the end begins no line.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      return [File(path: path, lines: lines.last == "" ? lines.dropLast() : lines)]
    }
    return try names(in: path).filter { !$0.hasPrefix(".") && $0 != "__pycache__" }
      .flatMap { try files("\(path)/\($0)", suffixes: suffixes) }
  }
}
