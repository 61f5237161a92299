import TestSupport
import Testing
import TraceExport
import TraceModel

/// A recording with two locks of which one has a name that formats have to be careful with.
private struct Profiled {
  var trace = TraceBuilder(duration: 5000, program: "prog")
  let samples: [WaitSample]

  init() {
    let (worker, nameless) = (trace.thread("worker 1"), trace.thread(""))
    let (mu, odd) = (trace.lock("cache_mu"), trace.lock("a;b\n\"c\""))
    let get = trace.stack("pthread_mutex_lock", "cache_get", "handle", "main")
    let put = trace.stack("pthread_mutex_lock", "cache_put", "handle", "main")
    samples = [
      WaitSample(lock: mu, thread: worker, stack: get, count: 3, time: 310),
      WaitSample(lock: mu, thread: worker, stack: put, count: 2, time: 20),
      WaitSample(lock: mu, thread: nameless, stack: get, count: 1, time: 0),
      WaitSample(lock: odd, thread: worker, stack: get, count: 1, time: 5),
      WaitSample(lock: mu, thread: .unknown, stack: .unknown, count: 9, time: 90),
    ]
  }
}

@Suite struct CollapsedStacksTests {
  @Test func `A line is a thread, its frames from the outermost on, the lock, and a number`() {
    let profiled = Profiled()
    #expect(
      CollapsedStacks.text(
        of: profiled.samples, definitions: profiled.trace.definitions, unit: .time) == """
          [unknown thread];[no stack];[cache_mu] 90
          worker 1;main;handle;cache_get;[a:b "c"] 5
          worker 1;main;handle;cache_get;[cache_mu] 310
          worker 1;main;handle;cache_put;[cache_mu] 20

          """)
    #expect(
      CollapsedStacks.text(
        of: profiled.samples, definitions: profiled.trace.definitions, unit: .count) == """
          [unknown thread];[no stack];[cache_mu] 9
          thread 102;main;handle;cache_get;[cache_mu] 1
          worker 1;main;handle;cache_get;[a:b "c"] 1
          worker 1;main;handle;cache_get;[cache_mu] 3
          worker 1;main;handle;cache_put;[cache_mu] 2

          """)
  }

  @Test func `Equal stacks are one line, and sums do not overflow`() {
    let profiled = Profiled()
    let twice =
      profiled.samples
      + profiled.samples.map {
        WaitSample(lock: $0.lock, thread: $0.thread, stack: $0.stack, count: .max, time: .max)
      }
    let lines = CollapsedStacks.text(
      of: twice, definitions: profiled.trace.definitions, unit: .count
    ).split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines.allSatisfy { $0.hasSuffix(" \(UInt64.max)") })
    #expect(
      CollapsedStacks.text(of: [], definitions: profiled.trace.definitions, unit: .time).isEmpty)
  }
}

@Suite struct PprofProfileTests {
  @Test func `A profile says what was measured, where, and of which lock and thread`() throws {
    let profiled = Profiled()
    let profile = try ParsedProfile(
      PprofProfile.bytes(
        of: profiled.samples, definitions: profiled.trace.definitions, comment: "waits"))
    #expect(profile.types == ["contentions/count", "delay/nanoseconds"])
    #expect(profile.comment == "waits")
    #expect(profile.defaultType == "delay" && profile.period == "delay/nanoseconds")
    #expect(profile.time == 1_700_000_000_000_000_000 && profile.duration == 5000)
    #expect(
      profile.samples == [
        "cache_get<handle<main 3 310 kind=mutex lock=cache_mu thread=worker 1",
        "cache_put<handle<main 2 20 kind=mutex lock=cache_mu thread=worker 1",
        "cache_get<handle<main 1 0 kind=mutex lock=cache_mu thread=thread 102",
        "cache_get<handle<main 1 5 kind=mutex lock=a;b\n\"c\" thread=worker 1",
        "[no stack] 9 90 kind=mutex lock=cache_mu",
      ])
    #expect(Set(profile.modules) == ["prog", "[unknown]"])
  }

  @Test func `Frames have their files and lines, and places of one line are one location`() throws {
    var definitions = Profiled().trace.definitions
    let process = ProcessID(rawValue: 1)
    for (address, line) in [(0x51, 7), (0x52, 7), (0x53, 9)] as [(UInt64, UInt32)] {
      definitions.add(
        .symbol(
          process: process, address: address,
          frames: [
            Symbol(function: "inlined", file: "b.c", line: 1, module: "prog"),
            Symbol(
              function: "get", file: "/src/a.c", line: line, module: "prog", offset: address),
          ]))
      definitions.add(
        .stack(Stack(id: .init(UInt32(address)), process: process, frames: [address, 0x99])))
    }
    let samples = [0x51, 0x52, 0x53].map {
      WaitSample(lock: .init(1), thread: .init(1), stack: .init($0), count: 1, time: 1)
    }
    let profile = try ParsedProfile(
      PprofProfile.bytes(of: samples, definitions: definitions, comment: ""))
    #expect(
      profile.locations == ["inlined b.c:1", "get /src/a.c:7", "0x99 :0", "get /src/a.c:9"])
    #expect(profile.samples.allSatisfy { $0.hasPrefix("inlined<get<0x99 ") })
  }

  @Test func `Numbers of any size come through`() throws {
    let definitions = Profiled().trace.definitions
    for number in [0, 1, 127, 128, 16_383, 16_384, 1 << 40, .max] as [Int64] {
      let sample = WaitSample(
        lock: .init(1), thread: .init(1), stack: .init(1), count: UInt64(number), time: number)
      let profile = try ParsedProfile(
        PprofProfile.bytes(of: [sample], definitions: definitions, comment: ""))
      #expect(profile.samples[0].contains(" \(number) \(number) "))
    }
  }
}
