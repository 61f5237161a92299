internal import TraceModel

/// What is said of the recording as a whole.
func recordingFacts(
  _ definitions: TraceDefinitions, _ cut: ExportCut
) -> [(key: String, value: String)] {
  let recording = definitions.recording
  var other: [(key: String, value: String)] = [
    ("recorder", recording.recorder),
    ("program", recording.program.joined(separator: " ")),
    ("host", recording.host),
    // A number of this size would be rounded by readers in JavaScript.
    ("start_unix_ns", String(recording.startTime)),
  ]
  if let duration = recording.duration { other.append(("duration_ns", String(duration))) }
  other.append(("complete", String(definitions.isComplete)))
  let lost = definitions.usesByLock.values.saturatingSum(\.lostWaits)
  other.append(("lost_waits", String(lost)))
  other.append(("unrecorded_threads", String(recording.unrecordedThreads)))
  if !cut.notes.isEmpty { other.append(("cut", cut.notes.joined(separator: "; "))) }
  for (number, note) in recording.notes.enumerated() {
    other.append(("note \(number + 1)", note))
  }
  return other
}

extension ByteBuffer {
  /// Labelled, so that a literal is never taken for one.
  private mutating func append(string text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  /// Appends the start of the document, up to the first event.
  mutating func appendHead(_ definitions: TraceDefinitions, _ cut: ExportCut) {
    let other = recordingFacts(definitions, cut)
    append("{\"displayTimeUnit\":\"ns\",\n\"otherData\":{")
    append(string: other.map { "\"\($0.key)\":\($0.value.jsonString)" }.joined(separator: ",\n"))
    append("},\n\"traceEvents\":[\n")
  }

  /// Appends the names of a process, and of its images where it has had several.
  mutating func appendName(of process: ChromeIDs.Process) {
    var name = process.images.last ?? ""
    if name.isEmpty { name = "process" }
    if let kernelPID = process.kernelPID { name += " (pid \(kernelPID))" }
    append(#"{"ph":"M","name":"process_name","pid":"#)
    append(UInt64(process.pid))
    append(string: ",\"args\":{\"name\":\(name.jsonString)")
    if process.images.count > 1 {
      append(string: ",\"images\":[\(process.images.map(\.jsonString).joined(separator: ","))]")
    }
    append("}}")
  }

  /// Appends the name of a thread.
  mutating func appendName(of track: ChromeIDs.Track) {
    var name = track.name.isEmpty ? "thread" : track.name
    if let kernelTID = track.kernelTID { name += " (tid \(kernelTID))" }
    append(#"{"ph":"M","name":"thread_name","pid":"#)
    append(UInt64(track.pid))
    append(#","tid":"#)
    append(UInt64(track.tid))
    append(string: ",\"args\":{\"name\":\(name.jsonString)}}")
  }
}
