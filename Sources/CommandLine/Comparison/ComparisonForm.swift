internal import ArgumentParser
internal import FoundationEssentials
internal import TraceAnalysis

/// The forms of a comparison.
enum ComparisonForm: String, CaseIterable {
  case text
  case json
  case markdown
  case github
  case junit
  case openmetrics
  case html

  /// A comparison in this form.
  ///
  /// - Parameters:
  ///   - style: How a text looks.
  ///   - recordings: What can be looked into.
  func bytes(of comparison: Comparison, style: Style = Style(), recordings: [String]) throws
    -> [UInt8]
  {
    switch self {
    case .text:
      return Array(ComparisonText(comparison, style: style, recordings: recordings).text.utf8)
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
      return Array(try encoder.encode(comparison)) + Array("\n".utf8)
    case .markdown:
      return Array(ComparisonMarkdown(comparison: comparison, recordings: recordings).text.utf8)
    case .github:
      return Array(GitHubActions.annotations(comparison).utf8)
    case .junit: return Array(ComparisonJUnit(comparison).text.utf8)
    case .openmetrics: return Array(ComparisonMetrics(comparison: comparison).text.utf8)
    case .html: return ComparisonPage(comparison, recordings: recordings).bytes
    }
  }
}

/// A form and where it goes, as users write it: `json` to stdout, `json=FILE` to a file.
struct ComparisonOutput: ExpressibleByArgument {
  var form: ComparisonForm
  /// Nil for stdout.
  var path: String?

  init(_ form: ComparisonForm) { self.form = form }

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let form = ComparisonForm(rawValue: String(parts[0])), parts.last?.isEmpty == false
    else { return nil }
    self.form = form
    path = parts.count == 2 && parts[1] != "-" ? String(parts[1]) : nil
  }

  static var allValueStrings: [String] { ComparisonForm.allCases.map(\.rawValue) }
}
