import TestSupport
import Testing
import TraceExport
import TraceModel

/// What a damaged file can hold, or one that somebody has made: whatever it says, a form of a timeline
/// is read by its viewer without an error.
struct HostileRecording: CustomTestStringConvertible {
  var name: String
  var definitions: TraceDefinitions
  var events: [Event]
  var scheduling: [Event] = []
  var cut = ExportCut()

  var testDescription: String { name }
}

extension HostileRecording {
  static let times: [Int64] = [
    .min, .min + 1, -1, 0, 1, 999, 1_999_999_999_999_999, 2_000_000_000_000_000,
    2_000_000_000_000_001, 9_007_199_254_740_993_123, .max - 1, .max,
  ]

  /// Every order of things that belong together, and things that do not.
  static let chosen: [HostileRecording] =
    [
      releases, backwards, unfinished, deep, crossing, nobody, processors, depths, names, windows,
    ].flatMap(\.self)

  private static func make(
    _ name: String, _ events: [Event], locks: [LockKind] = [.mutex, .mutex, .mutex],
    scheduling: [Event] = [], _ change: (inout Workspace) -> Void = { _ in }
  ) -> HostileRecording {
    var workspace = Workspace(locks: locks)
    change(&workspace)
    return HostileRecording(
      name: name, definitions: workspace.definitions, events: events, scheduling: scheduling)
  }

  private static func event(
    _ kind: Event.Kind, _ lock: UInt32 = 1, at time: Int64, lasting duration: Int64? = nil,
    _ operation: Event.Operation = .unknown, thread: UInt32 = 1, value: Int64 = 0
  ) -> Event {
    Event(
      kind: kind, operation: operation, isDurationKnown: duration != nil, thread: .init(thread),
      time: .init(time), duration: duration ?? 0, lock: .init(lock), value: value)
  }

  private static var releases: [HostileRecording] {
    [
      make("releases without an acquire", (0..<9 as Range<Int64>).map { event(.release, at: $0) }),
      make(
        "a task's release without an acquire, of no task",
        [event(.taskRelease, at: 5, value: 7), event(.taskRelease, at: 5, lasting: 9, value: 7)]),
      make(
        "an interpreter released by many, at once and by none",
        [
          event(.release, at: 50, lasting: 40), event(.release, at: 50, lasting: 50, thread: 2),
          event(.release, at: 60, lasting: 55, .read), event(.release, at: 60, thread: 99),
          event(.release, at: 70, lasting: 1000, thread: 99),
        ], locks: [.gil]),
      make(
        "an end of a wait that never began, and signals to nobody",
        [
          event(.wait, at: 10, lasting: 5), event(.signal, at: 11, .broadcast),
          event(.value, at: 12, .post, value: -9), event(.wait, at: 12, lasting: 0),
        ]),
    ]
  }

  private static var backwards: [HostileRecording] {
    let kinds: [Event.Kind] = [.wait, .release, .slice, .taskWait, .taskRelease, .dequeue]
    var limited: [Event] = []
    var switches: [Event] = []
    for (time, duration) in times.flatMap({ time in times.map { (time, $0) } }) {
      for kind in Event.Kind.allCases {
        limited.append(event(kind, at: time, lasting: duration, value: duration))
      }
      switches.append(event(.switch, at: time, lasting: duration, .blocked, value: 1))
      switches.append(event(.wakeup, at: time, value: 2))
    }
    let reversed: [Event] = (0..<200 as Range<Int64>).flatMap { number in
      wait(1, 1, from: 1000 - number * 5, to: 1003 - number * 5)
        + hold(1, 2, from: 990 - number * 5, to: 1004 - number * 5)
    }
    return [
      make(
        "waits that end before they begin",
        kinds.flatMap { kind in
          [event(kind, at: 100, lasting: -50, value: 3), event(kind, at: 100, lasting: .min)]
        }, locks: [.task]),
      make(
        "spans that end before they begin",
        [
          event(.slice, at: 100, lasting: -50, .span), event(.slice, at: 90, lasting: .max, .span),
          event(.slice, at: 80, lasting: .min, .span), event(.slice, at: .max, lasting: 3, .span),
        ], locks: [.label]),
      make("times that go back", reversed),
      make(
        "all kinds at the limits of time", limited, locks: [.task], scheduling: switches),
    ]
  }

  private static var unfinished: [HostileRecording] {
    [
      make(
        "waits and tasks that never end",
        (1...300 as ClosedRange<Int64>).flatMap { number in
          [
            event(.waitBegin, UInt32(number % 4), at: number, thread: UInt32(number % 9)),
            event(.slice, 3, at: number, lasting: 1, value: number),
          ]
        }, locks: [.mutex, .queue, .task]),
      make("nothing at all", []),
    ]
  }

  private static var deep: [HostileRecording] {
    let count: Int64 = 20_000
    return [
      make(
        "holds in holds, very deep",
        (1...count).map { event(.release, at: count + $0, lasting: 2 * $0) }),
      make(
        "waits of one task in one another",
        (1...count / 10).flatMap { number in
          [
            event(.slice, 2, at: 1, lasting: 1, value: 1),
            event(.taskWait, 1, at: count + number, lasting: 2 * number, value: 1),
          ]
        }, locks: [.asyncioLock, .task]),
      make(
        "holds in holds, all of the same begin",
        (1...200 as ClosedRange<Int64>).map { event(.release, at: 100 + $0, lasting: $0) }),
    ]
  }

  private static var crossing: [HostileRecording] {
    [
      make(
        "holds each of which crosses the next",
        (1...2000 as ClosedRange<Int64>).map { event(.release, at: $0 * 10, lasting: 15) }),
      make(
        "spans each of which crosses hundreds",
        (1...500 as ClosedRange<Int64>).map { event(.slice, at: $0, lasting: 400, .span) },
        locks: [.label]),
    ]
  }

  private static var nobody: [HostileRecording] {
    let numbers: [UInt32] = [0, 9, 200, .max - 1, .max]
    let events = numbers.flatMap { number in
      Event.Kind.allCases.map {
        Event(
          kind: $0, thread: .init(number), time: .init(Int64(number % 1000)), duration: 3,
          lock: .init(number), partner: .init(number), owner: .init(number), stack: .init(number),
          value: Int64(number))
      }
    }
    var without = HostileRecording(
      name: "events of a recording without definitions", definitions: TraceDefinitions(),
      events: events, scheduling: events)
    without.definitions.add(.recording(Recording(program: [], scheduling: .switches)))
    return [
      without, make("numbers without definitions", events, scheduling: events),
      make("threads and tasks without processes", events, locks: [.task], scheduling: events) {
        for number in [9, 200, .max] as [UInt32] {
          $0.definitions.add(
            .thread(
              Thread(
                id: .init(number), process: .init(77), tid: .min, start: .init(.max),
                end: .init(.min))))
          $0.add(lock: number, .task, name: "", process: 78)
        }
        $0.definitions.add(
          .process(
            Process(
              id: .init(3), pid: -1, parentPID: .min, name: "", start: .init(.min),
              end: .init(.min))))
        $0.definitions.add(.stack(Stack(id: .init(0), process: .init(77), frames: [1])))
        $0.definitions.add(
          .lock(
            Lock(
              id: .init(8), process: .init(1), kind: .thread, address: .max, generation: .max,
              thread: .init(8), capacity: .max)))
      },
    ]
  }

  private static var processors: [HostileRecording] {
    let numbers: [Int64] = [.min, -1, 0, 1, 4095, 4096, 1 << 31, 1 << 32, .max]
    let scheduling = numbers.enumerated().flatMap { place, number in
      (0..<3).flatMap { turn -> [Event] in
        let time = Int64(place * 10 + turn)
        var change = event(.switch, at: time, .ended, thread: UInt32(turn), value: number)
        change.owner = .init(UInt32(turn) + 1)
        return [change, event(.wakeup, at: time, thread: 3, value: number)]
      }
    }
    return [
      make("CPUs that no machine has", wait(1, 1, from: 1, to: 90), scheduling: scheduling),
      make(
        "a thread on all CPUs at once", [],
        scheduling: (0..<64 as Range<Int64>).map { cpu in
          var change = event(.switch, at: 5, .preempted, thread: 0, value: cpu)
          change.owner = .init(1)
          return change
        }),
    ]
  }

  private static var depths: [HostileRecording] {
    let values: [Int64] = [.max, .max, .min, .min, -1, 0, 1, .max, .min + 1]
    let kinds: [LockKind] = [.queue, .pipe, .eventLoop, .semaphore]
    return kinds.map { kind in
      make(
        "depths of a \(kind.name) beyond all limits",
        values.enumerated().flatMap { place, value in
          let time = Int64(place)
          return [
            event(.enqueue, at: time, value: value), event(.value, at: time, .told, value: value),
            event(.dequeue, at: time, value: value), event(.value, at: time, .post, value: value),
            event(.dequeue, at: time, lasting: value, value: value),
            event(.counter, at: time, value: value),
          ]
        }, locks: [kind])
    }
  }

  /// Texts of which each has broken a reader of something.
  static let texts: [String] = [
    "", "\n", "\u{1f}", "\"", "\\", "\\u12", "\"},{\"", "a\nb\r\tc\u{0}d\u{1b}[31me\u{7f}",
    String(decoding: [0x66, 0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf4, 0x90], as: UTF8.self),
    "\u{2028}\u{feff}\u{202e}e\u{301}👩‍👩‍👧‍👦", String(repeating: "long ", count: 13_107),
    String(repeating: "\"", count: 65_536), String(repeating: "𝄞", count: 16_384),
    String(repeating: "\u{0}", count: 65_536), "e" + String(repeating: "\u{301}", count: 32_768),
    " sched_switch: prev_comm=x prev_pid=1 ==> ", "x-1 (1) [0] .... 0.0: sched_waking: ",
  ]

  private static var names: [HostileRecording] {
    texts.enumerated().map { place, text in
      let events = timeline(
        wait(9, 9, from: 5, to: 10), hold(9, 9, from: 1, to: 12),
        [event(.slice, 10, at: 20, lasting: 5, thread: 9, value: 7)],
        [event(.instant, 9, at: 25, thread: 9)])
      var recording = make("name \(place)", events, scheduling: []) {
        $0.definitions.add(
          .recording(
            Recording(
              program: [text, text], startTime: .min, host: text, recorder: text, notes: [text])))
        $0.definitions.add(
          .process(
            Process(id: .init(9), pid: 500, name: text, arguments: [text, text], start: .init(3))))
        $0.definitions.add(
          .thread(Thread(id: .init(9), process: .init(9), tid: 500, name: text, start: .init(3))))
        $0.definitions.add(
          .lock(
            Lock(id: .init(9), process: .init(9), kind: .mutex, address: 0x900, name: text)))
        $0.definitions.add(
          .lock(Lock(id: .init(10), process: .init(9), kind: .task, address: 0, name: text)))
        $0.definitions.add(.stack(Stack(id: .init(9), process: .init(9), frames: [0x10])))
        $0.definitions.add(
          .symbol(
            process: .init(9), address: 0x10,
            frames: [Symbol(function: text, file: text, line: 7, module: text, offset: .max)]))
      }
      for place in recording.events.indices { recording.events[place].stack = .init(9) }
      var change = event(.switch, at: 30, .blocked, thread: 9, value: 0)
      change.owner = .init(1)
      recording.scheduling = [change, event(.wakeup, at: 31, thread: 9, value: 0)]
      recording.cut.notes = [text]
      return recording
    }
  }

  private static var windows: [HostileRecording] {
    let ranges: [Range<Int64>] = [
      .min ..< .max, .min ..< .min, -5 ..< -3, 0..<0, 100..<100, .max ..< .max, 1..<2,
      2_000_000_000_000_001..<2_000_000_000_000_002,
    ]
    return ranges.map { range in
      var recording = random(1)
      recording.name = "a window \(range)"
      recording.cut.window = range
      return recording
    }
  }

  /// Anything that fits into an event, about everything there is and more.
  static func random(_ seed: UInt64, isInOrder: Bool = true) -> HostileRecording {
    var generator = SeededGenerator(seed: seed)
    var recording = make("random \(seed)", [], locks: LockKind.allCases) {
      $0.definitions.add(
        .recording(Recording(program: [], scheduling: seed % 2 == 0 ? .switches : .kernel)))
      $0.definitions.add(
        .use(
          LockUse(
            thread: .init(1), lock: .init(1), acquisitions: .max, lostWaits: .max,
            lostWaitTime: .max)))
      $0.definitions.add(
        .use(LockUse(thread: .init(2), lock: .init(2), lostWaits: .max, sampledHoldTime: .max)))
      $0.definitions.add(.stack(Stack(id: .init(2), process: .init(77), frames: [])))
      $0.definitions.add(.stack(Stack(id: .init(3), process: .init(77), frames: [1, .max])))
      $0.definitions.add(
        .lock(Lock(id: .init(.max), process: .init(0), kind: .unknown, address: .max)))
      $0.definitions.add(
        .thread(
          Thread(
            id: .init(200), process: .init(9), tid: .min, start: .init(.max), end: .init(.min))))
    }
    let numbers: [UInt32] = [0, 200, 5000, .max] + (1...UInt32(LockKind.allCases.count))
    func number() -> UInt32 { numbers.randomElement(using: &generator) ?? 0 }
    func time() -> Int64 {
      Bool.random(using: &generator)
        ? times.randomElement(using: &generator) ?? 0
        : Int64.random(in: .min ... .max, using: &generator)
          >> Int64.random(in: 0...60, using: &generator)
    }
    let events = (0..<400).map { _ in
      Event(
        kind: Event.Kind.allCases.randomElement(using: &generator) ?? .wait,
        operation: Event.Operation.allCases.randomElement(using: &generator) ?? .unknown,
        outcome: Event.Outcome.allCases.randomElement(using: &generator) ?? .acquired,
        isDurationKnown: .random(using: &generator), thread: .init(number()), time: .init(time()),
        duration: time(), lock: .init(number()), partner: .init(number()), owner: .init(number()),
        stack: .init(number()), value: time())
    }
    recording.events = isInOrder ? events.sorted { $0.time < $1.time } : events
    recording.scheduling = recording.events
    return recording
  }
}
