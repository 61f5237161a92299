internal import ArgumentParser
internal import TraceAnalysis
internal import TraceExport
internal import TraceFile
internal import TraceModel

/// Which part of a recording a command looks at.
struct WindowOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Begin so long after the recording began, such as 1.5s or 300ms.", valueName: "time"))
  var from: TimeSpan?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("End so long after the recording began.", valueName: "time"))
  var to: TimeSpan?

  func validate() throws {
    if let from, let to, from.nanoseconds >= to.nanoseconds {
      throw ValidationError("--from must be before --to")
    }
    if let to, to.nanoseconds == 0 { throw ValidationError("--to must be more than 0") }
  }

  /// Nanoseconds since the recording began; all there can be where nothing was chosen. Throws where
  /// the recording has ended by then.
  func window(of input: TraceInput) throws -> Range<Int64> {
    let start = Int64(clamping: from?.nanoseconds ?? 0)
    let end = to.map { Int64(clamping: $0.nanoseconds) } ?? .max
    let length = input.length
    guard start == 0 || start < length else {
      throw Failure(
        message: "--from is behind the end of the recording, which is "
          + "\(Duration.nanoseconds(length).brief) long")
    }
    return start..<max(end, start + 1)
  }
}

/// How much of a recording is exported.
struct CutOptions: ParsableArguments {
  @OptionGroup var window: WindowOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Only so many of the threads that waited longest, and of what was waited for longest.",
      valueName: "number"))
  var top: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "End early enough for so much JSON, such as 500M, before compression.", valueName: "size"))
  var maxBytes: ByteCount?

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top must be at least 1") }
  }

  /// What is to be exported of a recording, as far as its size does not matter.
  func cut(of input: TraceInput) throws -> ExportCut {
    var cut = ExportCut()
    cut.window = try window.window(of: input)
    if cut.window != 0..<Int64.max { cut.notes.append(cut.windowNote(of: input)) }
    guard let top else { return cut }
    var totals = WaitTotals(definitions: input.definitions, cut: cut)
    try input.forEachEvent("choosing", kinds: [.events]) { totals.add($0) }
    let (threads, locks) = totals.longest(top)
    cut.threads = threads
    cut.locks = locks
    let own = input.definitions.threads.values.filter { !input.definitions.isForeign($0) }
    cut.notes.append(
      "only the \(threads.count) of \(own.count) threads that waited longest, and who used the "
        + "\(locks.count) of \(input.definitions.locks.count) things that were waited for longest")
    return cut
  }
}

/// What a profile is made of.
struct ProfileOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Of profiles: whose stacks are charged with a wait, the waiter's, or the holder's where \
      the lock was released. [default: waiter]
      """, valueName: "side"))
  var by: Choice<WaitProfile.Side>?

  @Option(
    help: ArgumentHelp(
      "Of collapsed: time in nanoseconds, or count. [default: time]", valueName: "unit"))
  var unit: Choice<CollapsedStacks.Unit>?

  @Flag(help: "Of profiles: not locks alone, but conditions, queues and all else waited for.")
  var allWaits = false

  func validate() throws {
    if allWaits, by?.value == .holder {
      throw ValidationError(
        "--all-waits goes with --by waiter: nobody holds a condition or a queue")
    }
  }

  /// What is to be said in a profile about what it is of.
  var comment: String {
    by?.value == .holder
      ? "delay of others, by who held the lock and released it there"
      : "delay by who waited there\(allWaits ? ", for anything" : " for locks")"
  }
}

/// One of the cases of another module's type, as an argument.
struct Choice<Value: RawRepresentable<String> & CaseIterable>: ExpressibleByArgument {
  var value: Value

  init?(argument: String) {
    guard let value = Value(rawValue: argument) else { return nil }
    self.value = value
  }

  static var allValueStrings: [String] { Value.allCases.map(\.rawValue) }
}

extension ExportCut {
  /// Which part of a recording the window is.
  func windowNote(of input: TraceInput) -> String {
    let length = input.length
    func brief(_ time: Int64) -> String { Duration.nanoseconds(min(time, length)).brief }
    return
      "only \(brief(window.lowerBound)) to \(brief(window.upperBound)) of \(brief(length))"
  }
}
