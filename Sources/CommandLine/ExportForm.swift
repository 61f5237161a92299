internal import ArgumentParser
internal import TraceExport
internal import TraceFile
internal import TraceModel

/// The forms that a recording can be exported in.
enum ExportForm: String, ExpressibleByArgument, CaseIterable {
  case chrome
  case perfetto

  /// What its files are called behind the recording's name.
  var suffix: String {
    switch self {
    case .chrome: "json"
    case .perfetto: "pftrace"
    }
  }

  /// Writes a recording in this form; leaves nothing behind where that fails.
  func write(_ input: TraceInput, to destination: borrowing ResultOutput) throws {
    do {
      switch self {
      case .chrome: try write(ChromeTraceWriter.self, of: input, to: destination)
      case .perfetto: try write(PerfettoTraceWriter.self, of: input, to: destination)
      }
    } catch {
      destination.discard()
      throw error
    }
  }

  private func write<Writer: TimelineWriter>(
    _ kind: Writer.Type, of input: TraceInput, to destination: borrowing ResultOutput
  ) throws {
    var writer = Writer(definitions: input.definitions)
    try input.forEachEvent("exporting", kinds: [.events]) { events in
      writer.add(events)
      try destination.write(writer.takeOutput())
    }
    writer.finishEvents()
    try input.forEachEvent("exporting scheduling", kinds: [.scheduling]) { events in
      writer.addScheduling(events)
      try destination.write(writer.takeOutput())
    }
    writer.finish()
    try destination.write(writer.takeOutput())
  }
}
