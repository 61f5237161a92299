internal import TraceModel

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
  mutating func appendName(of process: TimelineIDs.Process) {
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
  mutating func appendName(of track: TimelineIDs.Track) {
    var name = track.name.isEmpty ? "thread" : track.name
    if let kernelTID = track.kernelTID { name += " (tid \(kernelTID))" }
    append(#"{"ph":"M","name":"thread_name","pid":"#)
    append(UInt64(track.pid))
    append(#","tid":"#)
    append(UInt64(track.tid))
    append(string: ",\"args\":{\"name\":\(name.jsonString)}}")
  }
}
