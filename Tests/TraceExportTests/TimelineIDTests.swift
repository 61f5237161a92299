import TestSupport
import Testing
import TraceExport
import TraceModel

@Suite struct TimelineIDTests {
  /// Processes with the kernel's number 100: id, name, start, end.
  private func definitions(
    _ processes: [(id: UInt32, name: String, start: Int64, end: Int64?)],
    threads: [(id: UInt32, process: UInt32, tid: Int32, name: String, start: Int64)]
  ) -> TraceDefinitions {
    var definitions = TraceDefinitions()
    for process in processes {
      definitions.add(
        .process(
          Process(
            id: .init(process.id), pid: 100, name: process.name, start: .init(process.start),
            end: process.end.map { .init($0) })))
    }
    for thread in threads {
      definitions.add(
        .thread(
          Thread(
            id: .init(thread.id), process: .init(thread.process), tid: thread.tid,
            name: thread.name, start: .init(thread.start))))
    }
    return definitions
  }

  private func tracks(_ trace: ParsedTrace) -> [String] {
    trace.slices.map { "\($0.pid) \($0.tid)" }
  }

  @Test func `Images of an exec chain are one process with one main thread`() throws {
    let definitions = definitions(
      [(3, "prog", 70, nil), (1, "sh", 0, 50), (2, "env", 50, 70)],
      threads: [
        (1, 1, 100, "sh", 0), (2, 2, 100, "env", 50), (3, 3, 100, "prog", 70),
        (4, 3, 105, "worker", 80),
      ])
    let trace = try ParsedTrace(
      definitions,
      timeline(
        hold(1, 1, from: 10, to: 20), hold(2, 1, from: 55, to: 60), hold(3, 1, from: 80, to: 90),
        hold(4, 1, from: 85, to: 95)))
    #expect(tracks(trace) == ["100 100", "100 100", "100 100", "100 105"])
    #expect(trace.names("process_name") == [100: "prog", 2_147_483_649: "process?"])
    let metadata = trace.events.first { $0.name == "process_name" && $0.pid == 100 }
    #expect(metadata?.arguments["images"] as? [String] == ["sh", "env", "prog"])
    #expect(trace.names("thread_name")[100] == "prog")
    #expect(trace.names("thread_name")[105] == "worker")
  }

  @Test func `Slices of images that share a thread nest`() throws {
    let definitions = definitions(
      [(1, "sh", 0, 50), (2, "prog", 50, nil)],
      threads: [(1, 1, 100, "sh", 0), (2, 2, 100, "prog", 50)])
    let trace = try ParsedTrace(
      definitions, timeline(hold(1, 1, from: 10, to: 60), hold(2, 1, from: 55, to: 90)))
    #expect(trace.slices.map(\.start) == [10, 60])
  }

  @Test func `A process with the number of one that had ended is another one`() throws {
    let definitions = definitions(
      [(1, "old", 0, 50), (2, "new", 60, nil)],
      threads: [
        (1, 1, 100, "old", 0), (2, 2, 100, "new", 60), (3, 1, 107, "a", 5), (4, 2, 107, "b", 65),
      ])
    let trace = try ParsedTrace(
      definitions,
      timeline(
        hold(1, 1, from: 10, to: 20), hold(2, 1, from: 70, to: 80), hold(3, 1, from: 10, to: 30),
        hold(4, 1, from: 70, to: 90)))
    let made = trace.slices[2].pid
    #expect(trace.slices[0].pid == 100 && trace.slices[0].tid == 100)
    #expect(made > 4_194_304 && made < 1 << 32)
    // Its main thread is known by having the number of its process.
    #expect(trace.slices[2].tid == made)
    #expect(trace.slices[1].tid == 107 && trace.slices[1].pid == 100)
    #expect(trace.slices[3].pid == made && trace.slices[3].tid > 4_194_304)
    #expect(trace.slices[3].tid != made)
    #expect(trace.names("process_name")[100] == "old")
    #expect(trace.names("process_name")[made] == "new (pid 100)")
    #expect(trace.names("thread_name")[trace.slices[3].tid] == "b (tid 107)")
  }

  @Test func `A thread with the number of one that had ended is another one`() throws {
    let definitions = definitions(
      [(1, "prog", 0, nil)], threads: [(1, 1, 107, "a", 0), (2, 1, 107, "b", 50)])
    let trace = try ParsedTrace(
      definitions, timeline(hold(1, 1, from: 10, to: 20), hold(2, 1, from: 60, to: 70)))
    #expect(trace.slices.map(\.pid) == [100, 100])
    #expect(trace.slices[0].tid == 107)
    #expect(trace.names("thread_name")[trace.slices[1].tid] == "b (tid 107)")
  }

  @Test func `Numbers are unique whatever the recording says`() throws {
    var definitions = TraceDefinitions()
    var generator = SeededGenerator(seed: 1)
    let numbers: [Int32] = [0, 1, 2, 3, -1, .min, .max]
    for id in 1...40 as ClosedRange<UInt32> {
      definitions.add(
        .process(
          Process(
            id: .init(id), pid: numbers.randomElement(using: &generator) ?? 0,
            start: .init(Int64(id)), end: .init(Int64(id)))))
    }
    var events: [Event] = []
    for id in 1...200 as ClosedRange<UInt32> {
      definitions.add(
        .thread(
          Thread(
            id: .init(id), process: .init(.random(in: 0...50, using: &generator)),
            tid: numbers.randomElement(using: &generator) ?? 0, start: .init(Int64(id)))))
      events += hold(id, 1, from: Int64(id), to: Int64(id) + 1)
    }
    let trace = try ParsedTrace(definitions, events)
    // One track belongs to one process, and each is named once.
    let named = trace.events.filter { $0.name == "thread_name" }
    #expect(Set(named.map(\.tid)).count == named.count)
    #expect(named.allSatisfy { $0.tid > 0 && $0.tid < 1 << 32 && $0.pid > 0 && $0.pid < 1 << 32 })
    let processes = trace.events.filter { $0.name == "process_name" }
    #expect(Set(processes.map(\.pid)).count == processes.count)
    #expect(Set(named.map(\.pid)).isSubset(of: Set(processes.map(\.pid))))
    let places = Dictionary(named.map { ($0.tid, $0.pid) }) { first, _ in first }
    for slice in trace.slices { #expect(places[slice.tid] == slice.pid) }
  }
}
