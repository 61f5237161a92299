internal import ArgumentParser
internal import TraceAnalysis
internal import TraceModel

/// Which part of a recording a command looks at.
struct WindowOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Only what came after this time of the run, such as 1.5s or 300ms.", valueName: "time"))
  var from: TimeSpan?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Only what came before it.", valueName: "time"))
  var to: TimeSpan?

  func validate() throws {
    if let from, let to, from.nanoseconds >= to.nanoseconds {
      throw ValidationError("--from must be before --to")
    }
    if let to, to.nanoseconds == 0 { throw ValidationError("--to must be more than 0") }
  }

  /// The part that is wanted; nil for all of it. Throws where the recording has ended by then.
  func window(of input: TraceInput) throws -> TraceWindow? {
    guard from != nil || to != nil else { return nil }
    let length = input.length
    if let from, from.nanoseconds >= UInt64(max(length, 0)) {
      throw Failure(
        message: "--from is behind the end of the recording, which is "
          + "\(Duration.nanoseconds(length).brief) long")
    }
    func moment(_ span: TimeSpan) -> Timestamp {
      Timestamp(nanoseconds: Int64(clamping: span.nanoseconds))
    }
    return TraceWindow(from: from.map(moment), to: to.map(moment))
  }
}
