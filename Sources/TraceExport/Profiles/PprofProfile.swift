public import TraceModel

/// Samples as a profile for pprof: the message `perftools.profiles.Profile` of `profile.proto`
/// (https://github.com/google/pprof/blob/main/proto/profile.proto), to be compressed with gzip.
///
/// Sample types are those of Go's profiles of mutexes: `contentions` in counts and `delay` in
/// nanoseconds. The leaf of a stack is what called the lock. Each sample has the labels `lock`, `kind`
/// and, where it is known, `thread`.
public struct PprofProfile {
  private var strings: [String: Int64] = ["": 0]
  private var functions: [Function: Int64] = [:]
  private var locations: [Location: Int64] = [:]
  private var modules: [String: Int64] = [:]
  private var writer = ProtobufWriter()
  private var tables = ProtobufWriter()

  private struct Function: Hashable {
    var name: String
    var file: String
  }

  private struct Location: Hashable {
    var function: Int64
    var line: Int64
    var module: Int64
  }

  /// The bytes of the message.
  ///
  /// - Parameters:
  ///   - samples: Sums by place.
  ///   - comment: What the profile is of, for people.
  public static func bytes(
    of samples: [WaitSample], definitions: TraceDefinitions, comment: String
  ) -> [UInt8] {
    var profile = PprofProfile()
    return profile.write(samples, definitions, comment)
  }

  private mutating func write(
    _ samples: [WaitSample], _ definitions: TraceDefinitions, _ comment: String
  ) -> [UInt8] {
    let names = ProfileNames(definitions)
    for (type, unit) in [("contentions", "count"), ("delay", "nanoseconds")] {
      writer.append(1) { [type = string(type), unit = string(unit)] in
        $0.append(1, type)
        $0.append(2, unit)
      }
    }
    for sample in samples {
      let stack = names.frames(sample.stack).map { location(of: $0) }
      var labels = [("lock", names.lock(sample.lock)), ("kind", names.kind(sample.lock))]
      if let thread = names.thread(sample.thread) { labels.append(("thread", thread)) }
      let numbers = labels.map { (string($0.0), string($0.1)) }
      writer.append(2) {
        $0.append(1, packed: stack)
        $0.append(2, packed: [Int64(clamping: sample.count), sample.time])
        for (key, value) in numbers {
          $0.append(3) {
            $0.append(1, key)
            $0.append(2, value)
          }
        }
      }
    }
    let recording = definitions.recording
    let numbers = (
      comment: string(comment), delay: string("delay"), nanoseconds: string("nanoseconds")
    )
    let ordered = strings.sorted { $0.value < $1.value }.map(\.key)
    let tables = tables.take()
    writer.append(encoded: tables)
    for text in ordered { writer.append(6, text) }
    writer.append(9, recording.startTime)
    writer.append(10, recording.duration ?? 0)
    writer.append(11) {
      $0.append(1, numbers.delay)
      $0.append(2, numbers.nanoseconds)
    }
    writer.append(12, 1)
    writer.append(13, numbers.comment)
    writer.append(14, numbers.delay)
    return writer.take()
  }

  private mutating func string(_ text: String) -> Int64 {
    let place = strings[text] ?? Int64(strings.count)
    strings[text] = place
    return place
  }

  private mutating func location(of frame: Symbol) -> Int64 {
    let module = mapping(frame.module)
    let location = Location(
      function: function(Function(name: frame.profileName, file: frame.file)),
      line: Int64(frame.line), module: module)
    if let place = locations[location] { return place }
    let place = Int64(locations.count + 1)
    locations[location] = place
    tables.append(4) {
      $0.append(1, place)
      $0.append(2, module)
      $0.append(4) {
        $0.append(1, location.function)
        $0.append(2, location.line)
      }
    }
    return place
  }

  private mutating func function(_ function: Function) -> Int64 {
    if let place = functions[function] { return place }
    let place = Int64(functions.count + 1)
    functions[function] = place
    let (name, file) = (string(function.name), string(function.file))
    tables.append(5) {
      $0.append(1, place)
      $0.append(2, name)
      $0.append(3, name)
      $0.append(4, file)
    }
    return place
  }

  /// The module as a mapping whose functions are known already, so that nobody looks for them.
  private mutating func mapping(_ module: String) -> Int64 {
    if let place = modules[module] { return place }
    let place = Int64(modules.count + 1)
    modules[module] = place
    let name = string(module.isEmpty ? "[unknown]" : module)
    tables.append(3) {
      $0.append(1, place)
      $0.append(5, name)
      for known in 7...10 { $0.append(known, 1) }
    }
    return place
  }
}
