internal import FoundationEssentials
internal import LinuxSystem
internal import SystemPackage
internal import TraceAnalysis
internal import Yams

/// A place in a YAML file: a value, or keys, or a list.
struct ConfigurationNode {
  /// The file.
  let path: String
  /// What it is called, such as `gate`; empty for all of the file.
  let name: String
  private let node: Node
  private let line: Int

  /// Bytes that a configuration may have.
  private static let largest = 1 << 20

  /// Reads a file; nil where there is nothing in it.
  ///
  /// YAML lets a few lines stand for any amount of others: anchors and aliases are refused before anything
  /// is made of them. What is nested deeper than 1000 times the parser refuses.
  static func read(_ path: String) throws -> ConfigurationNode? {
    let text: String
    do {
      let bytes = try readRegularFile(path, largest: largest)
      guard let valid = String(validating: bytes, as: UTF8.self) else {
        throw Failure(message: "\(path): this is no UTF-8 text; write it anew")
      }
      text = valid
    } catch let error as Errno {
      throw Failure(
        message: error == .fileTooLarge
          ? "\(path): a configuration has at most 1 MB; is it the right file?"
          : "\(path) cannot be read: \(error == .invalidArgument ? "it is no file" : "\(error)"); "
            + "see --config and --no-config")
    }
    // Also in texts and comments: what is one, only the parser knows.
    if let anchor = text.firstMatch(of: /&[\w-]/), text.firstMatch(of: /\*[\w-]/) != nil {
      let line = text[..<anchor.range.lowerBound].count { $0.isNewline } + 1
      throw Failure(
        message: "\(path):\(line): anchors (&name) and aliases (*name) have no place in a "
          + "configuration; write it out")
    }
    do {
      guard let node = try Yams.compose(yaml: text, .basic, .default, .utf8) else { return nil }
      return ConfigurationNode(path: path, name: "", node: node)
    } catch { throw failure(error, path, text) }
  }

  /// Where it stands.
  var place: String { "\(path):\(line)" }

  /// The same as a value.
  var setting: Setting {
    let scalar = node.scalar
    return Setting(
      name: name, text: scalar?.string,
      isQuoted: scalar?.style == .singleQuoted || scalar?.style == .doubleQuoted, place: place)
  }

  /// What its keys lead to; none where nothing is written.
  func entries() throws -> [(key: String, value: ConfigurationNode)] {
    if isNothing { return [] }
    guard let mapping = node.mapping else {
      throw setting.wrong("keys with values, such as 'runs: 10', each on its own line")
    }
    return try mapping.map { key, value in
      guard let text = key.scalar?.string, !text.isEmpty else {
        throw Failure(message: "\(path):\(key.mark?.line ?? 1): a key must be a name")
      }
      let name = self.name.isEmpty ? text : "\(self.name).\(text)"
      return (text, ConfigurationNode(path: path, name: name, node: value, at: key.mark))
    }
  }

  /// The parts of a list; none where nothing is written.
  func items() throws -> [ConfigurationNode] {
    if isNothing { return [] }
    guard let sequence = node.sequence else {
      throw setting.wrong("a list: a line with a dash for each")
    }
    return sequence.map { ConfigurationNode(path: path, name: name, node: $0) }
  }

  /// Whether a key stands here without a value.
  private var isNothing: Bool {
    guard let scalar = node.scalar else { return false }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
  }

  /// - Parameter mark: Where its key stands, where it has one.
  private init(path: String, name: String, node: Node, at mark: Mark? = nil) {
    self.path = path
    self.name = name
    self.node = node
    line = (mark ?? node.mark)?.line ?? 1
  }

  /// What is wrong with YAML, in one line.
  private static func failure(_ error: any Error, _ path: String, _ text: String) -> Failure {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      Failure(message: "\(path):\(mark.line): this is no YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      Failure(
        message: "\(path):\(context.mark.line): \(duplicates.first ?? "a key") is there twice; "
          + "leave one")
    case .reader(let problem, let offset, _, _):
      Failure(
        message: "\(path):\(text.utf8.prefix(offset ?? 0).count { $0 == 10 } + 1): this is no "
          + "YAML: \(problem)")
    default: Failure(message: "\(path): this is no YAML that can be read")
    }
  }
}
