/// What recording cost, told from what was counted.
///
/// The prices are those that `tools/benchmarks` measures, rounded up; they hold within a factor of
/// two on the machines of today, and an estimate is all that they are used for.
enum OverheadEstimate {
  /// Beyond the bare lock and unlock, nanoseconds.
  private static let acquisition: UInt64 = 5
  /// An event in a ring with its stack, nanoseconds.
  private static let event: UInt64 = 60

  /// Nanoseconds that the program's threads spent on being recorded.
  static func nanoseconds(acquisitions: UInt64, events: UInt64) -> Int64 {
    let (first, overflow) = acquisitions.multipliedReportingOverflow(by: acquisition)
    let (second, overflow2) = events.multipliedReportingOverflow(by: event)
    let (sum, overflow3) = first.addingReportingOverflow(second)
    return overflow || overflow2 || overflow3 ? .max : Int64(clamping: sum)
  }
}
