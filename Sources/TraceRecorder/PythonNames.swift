internal import LinuxSystem
internal import TraceModel

/// Names for what a program of Python's has made and not named itself, by the lines that made it:
/// `app.py:41 cache_lock`.
struct PythonNames {
  private var sources = PythonSources()
  /// What was found: programs make many things in one place.
  private var found: [Maker: String?] = [:]

  private struct Maker: Hashable {
    var kind: LockKind
    var site: StackID
  }

  /// Whether things of a kind are objects of Python's.
  static func areGiven(to kind: LockKind) -> Bool {
    kind.isPython || kind.isOfTasks || kind == .messages
  }

  /// The name of a thing by the place that made it; nil where its lines tell none. `calls` are those of
  /// the place, innermost first.
  mutating func name(
    of kind: LockKind, madeAt site: StackID, calls: () -> [Symbol]
  ) -> String? {
    let maker = Maker(kind: kind, site: site)
    if let name = found[maker] { return name }
    let name = name(of: kind, madeIn: calls())
    found.updateValue(name, forKey: maker)
    return name
  }

  /// The name of a thing by the calls that made it, innermost first; nil where their lines tell none.
  ///
  /// Where a library of Python's makes the parts of what the program made, its lines tell which part the
  /// thing is: a queue's lock is `jobs.mutex`.
  mutating func name(of kind: LockKind, madeIn stack: [Symbol]) -> String? {
    let frames = stack.filter(\.isPython)
    guard let own = frames.firstIndex(where: { !PythonLibrary.contains(file: $0.file) }) else {
      return nil
    }
    let makers = frames[..<own].filter { $0.function.hasSuffix("__init__") }
    let parts = makers.dropFirst(PythonNames.ownMakers(of: kind)).reversed()
      .compactMap { target(in: $0) }
    let names = [target(in: frames[own])].compactMap(\.self) + parts
    guard !names.isEmpty else { return nil }
    let file = frames[own].file.split(separator: "/").last ?? "?"
    return "\(file):\(frames[own].line) \(names.joined(separator: "."))"
  }

  /// How many of the innermost functions make the thing itself, and not what it is a part of: a thing is
  /// told of when it makes the lock that is in it.
  private static func ownMakers(of kind: LockKind) -> Int {
    switch kind {
    case .pythonLock: 0
    case .future: 2
    default: 1
    }
  }

  private mutating func target(in frame: Symbol) -> String? {
    sources.line(frame.line, of: frame.file).flatMap(PythonAssignment.target)
  }
}

/// Lines of source files, which are read once each, as far as they are there.
struct PythonSources {
  private static let largestFile = 10 << 20
  private static let mostBytes = 64 << 20
  /// From how many lines before it a line is taken to go on.
  private static let mostContinued = 50

  private var files: [String: SourceLines] = [:]
  private var size = 0

  /// A line of a file, counted from 1, together with those that it goes on from; nil where there is none.
  mutating func line(_ number: UInt32, of file: String) -> String? {
    if files[file] == nil { files[file] = read(file) }
    guard let lines = files[file], number >= 1, number <= lines.count else { return nil }
    let last = Int(number) - 1
    let earliest = max(0, last - PythonSources.mostContinued)
    var first = last
    while first > earliest, lines[first - 1].last == UInt8(ascii: "\\") { first -= 1 }
    return (first...last).map { number in
      let line = lines[number]
      return String(
        decoding: line.last == UInt8(ascii: "\\") ? line.dropLast() : line, as: UTF8.self)
    }.joined()
  }

  private mutating func read(_ file: String) -> SourceLines {
    guard size < PythonSources.mostBytes,
      let bytes = try? readRegularFile(file, largest: PythonSources.largestFile)
    else { return SourceLines([]) }
    let lines = SourceLines(bytes)
    size += lines.byteCount
    return lines
  }
}

/// A text by its lines, without what ends them.
private struct SourceLines {
  private let bytes: [UInt8]
  private var starts: [UInt32] = []

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard !bytes.isEmpty else { return }
    starts = [0]
    for (place, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(UInt32(place + 1))
    }
  }

  var count: Int { starts.count }
  var byteCount: Int { bytes.count + starts.count * MemoryLayout<UInt32>.stride }

  subscript(number: Int) -> ArraySlice<UInt8> {
    let end = number + 1 < starts.count ? Int(starts[number + 1]) - 1 : bytes.count
    let line = bytes[Int(starts[number])..<end]
    return line.last == UInt8(ascii: "\r") ? line.dropLast() : line
  }
}
