internal import ArgumentParser
internal import Glibc
internal import TraceAnalysis
internal import TraceFile
internal import TraceModel

/// `ctrace info`.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show what a file holds, and check that it is whole.",
    usage: "ctrace info [--chunks] <recording>",
    discussion: """
      Reads the whole file and checks every checksum.

      Examples:
        ctrace info prog.ctrace
        ctrace info --chunks prog.ctrace
      """
  )

  @Flag(help: "List every chunk.")
  var chunks = false

  @Argument(help: ArgumentHelp("The recording.", valueName: "recording"))
  var file: String

  func run() throws {
    let input = try TraceInput(path: file)
    let output = try ResultOutput(path: nil)
    try output.write(summary(of: input).utf8)
    if chunks { try output.write(chunkList(of: input).utf8) }
    var progress = ProgressLine("checking")
    try TraceInput.explaining(file) {
      try input.reader.verify { progress.update($0, of: input.byteCount) }
    }
    progress.finish()
    let count = input.reader.chunks.count
    try output.write("checksums     all \(count) chunks are whole\n".utf8)
    try output.commit()
  }

  private func summary(of input: TraceInput) -> String {
    let recording = input.definitions.recording
    let (reader, definitions) = (input.reader, input.definitions)
    let payload = reader.chunks.reduce(UInt64(0)) { $0 + UInt64($1.header.payloadSize) }
    let eventBytes = reader.chunks.filter { $0.header.kind?.hasEvents == true }
      .reduce(UInt64(0)) { $0 + $1.byteCount }
    let events = reader.eventCount
    let acquisitions = definitions.usesByLock.values.saturatingSum(\.acquisitions)
    var lines: [(String, String)] = [
      ("file", input.path),
      ("program", recording.program.joined(separator: " ")),
      ("recorded by", recording.recorder),
      ("on", "\(recording.host), \(recording.cpus) CPUs"),
      ("began", utc(recording.startTime)),
      (
        "lasted",
        recording.duration.map { Duration.nanoseconds($0).brief }
          ?? "unknown: the recorder did not finish"
      ),
      ("ended", ending(recording.termination)),
      ("scheduling", recording.scheduling.name),
      ("processes", "\(definitions.processes.count)"),
      ("threads", "\(definitions.threads.count)"),
      ("locks", "\(definitions.locks.count)"),
      ("acquisitions", "\(acquisitions)"),
      ("stacks", "\(definitions.stacks.count)"),
      ("events", "\(events)"),
      ("lost", lost(reader.lostEvents, recording)),
      (
        "size",
        "\(input.byteCount) bytes in \(reader.chunks.count) chunks, \(payload) uncompressed"
          + (events > 0 ? "; \(perEvent(eventBytes, events)) bytes an event" : "")
      ),
      (
        "index",
        reader.hasIndex
          ? "present"
          : "missing: the recorder was killed; \(reader.cutBytes) bytes at the end "
            + "belong to no whole chunk"
      ),
    ]
    lines += recording.notes.map { ("note", $0) }
    return lines.map { name, value in
      "\(name)\(String(repeating: " ", count: max(1, 14 - name.count)))\(value)\n"
    }.joined()
  }

  private func ending(_ termination: Termination?) -> String {
    switch termination {
    case .exited(let status): "exit status \(status)"
    case .signalled(let signal): "killed by signal \(signal)"
    case nil: "not while it was recorded"
    }
  }

  private func lost(_ events: UInt64, _ recording: Recording) -> String {
    var text = "\(events) events"
    if recording.unrecordedThreads > 0 { text += ", \(recording.unrecordedThreads) threads" }
    return text
  }

  private func perEvent(_ bytes: UInt64, _ events: UInt64) -> String {
    let hundredths = Int((Double(bytes) / Double(events) * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }

  private func chunkList(of input: TraceInput) -> String {
    var text = "    offset  kind         process  thread    count  bytes  lost\n"
    for chunk in input.reader.chunks {
      let header = chunk.header
      let kind = header.kind.map { "\($0)" } ?? "kind \(header.rawKind)"
      text += right(chunk.offset, 10) + "  " + left(kind, 11)
      text += right(header.process.rawValue, 9) + right(header.thread.rawValue, 8)
      text += right(header.count, 9) + right(chunk.byteCount, 7) + right(header.lost, 6) + "\n"
    }
    return text
  }

  private func left(_ value: some CustomStringConvertible, _ width: Int) -> String {
    let text = value.description
    return text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func right(_ value: some CustomStringConvertible, _ width: Int) -> String {
    let text = value.description
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

/// A wall-clock time as `2026-11-24 09:30:00 UTC`.
private func utc(_ nanoseconds: Int64) -> String {
  var seconds = time_t(nanoseconds / 1_000_000_000)
  var parts = tm()
  gmtime_r(&seconds, &parts)
  var text = [CChar](repeating: 0, count: 64)
  let length = strftime(&text, text.count, "%Y-%m-%d %H:%M:%S UTC", &parts)
  return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
