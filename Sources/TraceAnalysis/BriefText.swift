// Quantities as people read them. Findings and reports write each in the same way, so that nobody has to ask
// whether two of them are the same.

extension Duration {
  /// Two or three significant digits with the unit that suits: `950 ns`, `4.1 ms`, `12.3 s`.
  public var brief: String {
    let nanoseconds =
      Double(components.seconds) * 1e9 + Double(components.attoseconds) / 1e9
    for (unit, size) in [("s", 1e9), ("ms", 1e6), ("us", 1e3)] where abs(nanoseconds) >= size {
      return "\(Duration.short(nanoseconds / size)) \(unit)"
    }
    return "\(Int(nanoseconds)) ns"
  }

  private static func short(_ value: Double) -> String {
    // 4.12, 41.2 and 412 need two, one and no digits behind the point; never more than one is shown.
    if abs(value) >= 100 { return "\(Int(value.rounded()))" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
  }
}

extension Double {
  /// A part of a whole: `0 %`, `<1 %`, `42 %`. It is at most the whole, whatever a damaged recording says.
  public var percent: String {
    guard self > 0 else { return "0 %" }
    return self < 0.01 ? "<1 %" : "\(Int((min(self, 1) * 100).rounded())) %"
  }
}
