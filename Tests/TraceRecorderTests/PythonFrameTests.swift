import CTraceABI
import TraceModel
import Testing

@testable import TraceRecorder

/// What frames of Python's stand for, told before the stacks that they are in, or after.
@Suite struct PythonFrameTests {
  private func process(_ number: UInt32) -> ProcessState {
    ProcessState(
      process: Process(id: ProcessID(rawValue: number), pid: Int32(number), start: .zero),
      serial: number)
  }

  private func place(_ number: UInt64) -> PythonPlace {
    PythonPlace(file: "app.py", function: "f\(number)", line: UInt32(number))
  }

  private var last: UInt32 = 0

  /// Adds a stack of one frame of Python's.
  private mutating func add(_ number: UInt64, to process: ProcessState) {
    last += 1
    _ = process.stack([CTRACE_PYTHON_FRAME | number]) { StackID(rawValue: last) }
  }

  private func functions(_ process: ProcessState) -> [String] {
    process.takePythonSymbols().flatMap { definition -> [String] in
      guard case .symbol(_, _, let frames) = definition else { return [] }
      return frames.map(\.function)
    }
  }

  @Test mutating func `A place that is told of later is found then, and once`() {
    let process = process(1)
    process.add(place(1), number: 1)
    add(1, to: process)
    add(2, to: process)
    #expect(functions(process) == ["f1"])
    #expect(functions(process).isEmpty)
    add(3, to: process)
    process.add(place(2), number: 2)
    #expect(functions(process) == ["f2"])
    process.add(place(3), number: 3)
    #expect(functions(process) == ["f3"])
    #expect(functions(process).isEmpty)
  }

  @Test mutating func `A forked process knows the places of the one it was forked from`() {
    let (parent, child) = (process(1), process(2))
    child.forkedFrom = parent
    parent.add(place(1), number: 1)
    add(1, to: child)
    add(2, to: child)
    #expect(functions(child) == ["f1"])
    // Told of in the ring of one of the parent's threads that is read later.
    parent.add(place(2), number: 2)
    #expect(functions(child) == ["f2"])
    #expect(child.pythonSymbols(of: [CTRACE_PYTHON_FRAME | 2, 7]).map(\.function) == ["f2"])
  }

  @Test(.timeLimit(.minutes(1)))
  mutating func `Frames whose places are never told of cost no more with each stack`() {
    let process = process(1)
    for number in 0..<50_000 as Range<UInt64> {
      add(number, to: process)
      #expect(process.takePythonSymbols().isEmpty)
    }
  }
}
