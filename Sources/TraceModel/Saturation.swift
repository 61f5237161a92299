extension FixedWidthInteger {
  /// The sum, or the number next to it where there is none: what targets and files say knows no bounds.
  @inlinable
  package func saturatingAdd(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    guard overflow else { return sum }
    return other < 0 ? .min : .max
  }
}

extension Sequence {
  /// The sum of a number of each, or the greatest or least number where there is no such sum.
  @inlinable
  package func saturatingSum<Number: FixedWidthInteger>(_ number: (Element) -> Number) -> Number {
    reduce(0) { $0.saturatingAdd(number($1)) }
  }
}
