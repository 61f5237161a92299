internal import TraceModel

/// Writes a timeline as JSON, one event on each line. Slices are written when they end, with their length.
///
/// An arrow is bound to the slice itself (`bind_id`), not to what lies at a moment of its track: slices
/// may touch, and one that began at that moment would get the arrow.
struct ChromeEncoder: TimelineEncoder {
  static let showsOwners = false
  // Scheduling is one text, behind all else.
  static let takesWakeups = false
  static var nesting: SliceNesting { SliceNesting(exact: ChromeTime.exact) }

  static func ids(_ definitions: TraceDefinitions) -> TimelineIDs { TimelineIDs(definitions) }
  static func drawn(_ time: Timestamp) -> Int64 { ChromeTime.drawn(time) }

  var output = ByteBuffer()
  var isHidden = false
  let texts: TextTable
  let stacks: StackTexts
  let locks: [ChromeLock]
  /// `,"pid":1,"tid":2,"ts":` of each track.
  let tracks: [TextTable.Text]
  /// Names of threads as owners, as JSON strings; of threads, not of tracks.
  let owners: [TextTable.Text]
  /// What the threads of tracks are called in the lines of scheduling.
  let schedulingNames: [SchedulingName]
  var hasScheduling = false
  /// The number of the last span.
  var lastSpan: UInt64 = 0
  /// What threads and locks without a definition are shown as, to be named at the end if need be.
  private let unknown: (process: TimelineIDs.Process, track: TimelineIDs.Track)
  private var needsUnknown: Bool
  private var hasEvents = false
  /// Where what is being written began.
  private var mark = (count: 0, hadEvents: false)

  init(_ definitions: TraceDefinitions, _ ids: TimelineIDs, _ cut: ExportCut) {
    var texts = TextTable()
    stacks = StackTexts(definitions, &texts)
    owners =
      [texts.add("\"thread?\"")]
      + definitions.orderedThreads.map { texts.add($0.ownerName.jsonString) }
    locks = ChromeLock.all(definitions, ids, &texts)
    tracks = ids.tracks.map { texts.add(",\"pid\":\($0.pid),\"tid\":\($0.tid),\"ts\":") }
    schedulingNames =
      [SchedulingName.idle(&texts)]
      + ids.tracks.dropFirst().map { SchedulingName($0, &texts) }
    self.texts = texts
    unknown = (ids.processes[TimelineIDs.unknown], ids.tracks[TimelineIDs.unknown])
    needsUnknown =
      definitions.threads.values.contains { definitions.processes[$0.process] == nil }
      || definitions.locks.values.contains { definitions.processes[$0.process] == nil }
    output.appendHead(definitions, cut)
    for process in ids.processes.dropFirst() {
      appendSeparator()
      output.appendName(of: process)
    }
    for track in ids.tracks.dropFirst() {
      appendSeparator()
      output.appendName(of: track)
    }
  }

  mutating func mention(_ lock: Int, _ track: Int, at time: Int64) {
    if lock == 0 || track == TimelineIDs.unknown { needsUnknown = true }
  }

  mutating func endEvents() {
    guard needsUnknown else { return }
    appendSeparator()
    output.appendName(of: unknown.process)
    appendSeparator()
    output.appendName(of: unknown.track)
  }

  // MARK: Slices

  mutating func begin(_ slice: TimelineSlice, _ operation: Event.Operation) {
    mark = (output.count, hasEvents)
    appendSeparator()
    switch slice.row {
    case .thread:
      output.append(slice.kind.head)
      texts.write(locks[slice.lock].name, to: &output)
      output.append("\"")
      appendPlace(slice, tracks[slice.track])
    case .owners(.thread(let owner)):
      output.append(#"{"ph":"X","cat":"hold","name":"#)
      texts.write(owners[owner], to: &output)
      appendPlace(slice, tracks[locks[slice.lock].track])
    case .owners(.task), .task, .spans:
      beginAsync(slice)
    }
    // What it leads from says the rest.
    if slice.kind == .acquired { return }
    texts.write(locks[slice.lock].arguments, to: &output)
    output.append(operation.argument)
    if slice.kind == .hold, case .owners(.task(let name)) = slice.row, name != 0 {
      output.append(",\"name\":\"")
      texts.write(locks[name].name, to: &output)
      output.append("\"")
    }
  }

  mutating func end(_ slice: TimelineSlice, _ stack: StackID) {
    stacks.write(stack, texts, to: &output)
    output.append("}}")
    switch slice.row {
    case .thread, .owners(.thread): break
    case .owners(.task), .task, .spans: endAsync(slice)
    }
    if isHidden {
      output.truncate(to: mark.count)
      hasEvents = mark.hadEvents
    }
  }

  /// Appends where a slice is, behind its name, up to its arguments.
  private mutating func appendPlace(_ slice: TimelineSlice, _ track: TextTable.Text) {
    texts.write(track, to: &output)
    output.append(drawn: slice.begin)
    output.append(",\"dur\":")
    output.append(drawn: slice.end - slice.begin)
    switch slice.arrow {
    case .none: break
    case .leaving(let number):
      output.append(",\"bind_id\":")
      output.append(number)
      output.append(",\"flow_out\":true")
    case .arriving(let number), .arrivingAmongOthers(let number):
      output.append(",\"bind_id\":")
      output.append(number)
      output.append(",\"flow_in\":true")
    }
    output.append(",\"args\":{")
  }

  // MARK: Arguments

  mutating func add(_ argument: SliceArgument, _ value: Int64) {
    output.append(argument.key)
    output.append(value)
  }

  mutating func add(_ outcome: Event.Outcome) { output.append(outcome.argument) }

  mutating func add(owner thread: Int) {
    output.append(SliceArgument.owner.key)
    texts.write(owners[thread], to: &output)
  }

  mutating func add(mutex lock: Int) {
    output.append(SliceArgument.mutex.key)
    output.append("\"")
    texts.write(locks[lock].name, to: &output)
    output.append("\"")
  }

  mutating func addCut(_ event: Event, _ length: SliceArgument, _ start: SliceArgument) {
    output.append(SliceArgument.cut.key)
    output.append("true")
    output.append(length.key)
    output.append(event.duration)
    output.append(start.key)
    output.append(microseconds: event.start.nanoseconds)
  }

  // MARK: Counters

  /// Viewers call a counter by the event's name and the value's.
  mutating func set(_ counter: LockCounter, of lock: Int, to value: Int64, at time: Int64) {
    appendSeparator()
    output.append(counter.head)
    texts.write(locks[lock].process, to: &output)
    output.append(drawn: time)
    output.append(",\"args\":{")
    texts.write(locks[lock].counter, to: &output)
    output.append(":")
    output.append(value)
    output.append("}}")
  }

  /// The importer takes no samples.
  mutating func addSample(_ stack: StackID, _ track: Int, at time: Int64) {}

  /// Begins another element of the array of events.
  mutating func appendSeparator() {
    if hasEvents { output.append(",\n") }
    hasEvents = true
  }
}
