internal import ArgumentParser
internal import FoundationEssentials
internal import TraceAnalysis

/// The forms of a comparison.
enum ComparisonForm: String, CaseIterable {
  case json

  /// A comparison in this form.
  func bytes(of comparison: Comparison) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return Array(try encoder.encode(comparison)) + Array("\n".utf8)
  }
}

/// A form and where it goes, as users write it: `json` to stdout, `json=FILE` to a file.
struct ComparisonOutput: ExpressibleByArgument {
  var form: ComparisonForm
  /// Nil for stdout.
  var path: String?

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let form = ComparisonForm(rawValue: String(parts[0])), parts.last?.isEmpty == false
    else { return nil }
    self.form = form
    path = parts.count == 2 ? String(parts[1]) : nil
  }
}

extension [ComparisonOutput] {
  /// Writes a comparison in each form to where it goes.
  func write(_ comparison: Comparison) throws {
    for output in self {
      let destination = try ResultOutput(path: output.path)
      try destination.write(output.form.bytes(of: comparison))
      try destination.commit()
    }
  }
}
