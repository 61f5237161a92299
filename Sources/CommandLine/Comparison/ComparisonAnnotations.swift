internal import TraceAnalysis

/// A comparison as workflow commands of GitHub Actions, which its pages show at the lines of a change.
///
/// The format is that of GitHub's documentation, "Workflow commands for GitHub Actions"; of its escaping only
/// the source tells (`actions/toolkit`, `command.ts`).
struct ComparisonAnnotations {
  /// GitHub shows ten of a kind for a step, and fifty for a job.
  static let most = 10

  let words: ComparisonWords
  /// Folders in which the files of a change may be, the repository first.
  let folders: [String]
  /// Whether there is a file.
  let exists: (String) -> Bool

  /// - Parameters:
  ///   - folders: Where the repository may be: paths are relative to it.
  ///   - exists: Whether there is a file.
  init(_ comparison: Comparison, folders: [String], exists: @escaping (String) -> Bool) {
    words = ComparisonWords(comparison)
    self.folders = folders
    self.exists = exists
  }

  /// The lines; none where nothing is to be said.
  var text: String {
    var lines: [String] = []
    switch words.comparison.verdict {
    case .programFailed, .lossy:
      lines.append(command("error", title: "ctrace", words.sentence))
    case .pass, .regression, .inconclusive: break
    }
    let told = [Standing.failed, .waived, .inconclusive].flatMap(words.comparison.gates)
    for gate in told.prefix(ComparisonAnnotations.most) {
      lines.append(
        command(
          gate.standing == .failed ? "error" : "warning",
          title: "ctrace: \(words.name(gate)), \(words.label(gate))", place: gate.subject.place,
          words.sentence(of: gate)))
    }
    let rest = told.count - ComparisonAnnotations.most
    // Of another kind, which is not full yet.
    if rest > 0 { lines.append(command("notice", title: "ctrace", "\(rest) more in the summary")) }
    return lines.map { $0 + "\n" }.joined()
  }

  private func command(
    _ kind: String, title: String, place: SourcePlace? = nil, _ text: String
  ) -> String {
    var properties: [String] = []
    if let place, let file = file(place.file) {
      properties += ["file=\(escaped(property: file))", "line=\(place.line)"]
    }
    properties.append("title=\(escaped(property: title))")
    return "::\(kind) \(properties.joined(separator: ","))::\(escaped(text))"
  }

  /// A path relative to the repository; nil where it is not in it.
  func file(_ path: String) -> String? {
    guard path.hasPrefix("/") else {
      // From where the compiler ran, which nobody says.
      let found = folders.map { "\($0)/\(path)" }.first(where: exists)
      return found.flatMap { $0.hasPrefix("/") ? file($0) : nil } ?? normalised(path[...])
    }
    guard let path = normalised(path.dropFirst()) else { return nil }
    for folder in folders where folder.hasPrefix("/") {
      guard let folder = normalised(folder.dropFirst()) else { continue }
      if folder.isEmpty { return path }
      if path.hasPrefix(folder + "/") { return String(path.dropFirst(folder.count + 1)) }
    }
    return nil
  }

  /// Without `.` and `..`; nil where it leads out of the folder that it begins in.
  private func normalised(_ path: Substring) -> String? {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      guard part == ".." else {
        parts.append(part)
        continue
      }
      guard parts.popLast() != nil else { return nil }
    }
    return parts.joined(separator: "/")
  }

  private func escaped(_ text: String) -> String {
    text.escaped { "%\r\n".unicodeScalars.contains($0) ? hexadecimal($0) : nil }
  }

  private func escaped(property: String) -> String {
    property.escaped { "%\r\n:,".unicodeScalars.contains($0) ? hexadecimal($0) : nil }
  }

  private func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "%" + (digits.count < 2 ? "0" : "") + digits
  }
}
