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
