internal import TraceModel

// What is said of tracks, once: processes, threads, groups and what is in them.
extension PerfettoEncoder {
  private typealias Schema = PerfettoSchema

  // MARK: The recording

  /// Writes what all else refers to: clocks, words, and the recording itself.
  mutating func appendHead(_ definitions: TraceDefinitions, _ cut: ExportCut) {
    var packet = ByteBuffer()
    packet.append(field: Schema.Packet.sequenceID, PacketSequence.events.rawValue)
    // SEQ_INCREMENTAL_STATE_CLEARED: what is interned counts from here on.
    packet.append(field: Schema.Packet.sequenceFlags, 1)
    // The clock of the trace begins with the recording, when it was this time of day.
    var clocks = ByteBuffer()
    for (clock, time) in [
      (Schema.Clocks.boottime, 0),
      (Schema.Clocks.realtime, UInt64(max(definitions.recording.startTime, 0))),
    ] {
      var entry = ByteBuffer()
      entry.append(field: Schema.Clocks.id, clock)
      entry.append(field: Schema.Clocks.timestamp, time)
      clocks.append(field: Schema.Clocks.clock, entry)
    }
    packet.append(field: Schema.Packet.clockSnapshot, clocks)
    output.append(field: Schema.Trace.packet, packet)

    appendDefaults()
    interned.appendWords(to: &data)
    appendInterned()
    appendMetadata(definitions, cut)
  }

  private mutating func appendDefaults() {
    var timebase = ByteBuffer()
    timebase.append(field: Schema.PerfSample.timebaseName, text: "waits")
    var samples = ByteBuffer()
    samples.append(field: Schema.PerfSample.timebase, timebase)
    var defaults = ByteBuffer()
    defaults.append(field: Schema.PerfSample.defaults, samples)
    appendPacket(Schema.Packet.defaults, defaults)
  }

  /// The facts of the recording, which viewers show among those of the trace.
  private mutating func appendMetadata(_ definitions: TraceDefinitions, _ cut: ExportCut) {
    var events = ByteBuffer()
    for (name, text) in recordingFacts(definitions, cut) {
      var entry = ByteBuffer()
      entry.append(field: Schema.Metadata.name, text: name)
      entry.append(field: Schema.Metadata.text, text: text.bounded)
      events.append(field: Schema.Metadata.metadata, entry)
    }
    appendPacket(Schema.Packet.chromeEvents, events)
  }

  // MARK: Processes and threads

  /// Writes the track of a process.
  mutating func appendTrack(ofProcess place: Int) {
    processes[place].isTold = true
    var process = ByteBuffer()
    process.append(field: Schema.ProcessTrack.pid, UInt64(processes[place].pid))
    process.append(field: Schema.ProcessTrack.name, text: processes[place].name)
    var track = ByteBuffer()
    track.append(field: Schema.Track.uuid, processes[place].uuid)
    track.append(field: Schema.Track.process, process)
    appendPacket(
      Schema.Packet.trackDescriptor, track, at: 0, sequence: .tracks)
  }

  /// Writes the parents, the command lines and the begins of all processes.
  mutating func appendProcessTree(_ definitions: TraceDefinitions, _ ids: TimelineIDs) {
    let images = definitions.processes.values.sorted { ($0.start, $0.id) < ($1.start, $1.id) }
    var starts: [UInt32: Int64] = [:]
    for image in images {
      let pid = ids.process(image.id).pid
      let time = max(image.start.nanoseconds, 0)
      var process = ByteBuffer()
      process.append(field: Schema.ProcessTree.pid, UInt64(pid))
      if image.parentPID > 0 {
        process.append(field: Schema.ProcessTree.parentPID, UInt64(image.parentPID))
      }
      for argument in image.arguments.prefix(256) {
        process.append(field: Schema.ProcessTree.argument, text: argument.bounded)
      }
      // Images of one process go on where the first began.
      starts[pid] = min(starts[pid] ?? time, time)
      process.append(field: Schema.ProcessTree.start, UInt64(starts[pid] ?? time))
      var tree = ByteBuffer()
      tree.append(field: Schema.ProcessTree.process, process)
      appendPacket(
        Schema.Packet.processTree, tree, at: time, sequence: .tracks)
    }
  }

  /// Writes the track of a thread.
  mutating func appendTrack(ofThread place: Int) {
    let thread = tracks[place]
    tracks[place].isTold = true
    if !processes[thread.process].isTold { appendTrack(ofProcess: thread.process) }
    var descriptor = ByteBuffer()
    descriptor.append(field: Schema.ThreadTrack.pid, UInt64(thread.pid))
    descriptor.append(field: Schema.ThreadTrack.tid, UInt64(thread.tid))
    descriptor.append(field: Schema.ThreadTrack.name, text: thread.name)
    var track = ByteBuffer()
    track.append(field: Schema.Track.uuid, thread.uuid)
    track.append(field: Schema.Track.thread, descriptor)
    // Which thread has the number is decided by when it is said.
    appendPacket(
      Schema.Packet.trackDescriptor, track, at: thread.start, sequence: .tracks)
  }

  // MARK: Groups

  /// A track of its own below a process, in one of the groups; returns its number.
  mutating func appendTrack(
    in group: ProcessTracks.Group, ofProcess process: Int, rank: UInt64, number: UInt64? = nil,
    named name: String, counter: ByteBuffer? = nil
  ) -> UInt64 {
    if !processes[process].isTold { appendTrack(ofProcess: process) }
    if processes[process].groups[group.rawValue] == 0 {
      lastTrack += 1
      processes[process].groups[group.rawValue] = lastTrack
      var track = ByteBuffer()
      track.append(field: Schema.Track.uuid, lastTrack)
      track.append(field: Schema.Track.parent, processes[process].uuid)
      track.append(field: Schema.Track.name, text: group.name)
      track.append(field: Schema.Track.childOrdering, Schema.Track.explicitOrdering)
      track.append(field: Schema.Track.rank, UInt64(group.rawValue))
      appendPacket(
        Schema.Packet.trackDescriptor, track, at: 0, sequence: .tracks)
    }
    if number == nil { lastTrack += 1 }
    let number = number ?? lastTrack
    var track = ByteBuffer()
    track.append(field: Schema.Track.uuid, number)
    track.append(field: Schema.Track.parent, processes[process].groups[group.rawValue])
    track.append(field: Schema.Track.name, text: name)
    track.append(field: Schema.Track.rank, rank)
    if let counter { track.append(field: Schema.Track.counter, counter) }
    appendPacket(
      Schema.Packet.trackDescriptor, track, at: 0, sequence: .tracks)
    return number
  }

  /// The track that shows who has a lock.
  mutating func ownerTrack(_ lock: Int) -> UInt64 {
    if locks[lock].ownerTrack == 0 {
      locks[lock].ownerTrack = appendTrack(
        in: .locks, ofProcess: locks[lock].process, rank: 3 * locks[lock].rank,
        named: "owner \(interned.lockNames[lock])")
    }
    return locks[lock].ownerTrack
  }

  /// The track of a counter; it is kept with the lock.
  mutating func appendTrack(of counter: LockCounter, _ lock: Int) -> UInt64 {
    let state = locks[lock]
    var unit = ByteBuffer()
    switch counter {
    case .waiters: unit.append(field: Schema.Counter.unitName, text: "threads")
    case .ready: unit.append(field: Schema.Counter.unitName, text: "callbacks")
    case .depth where state.isInBytes:
      unit.append(field: Schema.Counter.unit, Schema.Counter.bytes)
    case .depth: unit.append(field: Schema.Counter.unitName, text: "items")
    case .value: break
    }
    let number = appendTrack(
      in: state.group, ofProcess: state.process,
      rank: 3 * state.rank + (counter == .waiters ? 2 : 1),
      named: "\(counter) \(interned.lockNames[lock])", counter: unit)
    if counter == .waiters {
      locks[lock].waitersTrack = number
    } else {
      locks[lock].valueTrack = number
    }
    return number
  }

  /// Writes the texts that all slices of a lock refer to.
  mutating func introduce(_ lock: Int) {
    locks[lock].isIntroduced = true
    _ = interning { $0.text(ofLock: lock, &$1) }
  }
}
