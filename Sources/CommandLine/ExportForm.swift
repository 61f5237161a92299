internal import ArgumentParser
internal import TraceAnalysis
internal import TraceExport
internal import TraceFile
internal import TraceModel

/// The forms that a recording can be exported in.
enum ExportForm: String, ExpressibleByArgument, CaseIterable {
  case chrome
  case perfetto
  case pprof
  case collapsed

  /// What its files are called behind the recording's name.
  var suffix: String {
    switch self {
    case .chrome: "json"
    case .perfetto: "pftrace"
    case .pprof: "pb.gz"
    case .collapsed: "collapsed"
    }
  }

  /// Whether it is compressed whatever a file's name is.
  var isCompressed: Bool { self == .pprof }

  /// Whether it sums over time rather than showing it.
  var isProfile: Bool { self == .pprof || self == .collapsed }

  /// Writes a recording in this form; leaves nothing behind where that fails.
  ///
  /// Returns what was left out and why, for people; one sentence each.
  @discardableResult
  func write(
    _ input: TraceInput, _ options: CutOptions? = nil, _ profile: ProfileOptions? = nil,
    to destination: borrowing ResultOutput
  ) throws -> [String] {
    do {
      var cut = try options?.cut(of: input) ?? ExportCut()
      switch self {
      case .chrome:
        try writeTimeline(
          ChromeTraceWriter.self, of: input, &cut, size: options?.maxBytes?.bytes, to: destination)
      case .perfetto:
        try writeTimeline(
          PerfettoTraceWriter.self, of: input, &cut, size: options?.maxBytes?.bytes,
          to: destination)
      case .pprof:
        let comments = [profile?.comment ?? ""] + cut.notes
        try destination.write(
          PprofProfile.bytes(
            of: try samples(input, cut, profile), definitions: input.definitions,
            comment: comments.joined(separator: "; ")))
      case .collapsed:
        let text = CollapsedStacks.text(
          of: try samples(input, cut, profile), definitions: input.definitions,
          unit: profile?.unit?.value ?? .time)
        try destination.write(text.utf8)
      }
      return cut.notes
    } catch {
      destination.discard()
      throw error
    }
  }

  private func writeTimeline<Writer: TimelineWriter>(
    _ writer: Writer.Type, of input: TraceInput, _ cut: inout ExportCut, size: UInt64?,
    to destination: borrowing ResultOutput
  ) throws {
    if let size { try TimelineExport<Writer>(input: input, cut: cut).shorten(&cut, to: size) }
    try TimelineExport<Writer>(input: input, cut: cut).write { try destination.write($0) }
  }

  private func samples(
    _ input: TraceInput, _ cut: ExportCut, _ options: ProfileOptions?
  ) throws -> [WaitSample] {
    var profile = WaitProfile(
      definitions: input.definitions, by: options?.by?.value ?? .waiter, in: cut.window,
      isOfLocksOnly: !(options?.allWaits ?? false))
    try input.forEachEvent("summing", kinds: [.events]) { profile.add($0) }
    return profile.samples()
  }
}
