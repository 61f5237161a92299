internal import TraceModel

/// The functions, files and frames that samples of stacks refer to by number, each written when it is first
/// needed.
struct CallstackTables {
  /// One function of a stack: at one address are several where they were inlined.
  struct Frame {
    var number: UInt64
    /// `function (file:line)` as far as that is known, otherwise the place in the module.
    var text: String
  }

  /// More than a recorded stack has; a damaged file may say anything.
  private static let maximumFrames = 64
  /// Functions inlined into one another at one address.
  private static let maximumInlined = 16

  private var frames: [TraceDefinitions.Location: [Frame]] = [:]
  private var frameNumbers: [Symbol: UInt64] = [:]
  private var functions: [String: UInt64] = [:]
  private var mappings: [String: UInt64] = [:]

  /// The frames of a stack, innermost first.
  mutating func frames(
    of stack: Stack, _ definitions: TraceDefinitions, _ data: inout ByteBuffer
  ) -> [Frame] {
    var all: [Frame] = []
    for address in stack.frames.prefix(CallstackTables.maximumFrames) {
      let place = TraceDefinitions.Location(process: stack.process, address: address)
      if let known = frames[place] {
        all += known
        continue
      }
      let symbols = definitions.symbols[place] ?? [Symbol(offset: address)]
      let new = symbols.prefix(CallstackTables.maximumInlined).map {
        Frame(number: number(of: $0, &data), text: $0.frameText.bounded)
      }
      frames[place] = new
      all += new
    }
    return all
  }

  /// Appends a callstack, which names its frames from the outermost on.
  func appendCallstack(_ number: UInt64, _ frames: [Frame], _ data: inout ByteBuffer) {
    var entry = ByteBuffer()
    entry.append(field: PerfettoSchema.Interned.id, number)
    for frame in frames.reversed() {
      entry.append(field: PerfettoSchema.Callstack.frame, frame.number)
    }
    data.append(field: PerfettoSchema.InternedData.callstacks, entry)
  }

  private mutating func number(of symbol: Symbol, _ data: inout ByteBuffer) -> UInt64 {
    if let known = frameNumbers[symbol] { return known }
    let number = UInt64(frameNumbers.count + 1)
    frameNumbers[symbol] = number
    var entry = ByteBuffer()
    entry.append(field: PerfettoSchema.Interned.id, number)
    entry.append(field: PerfettoSchema.Frame.function, function(symbol.frameText.bounded, &data))
    entry.append(field: PerfettoSchema.Frame.mapping, mapping(symbol.module.bounded, &data))
    entry.append(field: PerfettoSchema.Frame.address, symbol.offset)
    data.append(field: PerfettoSchema.InternedData.frames, entry)
    return number
  }

  private mutating func function(_ text: String, _ data: inout ByteBuffer) -> UInt64 {
    if let known = functions[text] { return known }
    let number = UInt64(functions.count + 1)
    functions[text] = number
    data.append(interned: PerfettoSchema.InternedData.functionNames, number, text)
    return number
  }

  private mutating func mapping(_ module: String, _ data: inout ByteBuffer) -> UInt64 {
    if let known = mappings[module] { return known }
    let number = UInt64(mappings.count + 1)
    mappings[module] = number
    data.append(interned: PerfettoSchema.InternedData.mappingPaths, number, module)
    data.append(interned: PerfettoSchema.InternedData.buildIDs, number, "")
    var entry = ByteBuffer()
    entry.append(field: PerfettoSchema.Interned.id, number)
    entry.append(field: PerfettoSchema.Mapping.buildID, number)
    entry.append(field: PerfettoSchema.Mapping.path, number)
    data.append(field: PerfettoSchema.InternedData.mappings, entry)
    return number
  }
}
