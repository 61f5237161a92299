internal import TraceModel

/// The stacks of a recording as JSON strings, one per address: stacks share most of their frames.
struct StackTexts {
  /// More than a recorded stack has; a damaged file may say anything.
  private static let maximumFrames = 64
  /// Functions inlined into one another at one address.
  private static let maximumInlined = 16

  private var index: NumberIndex
  /// Where the frames of each stack are in `frames`; the first stack is the unknown one.
  private var ranges: [Range<Int>] = [0..<0]
  private var frames: [TextTable.Text] = []

  init(_ definitions: TraceDefinitions, _ texts: inout TextTable) {
    let stacks = definitions.orderedStacks
    index = NumberIndex(stacks.map(\.id.rawValue))
    var known: [TraceDefinitions.Location: TextTable.Text] = [:]
    for stack in stacks {
      let start = frames.count
      for address in stack.frames.prefix(StackTexts.maximumFrames) {
        let place = TraceDefinitions.Location(process: stack.process, address: address)
        if let text = known[place] {
          frames.append(text)
        } else {
          let symbols = definitions.symbols[place] ?? [Symbol(offset: address)]
          let text = texts.add(
            symbols.prefix(StackTexts.maximumInlined).map(\.frameText.jsonString)
              .joined(separator: ","))
          known[place] = text
          frames.append(text)
        }
      }
      ranges.append(start..<frames.count)
    }
  }

  /// Appends `,"stack":[...]`, innermost first; nothing for a stack without frames.
  func write(_ stack: StackID, _ texts: TextTable, to output: inout ByteBuffer) {
    let range = ranges[index[stack.rawValue]]
    guard !range.isEmpty else { return }
    output.append(",\"stack\":[")
    texts.write(frames[range.lowerBound], to: &output)
    for place in range.dropFirst() {
      output.append(",")
      texts.write(frames[place], to: &output)
    }
    output.append("]")
  }
}
