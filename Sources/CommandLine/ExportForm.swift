internal import ArgumentParser
internal import TraceExport
internal import TraceFile
internal import TraceModel

/// The forms that a recording can be exported in.
enum ExportForm: String, ExpressibleByArgument, CaseIterable {
  case chrome

  /// What its files are called behind the recording's name.
  var suffix: String {
    switch self {
    case .chrome: "json"
    }
  }

  /// Writes a recording in this form; leaves nothing behind where that fails.
  func write(_ input: TraceInput, to destination: borrowing ResultOutput) throws {
    do {
      switch self {
      case .chrome: try writeChrome(input, to: destination)
      }
    } catch {
      destination.discard()
      throw error
    }
  }

  private func writeChrome(_ input: TraceInput, to destination: borrowing ResultOutput) throws {
    var writer = ChromeTraceWriter(definitions: input.definitions)
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
