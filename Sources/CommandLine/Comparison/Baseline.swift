internal import FoundationEssentials
internal import TraceAnalysis

/// Runs that later ones are compared with, in a file: the schema `ctrace-baseline/1`, to which later versions
/// only add. It is small enough to be kept beside the program's source.
struct Baseline: Codable {
  /// Names this schema.
  static let schemaName = "ctrace-baseline/1"

  /// Always ``schemaName``.
  var schema = Baseline.schemaName
  /// What was run, as it was given.
  var command: [String]
  /// Where.
  var machine: MachineFigures
  /// The runs, one at least.
  var runs: [RunFigures]
}
