import Foundation
import Testing

/// What every text in the repository keeps to, beyond what the formatter sees.
@Suite("Text")
struct TextTests {
  static let longestFile = 700
  /// Everything that people wrote.
  static let written = ["Package.swift", "README.md", "Sources", "Tests", "tools"]
  static let suffixes = [".swift", ".c", ".h", ".map", ".modulemap", ".md", ".py", ".sh"]

  @Test("the top level holds nothing unexpected")
  func topLevel() throws {
    let expected: Set<String> = [
      "Package.swift", "README.md", "Sources", "Tests", "tools", "traces",
    ]
    // Only what belongs to the repository: the compiler leaves files of its own in the folder.
    let tracked = try SourceTree.tracked()
    for name in Set(tracked.map { String($0.prefix { $0 != "/" }) }) where !name.hasPrefix(".") {
      #expect(
        expected.contains(name),
        "\(name): the top level is for \(expected.sorted().joined(separator: ", ")); move it"
      )
    }
  }

  @Test("no source file is longer than one idea")
  func length() throws {
    for file in try SourceTree.files("Sources") {
      #expect(
        file.lines.count <= TextTests.longestFile,
        "\(file.path) has \(file.lines.count) lines: part it so that each has one idea")
    }
  }

  @Test("sources leave nothing undone and trap on nothing they were given")
  func forbiddenWords() throws {
    // The words that mark what is left undone stand here so that they stand nowhere else.
    let forbidden = /\b(?:TODO|FIXME|XXX|fatalError)\b|\b(?:try|as)!/
    for file in try SourceTree.files("Sources") {
      let places = file.places { $0.contains(forbidden) }
      #expect(
        places.isEmpty,
        "\(places.joined(separator: ", ")): finish it, or handle the error; see what is forbidden here"
      )
    }
  }

  @Test("no tabs, no blanks at the end of a line, no em dashes")
  func whitespace() throws {
    for file in try TextTests.written.flatMap({
      try SourceTree.files($0, suffixes: TextTests.suffixes)
    }) {
      let blanks = file.places { $0.last?.isWhitespace == true }
      #expect(blanks.isEmpty, "\(blanks.joined(separator: ", ")): remove the blanks at the end")
      let tabs = file.places { $0.contains("\t") }
      #expect(tabs.isEmpty, "\(tabs.joined(separator: ", ")): use spaces instead of tabs")
      let dashes = file.places { $0.contains("\u{2014}") }
      #expect(
        dashes.isEmpty,
        "\(dashes.joined(separator: ", ")): use a colon or two sentences, no em dash"
      )
    }
  }

  @Test("scripts can be run")
  func scripts() throws {
    for file in try ["tools", ".ci"].flatMap({ try SourceTree.files($0) })
    where file.lines.first?.hasPrefix("#!") == true {
      let path = SourceTree.root.appendingPathComponent(file.path).path
      #expect(
        FileManager.default.isExecutableFile(atPath: path),
        "\(file.path): it names its interpreter, so 'chmod +x' it"
      )
    }
  }
}
