public import TraceModel

/// Samples as collapsed stacks, which flamegraph.pl and speedscope read: a line for each stack, with its
/// frames from the outermost on and what it counts.
///
///     worker;main;cache_get;[cache_mu] 310
///
/// The thread is the first frame and the lock the last one.
public enum CollapsedStacks {
  /// What the numbers are.
  public enum Unit: String, CaseIterable, Sendable {
    /// Nanoseconds.
    case time
    /// Waits, or holds that others waited for.
    case count
  }

  /// The lines, each stack once, in alphabetical order.
  public static func text(
    of samples: [WaitSample], definitions: TraceDefinitions, unit: Unit
  ) -> String {
    let names = ProfileNames(definitions)
    var sums: [String: UInt64] = [:]
    for sample in samples {
      let value = unit == .time ? UInt64(max(0, sample.time)) : sample.count
      guard value > 0 else { continue }
      let frames = names.frames(sample.stack).reversed().map(\.profileName)
      let parts = [names.thread(sample.thread) ?? "[unknown thread]"] + frames
      let stack = (parts.map(\.asFrame) + ["[\(names.lock(sample.lock).asFrame)]"])
        .joined(separator: ";")
      let (sum, overflow) = (sums[stack] ?? 0).addingReportingOverflow(value)
      sums[stack] = overflow ? .max : sum
    }
    return sums.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
  }
}

extension String {
  /// The text without what ends a frame or a line.
  fileprivate var asFrame: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map {
          $0 == ";" ? ":" : $0.properties.generalCategory == .control ? " " : $0
        }
      ))
  }
}
