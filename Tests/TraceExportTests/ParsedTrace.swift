import Foundation
import Testing
import TraceExport
import TraceModel

/// A Chrome trace as a reader sees it.
struct ParsedTrace {
  struct Event {
    var phase: String
    var name: String
    var category: String
    var pid: Int
    var tid: Int
    /// Nanoseconds, from the digits in the file.
    var start: Int64
    var duration: Int64
    var arguments: [String: Any]
    var flowOut: Int?
    var flowIn: Int?
    /// The track of an asynchronous slice, within its process.
    var asyncID: String?

    var end: Int64 { start + duration }
    var isCut: Bool { arguments["cut"] as? Bool ?? false }
  }

  var bytes: [UInt8]
  var other: [String: String] = [:]
  var events: [Event] = []
  /// The lines of the kernel's trace text.
  var scheduling: [Substring] = []

  var slices: [Event] { events.filter { $0.phase == "X" } }
  var counters: [Event] { events.filter { $0.phase == "C" } }

  func slices(_ category: String) -> [Event] { slices.filter { $0.category == category } }

  /// The values of a counter in the order of the file.
  func values(_ name: String, _ key: String) -> [Int] {
    counters.filter { $0.name == name }.compactMap { $0.arguments[key] as? Int }
  }

  /// Names by number, as metadata says them.
  func names(_ metadata: String) -> [Int: String] {
    let named = events.filter { $0.phase == "M" && $0.name == metadata }
    let key: (Event) -> Int = { metadata == "thread_name" ? $0.tid : $0.pid }
    return Dictionary(named.map { (key($0), $0.arguments["name"] as? String ?? "") }) { $1 }
  }

  /// What arrows connect: names and tracks of both slices.
  var arrows: [String] {
    slices.compactMap { target in
      guard let number = target.flowIn else { return nil }
      let sources = slices.filter { $0.flowOut == number }
      guard sources.count == 1 else { return "\(sources.count) sources of \(number)" }
      return "\(sources[0].name)@\(sources[0].tid) → \(target.name)@\(target.tid)"
    }
  }

  /// What a viewer cannot pair of the begins and ends of asynchronous slices: they nest by track.
  var asyncErrors: [String] {
    let ends = events.filter { $0.phase == "b" || $0.phase == "e" }
    var errors: [String] = []
    for track in Dictionary(grouping: ends, by: { "\($0.category) \($0.asyncID ?? "?")" }) {
      let ordered = track.value.enumerated().sorted {
        ($0.element.start, $0.offset) < ($1.element.start, $1.offset)
      }
      var open: [Event] = []
      for (_, end) in ordered {
        if end.phase == "b" {
          open.append(end)
        } else if open.popLast()?.name != end.name {
          errors.append("\(track.key): \(end.name) at \(end.start) ends another")
        }
      }
      errors += open.map { "\(track.key): \($0.name) has no end" }
    }
    return errors
  }

  /// Pairs of slices of one track of which neither contains the other.
  var crossings: [String] {
    var crossings: [String] = []
    for track in Dictionary(grouping: slices, by: \.tid).values {
      var open: [Event] = []
      for slice in track.sorted(by: { ($0.start, $1.duration) < ($1.start, $0.duration) }) {
        while let last = open.last, last.end <= slice.start, last.end < slice.end {
          open.removeLast()
        }
        if let last = open.last, slice.end > last.end {
          crossings.append("\(last.name) \(last.start)+\(last.duration) \(slice.start)")
        }
        open.append(slice)
      }
    }
    return crossings
  }
}

extension ParsedTrace {
  init(
    _ recording: HostileRecording, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try self.init(
      recording.definitions, recording.events, scheduling: recording.scheduling,
      cut: recording.cut, sourceLocation: sourceLocation)
  }

  /// Writes events and reads what came out.
  init(
    _ definitions: TraceDefinitions, _ events: [TraceModel.Event],
    scheduling: [TraceModel.Event] = [], batch: Int = 1000,
    cut: ExportCut = ExportCut(), sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    var writer = ChromeTraceWriter(definitions: definitions, cut: cut)
    var bytes = writer.takeOutput()
    for start in stride(from: 0, to: events.count, by: batch) {
      writer.add(Array(events[start..<min(start + batch, events.count)]).span)
      bytes += writer.takeOutput()
    }
    writer.finishEvents()
    writer.addScheduling(scheduling.span)
    writer.finish()
    bytes += writer.takeOutput()
    try self.init(bytes, sourceLocation: sourceLocation)
  }

  init(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
    self.bytes = bytes
    let document = try #require(
      JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
      sourceLocation: sourceLocation)
    other = document["otherData"] as? [String: String] ?? [:]
    scheduling = (document["systemTraceEvents"] as? String ?? "").split(separator: "\n")
    let elements = try #require(
      document["traceEvents"] as? [[String: Any]], sourceLocation: sourceLocation)
    // The array holds one event on each line: times are read from the digits there, which a
    // floating-point number might not keep.
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .filter { $0.hasPrefix("{\"ph\":") }
    try #require(lines.count == elements.count, sourceLocation: sourceLocation)
    for (element, line) in zip(elements, lines) {
      events.append(
        Event(
          phase: element["ph"] as? String ?? "", name: element["name"] as? String ?? "",
          category: element["cat"] as? String ?? "", pid: element["pid"] as? Int ?? -1,
          tid: element["tid"] as? Int ?? -1, start: nanoseconds(after: "\"ts\":", in: line),
          duration: nanoseconds(after: "\"dur\":", in: line),
          arguments: element["args"] as? [String: Any] ?? [:],
          flowOut: element["flow_out"] as? Bool == true ? element["bind_id"] as? Int : nil,
          flowIn: element["flow_in"] as? Bool == true ? element["bind_id"] as? Int : nil,
          asyncID: (element["id2"] as? [String: String])?["local"]
            ?? (element["id"] as? Int).map(String.init)))
    }
  }
}

private func nanoseconds(after key: String, in line: Substring) -> Int64 {
  let bytes = Array(line.utf8)
  let key = Array(key.utf8)
  guard
    let place = (0..<max(0, bytes.count - key.count)).first(where: {
      bytes[$0] == key[0] && bytes[$0..<$0 + key.count].elementsEqual(key)
    })
  else { return 0 }
  let digits = bytes[(place + key.count)...].prefix { (0x30...0x39).contains($0) || $0 == 0x2e }
  let parts = digits.split(separator: 0x2e).map { Int64(String(decoding: $0, as: UTF8.self)) ?? -1 }
  guard let whole = parts.first else { return -1 }
  guard parts.count == 2 else { return whole * 1000 }
  return digits.dropLast(3).last == 0x2e ? whole * 1000 + parts[1] : -1
}
