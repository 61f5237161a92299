import Testing
import TraceExport
import TraceModel

/// A trace of Perfetto's as its trace processor sees it: packets in the order of time and, at one moment,
/// of the file; the end of a slice is that of the one on its track that was begun last.
struct PerfettoTrace {
  struct Track {
    var name: String
    var parent: UInt64?
    var pid: UInt64?
    var tid: UInt64?
    var rank: UInt64?
    var unit: String?
  }

  struct Slice {
    var name: String
    var category: String
    var track: UInt64
    var start: Int64
    /// Nil where it has no end.
    var end: Int64?
    /// When it was written to end; what is read differs where slices of a track cross.
    var writtenEnd: Int64?
    var depth: Int
    var arguments: [String: String]
    var flows: [UInt64]
    var endingFlows: [UInt64]
    /// Whether arrows that end here end nowhere else.
    var closesFlows: Bool

    var duration: Int64 { (end ?? start) - start }
  }

  /// An event of the kernel's: its field's number, and what it says.
  struct KernelEvent {
    var cpu: UInt64
    var time: UInt64
    var tid: UInt64
    var kind: Int
    var fields: ProtobufMessage
  }

  var bytes: [UInt8]
  var tracks: [UInt64: Track] = [:]
  /// Slices and instants in the order of their begins.
  var slices: [Slice] = []
  var counters: [(track: UInt64, time: Int64, value: Int64)] = []
  var kernel: [KernelEvent] = []
  /// Functions of samples, outermost first.
  var samples: [(tid: UInt64, time: Int64, functions: [String])] = []
  var processes: [ProtobufMessage] = []
  var metadata: [String: String] = [:]
  /// What a trace processor would count as an error.
  var errors: [String] = []

  func slices(_ category: String) -> [Slice] { slices.filter { $0.category == category } }

  /// The track of this name.
  func track(_ name: String) -> UInt64? { tracks.first { $0.value.name == name }?.key }

  func slices(on track: String) -> [Slice] { slices.filter { tracks[$0.track]?.name == track } }

  func values(_ counter: String) -> [Int64] {
    counters.filter { tracks[$0.track]?.name == counter }.map(\.value)
  }

  /// What arrows connect: names and tracks of both slices.
  var arrows: [String] {
    var closed: Set<UInt64> = []
    return slices.flatMap { target in
      target.endingFlows.map { number in
        let sources = slices.filter { $0.flows.contains(number) }
        guard sources.count == 1, !closed.contains(number) else {
          return "\(sources.count) sources"
        }
        if target.closesFlows { closed.insert(number) }
        let names = [sources[0], target].map { "\($0.name)@\(tracks[$0.track]?.name ?? "?")" }
        return names.joined(separator: " → ")
      }
    }
  }
}

extension PerfettoTrace {
  /// Writes events and reads what came out.
  init(
    _ definitions: TraceDefinitions, _ events: [Event], scheduling: [Event] = [],
    cut: ExportCut = ExportCut(), batch: Int = 1000
  ) throws {
    var writer = PerfettoTraceWriter(definitions: definitions, cut: cut)
    var bytes = writer.takeOutput()
    for start in stride(from: 0, to: events.count, by: batch) {
      writer.add(Array(events[start..<min(start + batch, events.count)]).span)
      bytes += writer.takeOutput()
    }
    writer.finishEvents()
    for start in stride(from: 0, to: scheduling.count, by: batch) {
      writer.addScheduling(
        Array(scheduling[start..<min(start + batch, scheduling.count)]).span)
      bytes += writer.takeOutput()
    }
    writer.finish()
    bytes += writer.takeOutput()
    try self.init(bytes)
  }

  init(_ bytes: [UInt8]) throws {
    self.bytes = bytes
    let packets = try #require(ProtobufMessage(bytes)).messages(1)
    var texts = InternedTables()
    if packets.count != ProtobufMessage(bytes)?.fields.count { errors.append("not all is packets") }
    for packet in packets {
      // Of a field that is a message every value is one.
      for field in [1, 2, 5, 6, 11, 12, 59, 60, 66]
      where packet.texts(field).count != packet.messages(field).count {
        errors.append("field \(field) of a packet is no message")
      }
      if let data = packet.message(12) { texts.add(data) }
      if let descriptor = packet.message(60) { add(track: descriptor) }
      processes += packet.messages(2).flatMap { $0.messages(1) }
      for entry in packet.message(5)?.messages(2) ?? [] {
        metadata[entry.text(1) ?? ""] = entry.text(2)
      }
      if let bundle = packet.message(1) { add(kernel: bundle) }
      if let sample = packet.message(66) {
        samples.append(
          (
            sample.number(3) ?? 0, Int64(packet.number(8) ?? 0),
            texts.functions(ofStack: sample.number(4) ?? 0)
          ))
      }
    }
    let timed = packets.filter { $0.message(11) != nil }.enumerated().sorted {
      ($0.element.number(8) ?? 0, $0.offset) < ($1.element.number(8) ?? 0, $1.offset)
    }
    let ends = PerfettoTrace.ends(packets)
    var open: [UInt64: [Int]] = [:]
    for (place, packet) in timed {
      guard let event = packet.message(11),
        let time = packet.number(8).flatMap(Int64.init(exactly:))
      else {
        errors.append("no time")
        continue
      }
      let count = slices.count
      add(event, at: time, texts, &open)
      if slices.count > count { slices[count].writtenEnd = ends[place] }
    }
    errors += slices.filter { $0.writtenEnd != nil && $0.writtenEnd != $0.end }.map {
      "\($0.name) from \($0.start) crosses another"
    }
    for places in open.values { errors += places.map { "\(slices[$0].name) has no end" } }
  }

  /// When slices end as the file has it, where each end follows its begin; by the places of the begins
  /// among the events of tracks.
  private static func ends(_ packets: [ProtobufMessage]) -> [Int: Int64] {
    var ends: [Int: Int64] = [:]
    var open: [UInt64: [Int]] = [:]
    for (place, packet) in packets.filter({ $0.message(11) != nil }).enumerated() {
      let track = packet.message(11)?.number(11) ?? 0
      switch packet.message(11)?.number(9) {
      case 1: open[track, default: []].append(place)
      case 2:
        if let begin = open[track]?.popLast() { ends[begin] = Int64(packet.number(8) ?? 0) }
      default: break
      }
    }
    return ends
  }

  private mutating func add(track descriptor: ProtobufMessage) {
    let process = descriptor.message(3)
    let thread = descriptor.message(4)
    let counter = descriptor.message(8)
    tracks[descriptor.number(1) ?? 0] = Track(
      name: thread?.text(5) ?? process?.text(6) ?? descriptor.text(2) ?? "",
      parent: descriptor.number(5), pid: thread?.number(1) ?? process?.number(1),
      tid: thread?.number(2), rank: descriptor.number(12),
      unit: counter.map { $0.text(6) ?? ($0.number(3) == 3 ? "bytes" : "") })
  }

  private mutating func add(kernel bundle: ProtobufMessage) {
    for event in bundle.messages(2) {
      let kind = event.fields.last?.number ?? 0
      // A trace processor makes an event without a name of every other field.
      if event.fields.map(\.number) != [1, 2, kind] { errors.append("more than one event in one") }
      kernel.append(
        KernelEvent(
          cpu: bundle.number(1) ?? 0, time: event.number(1) ?? 0, tid: event.number(2) ?? 0,
          kind: kind, fields: event.message(kind) ?? ProtobufMessage()))
    }
  }

  private mutating func add(
    _ event: ProtobufMessage, at time: Int64, _ texts: InternedTables, _ open: inout [UInt64: [Int]]
  ) {
    let track = event.number(11) ?? 0
    if tracks[track] == nil { errors.append("track \(track) is unknown") }
    switch event.number(9) {
    case 1, 3:
      guard let name = texts.names[event.number(10) ?? 0],
        let category = texts.categories[event.number(3) ?? 0]
      else { return errors.append("a name is unknown") }
      var arguments: [String: String] = [:]
      for argument in event.messages(4) {
        guard let name = texts.argumentNames[argument.number(1) ?? 0] else {
          errors.append("an argument is unknown")
          continue
        }
        if let text = argument.number(17) {
          if texts.texts[text] == nil { errors.append("the text of \(name) is unknown") }
          arguments[name] = texts.texts[text]
        } else {
          arguments[name] =
            argument.number(4).map { String(Int64(bitPattern: $0)) }
            ?? argument.number(7).map { "0x" + String($0, radix: 16) }
            ?? argument.number(2).map { $0 == 1 ? "true" : "false" }
        }
      }
      let legacy = event.message(6)
      let isInstant = event.number(9) == 3
      slices.append(
        Slice(
          name: name, category: category, track: track, start: time, end: isInstant ? time : nil,
          depth: open[track, default: []].count, arguments: arguments, flows: event.numbers(47),
          endingFlows: event.numbers(48)
            + (legacy?.number(13) == 1 ? legacy?.numbers(8) ?? [] : []),
          closesFlows: !event.numbers(48).isEmpty))
      if !isInstant { open[track, default: []].append(slices.count - 1) }
    case 2:
      guard let place = open[track]?.popLast() else {
        return errors.append("an end without a begin")
      }
      slices[place].end = time
    case 4: counters.append((track, time, Int64(bitPattern: event.number(30) ?? 0)))
    default: errors.append("an event of no type")
    }
  }
}

/// Texts by number, as packets refer to them.
private struct InternedTables {
  var categories: [UInt64: String] = [:]
  var names: [UInt64: String] = [:]
  var argumentNames: [UInt64: String] = [:]
  var texts: [UInt64: String] = [:]
  private var functions: [UInt64: String] = [:]
  private var frames: [UInt64: UInt64] = [:]
  private var stacks: [UInt64: [UInt64]] = [:]

  mutating func add(_ data: ProtobufMessage) {
    func read(_ field: Int, into table: inout [UInt64: String]) {
      for entry in data.messages(field) { table[entry.number(1) ?? 0] = entry.text(2) }
    }
    read(1, into: &categories)
    read(2, into: &names)
    read(3, into: &argumentNames)
    read(29, into: &texts)
    read(5, into: &functions)
    for frame in data.messages(6) { frames[frame.number(1) ?? 0] = frame.number(2) }
    for stack in data.messages(7) { stacks[stack.number(1) ?? 0] = stack.numbers(2) }
  }

  func functions(ofStack number: UInt64) -> [String] {
    (stacks[number] ?? []).map { functions[frames[$0] ?? 0] ?? "?" }
  }
}
