internal import TraceModel

/// Texts that events name by a number. Each is written once, when it is first needed, and its number
/// follows from what it is the text of.
struct InternedTexts {
  /// What slices and instants are called: a word and the name of a lock.
  enum Name: Int, CaseIterable {
    case wait, hold, acquired, release, signal, post, enqueue, dequeue, waitsFor, plain

    var prefix: String {
      switch self {
      case .plain: ""
      case .waitsFor: "waits for "
      default: "\(self) "
      }
    }
  }

  /// Categories of slices. The raw value is the number.
  enum Category: UInt64, CaseIterable {
    case wait = 1
    case hold, wakeup, queue, work, instant, call, span, task, recording
  }

  /// Names of locks, cut; the first is that of locks without a definition.
  let lockNames: [String]
  /// Names of threads as owners.
  let threadNames: [String]
  let stacks: [Stack]
  let stackIndex: NumberIndex
  let definitions: TraceDefinitions

  private var areNamesKnown: [UInt16]
  private var isThreadNameKnown: [Bool]
  private var isTextKnown: [Bool]
  var callstacks = CallstackTables()

  /// Operations begin at 1, outcomes and kinds behind them.
  private static let firstOutcome = 64
  private static let firstKind = 72
  private static let firstLock = firstKind + 256

  init(_ definitions: TraceDefinitions) {
    self.definitions = definitions
    let names = LockNames(definitions)
    lockNames =
      [names[.unknown].bounded]
      + definitions.orderedLocks.map { names[$0.id].bounded }
    threadNames =
      ["thread?"]
      + definitions.orderedThreads.map(\.ownerName.bounded)
    stacks = definitions.orderedStacks
    stackIndex = NumberIndex(stacks.map(\.id.rawValue))
    areNamesKnown = Array(repeating: 0, count: lockNames.count)
    isThreadNameKnown = Array(repeating: false, count: threadNames.count)
    isTextKnown = Array(
      repeating: false, count: lockNames.count + threadNames.count + stacks.count + 1)
  }

  // MARK: Numbers

  static func number(of operation: Event.Operation) -> UInt64 { UInt64(operation.rawValue) + 1 }
  static func number(of outcome: Event.Outcome) -> UInt64 {
    UInt64(firstOutcome) + UInt64(outcome.rawValue)
  }
  static func number(of kind: LockKind) -> UInt64 { UInt64(firstKind) + UInt64(kind.rawValue) }

  /// The number of a lock's name as an argument.
  func number(ofLock lock: Int) -> UInt64 { UInt64(InternedTexts.firstLock + lock) }
  private func number(ofThread thread: Int) -> UInt64 {
    UInt64(InternedTexts.firstLock + lockNames.count + thread)
  }
  private func number(ofStack stack: Int) -> UInt64 {
    UInt64(InternedTexts.firstLock + lockNames.count + threadNames.count + stack)
  }

  /// The number of a slice's name. Of a thread as that of the slices in which it owns something, behind
  /// those of all locks.
  @inline(__always)
  private func number(_ name: Name, of lock: Int) -> UInt64 {
    UInt64(lock * Name.allCases.count + name.rawValue + 1)
  }
  private func number(ofOwner thread: Int) -> UInt64 {
    UInt64(lockNames.count * Name.allCases.count + thread + 1)
  }

  // MARK: Words

  /// What never depends on the recording: all of it is written first.
  func appendWords(to data: inout ByteBuffer) {
    typealias Schema = PerfettoSchema.InternedData
    for category in Category.allCases {
      data.append(interned: Schema.categories, category.rawValue, "\(category)")
    }
    for argument in SliceArgument.allCases {
      data.append(interned: Schema.argumentNames, argument.rawValue, argument.name)
    }
    for operation in Event.Operation.allCases {
      data.append(
        interned: Schema.argumentTexts, InternedTexts.number(of: operation), "\(operation)")
    }
    for outcome in Event.Outcome.allCases {
      data.append(interned: Schema.argumentTexts, InternedTexts.number(of: outcome), "\(outcome)")
    }
    for kind in LockKind.allCases {
      data.append(interned: Schema.argumentTexts, InternedTexts.number(of: kind), kind.name)
    }
  }

  // MARK: Texts of the recording

  /// The number of a slice's name. `data` gets the text where that is not known yet.
  @inline(__always)
  mutating func name(_ name: Name, of lock: Int, _ data: inout ByteBuffer) -> UInt64 {
    let number = number(name, of: lock)
    if areNamesKnown[lock] & 1 << UInt16(name.rawValue) == 0 {
      areNamesKnown[lock] |= 1 << UInt16(name.rawValue)
      data.append(
        interned: PerfettoSchema.InternedData.eventNames, number, name.prefix + lockNames[lock])
    }
    return number
  }

  /// The number of the name of a slice in which a thread owns something.
  mutating func ownerName(_ thread: Int, _ data: inout ByteBuffer) -> UInt64 {
    let number = number(ofOwner: thread)
    if !isThreadNameKnown[thread] {
      isThreadNameKnown[thread] = true
      data.append(interned: PerfettoSchema.InternedData.eventNames, number, threadNames[thread])
    }
    return number
  }

  /// The number of a lock's name as an argument.
  mutating func text(ofLock lock: Int, _ data: inout ByteBuffer) -> UInt64 {
    let number = number(ofLock: lock)
    addText(number, lockNames[lock], &data)
    return number
  }

  /// The number of a thread's name as an argument.
  mutating func text(ofThread thread: Int, _ data: inout ByteBuffer) -> UInt64 {
    let number = number(ofThread: thread)
    addText(number, threadNames[thread], &data)
    return number
  }

  /// The number of a stack's text, and of its frames; nil where it has none.
  @inline(__always)
  mutating func text(ofStack stack: StackID, _ data: inout ByteBuffer) -> UInt64? {
    let place = stackIndex[stack.rawValue]
    guard place != 0 else { return nil }
    let number = number(ofStack: place)
    if !isTextKnown[Int(number) - InternedTexts.firstLock] { introduce(place, &data) }
    return stacks[place - 1].frames.isEmpty ? nil : number
  }

  private mutating func introduce(_ place: Int, _ data: inout ByteBuffer) {
    let stack = stacks[place - 1]
    let frames = callstacks.frames(of: stack, definitions, &data)
    addText(number(ofStack: place), frames.map(\.text).joined(separator: " ← "), &data)
    callstacks.appendCallstack(UInt64(place), frames, &data)
  }

  private mutating func addText(_ number: UInt64, _ text: String, _ data: inout ByteBuffer) {
    let place = Int(number) - InternedTexts.firstLock
    guard !isTextKnown[place] else { return }
    isTextKnown[place] = true
    data.append(interned: PerfettoSchema.InternedData.argumentTexts, number, text)
  }
}

extension ByteBuffer {
  /// Appends a text with its number to an InternedData.
  mutating func append(interned field: Int, _ number: UInt64, _ text: String) {
    var entry = ByteBuffer()
    entry.append(field: PerfettoSchema.Interned.id, number)
    entry.append(field: PerfettoSchema.Interned.text, text: text)
    append(field: field, entry)
  }
}

extension SliceArgument {
  /// What it is called. Lengths and moments are in nanoseconds, and say so.
  fileprivate var name: String {
    switch self {
    case .waited, .requested, .held, .acquired, .ran, .began, .residence: "\(self)_ns"
    default: "\(self)"
    }
  }
}
