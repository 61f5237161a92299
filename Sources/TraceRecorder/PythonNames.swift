internal import LinuxSystem
internal import TraceModel

/// Names for what a program of Python's has made and not named itself, by the lines that made it:
/// `app.py:41 cache_lock`.
struct PythonNames {
  private var sources = PythonSources()

  /// Whether things of a kind are objects of Python's.
  static func areGiven(to kind: LockKind) -> Bool {
    switch kind {
    case .pythonLock, .pythonCondition, .pythonEvent, .pythonSemaphore, .pythonBarrier,
      .pythonQueue,
      .asyncioLock, .asyncioCondition, .asyncioEvent, .asyncioSemaphore, .asyncioQueue, .geventLock,
      .geventEvent, .geventSemaphore, .geventQueue, .future, .messages:
      true
    default: false
    }
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

  private var files: [String: [[UInt8]]] = [:]
  private var size = 0

  /// A line of a file, counted from 1, together with those that it goes on from; nil where there is none.
  mutating func line(_ number: UInt32, of file: String) -> String? {
    if files[file] == nil { files[file] = read(file) }
    guard let lines = files[file], number >= 1, number <= lines.count else { return nil }
    var first = Int(number) - 1
    while first > 0, lines[first - 1].last == UInt8(ascii: "\\") { first -= 1 }
    let whole = lines[first..<Int(number)].map { line in
      String(decoding: line.last == UInt8(ascii: "\\") ? line.dropLast() : line[...], as: UTF8.self)
    }
    return whole.joined()
  }

  private mutating func read(_ file: String) -> [[UInt8]] {
    guard size < PythonSources.mostBytes,
      let bytes = try? readRegularFile(file, largest: PythonSources.largestFile)
    else { return [] }
    size += bytes.count
    return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      Array($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)
    }
  }
}
