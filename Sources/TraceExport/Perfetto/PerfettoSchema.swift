/// Numbers of those fields of Perfetto's trace format that are written, by the messages they are in.
///
/// All of them are in version 52 and before: what a trace processor does not know it counts as an error.
/// Source: protos/perfetto/trace/ in Perfetto's repository.
enum PerfettoSchema {
  enum Trace {
    static let packet = 1
  }

  enum Packet {
    static let ftraceEvents = 1
    static let processTree = 2
    static let chromeEvents = 5
    static let clockSnapshot = 6
    static let timestamp = 8
    static let sequenceID = 10
    static let trackEvent = 11
    static let internedData = 12
    static let sequenceFlags = 13
    static let defaults = 59
    static let trackDescriptor = 60
    static let perfSample = 66
  }

  enum Clocks {
    static let clock = 1
    static let id = 1
    static let timestamp = 2
    static let realtime: UInt64 = 1
    static let boottime: UInt64 = 6
  }

  enum Event {
    static let categoryID = 3
    static let argument = 4
    static let legacy = 6
    static let type = 9
    static let nameID = 10
    static let track = 11
    static let counterValue = 30
    static let flow = 47
    static let endingFlow = 48
  }

  enum LegacyEvent {
    static let bindID = 8
    static let flowDirection = 13
    static let flowIn: UInt64 = 1
  }

  enum Argument {
    static let nameID = 1
    static let bool = 2
    static let int = 4
    static let pointer = 7
    static let textID = 17
  }

  enum InternedData {
    static let categories = 1
    static let eventNames = 2
    static let argumentNames = 3
    static let functionNames = 5
    static let frames = 6
    static let callstacks = 7
    static let buildIDs = 16
    static let mappingPaths = 17
    static let mappings = 19
    static let argumentTexts = 29
  }

  /// EventName, EventCategory, DebugAnnotationName and InternedString.
  enum Interned {
    static let id = 1
    static let text = 2
  }

  enum Frame {
    static let function = 2
    static let mapping = 3
    static let address = 4
  }

  enum Mapping {
    static let buildID = 2
    static let path = 7
  }

  enum Callstack {
    static let frame = 2
  }

  enum Track {
    static let uuid = 1
    static let name = 2
    static let process = 3
    static let thread = 4
    static let parent = 5
    static let counter = 8
    static let childOrdering = 11
    static let rank = 12
    static let explicitOrdering: UInt64 = 3
  }

  enum ProcessTrack {
    static let pid = 1
    static let name = 6
  }

  enum ThreadTrack {
    static let pid = 1
    static let tid = 2
    static let name = 5
  }

  enum Counter {
    static let unit = 3
    static let unitName = 6
    static let bytes: UInt64 = 3
  }

  enum ProcessTree {
    static let process = 1
    static let pid = 1
    static let parentPID = 2
    static let argument = 3
    static let start = 7
  }

  enum Metadata {
    static let metadata = 2
    static let name = 1
    static let text = 2
  }

  enum PerfSample {
    static let pid = 2
    static let tid = 3
    static let callstack = 4
    static let mode = 5
    static let count = 6
    static let user: UInt64 = 2
    // Of TracePacketDefaults and PerfSampleDefaults.
    static let defaults = 12
    static let timebase = 1
    static let timebaseName = 10
  }

  enum Ftrace {
    static let cpu = 1
    static let event = 2
    // Of FtraceEvent.
    static let timestamp = 1
    static let pid = 2
    static let schedSwitch = 4
    static let schedWaking = 20
    static let newTask = 235
    static let processFree = 240
  }

  enum NewTask {
    static let pid = 1
    static let flags = 3
    /// CLONE_THREAD.
    static let isThread: UInt64 = 0x10000
  }

  enum ProcessFree {
    static let pid = 2
    static let priority = 3
  }

  enum Switch {
    static let previous = 2
    static let previousPriority = 3
    static let state = 4
    static let next = 6
    static let nextPriority = 7
  }

  enum Waking {
    static let pid = 2
    static let priority = 3
    static let success = 4
    static let target = 5
  }
}
