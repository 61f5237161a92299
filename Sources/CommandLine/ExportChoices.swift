internal import ArgumentParser
internal import TraceAnalysis
internal import TraceExport
internal import TraceFile
internal import TraceModel

/// How much of a recording is exported.
struct CutOptions: ParsableArguments {
  @OptionGroup var window: WindowOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of timelines: only so many of the threads that waited longest, and of what was waited for longest.",
      valueName: "number"))
  var top: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of timelines: end early enough for a file of this size, such as 500M, before compression.",
      valueName: "size"))
  var maxBytes: ByteCount?

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top must be at least 1") }
  }

  /// What is to be exported of a recording, as far as its size does not matter.
  func cut(of input: TraceInput) throws -> ExportCut {
    var cut = ExportCut()
    if let window = try window.window(of: input) {
      let (from, to) = (window.from?.nanoseconds ?? 0, window.to?.nanoseconds ?? .max)
      cut.window = from..<max(to, from + 1)
      if cut.window != 0..<Int64.max { cut.notes.append(cut.windowNote(of: input)) }
    }
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
