import TraceModel

/// A recording made by hand. Threads 1 to 8 of one process have the tids 101 to 108 and the names
/// `t1` to `t8`; locks have the names `l1`, `l2` and so on.
struct Workspace {
  var definitions = TraceDefinitions()

  init(locks kinds: [LockKind] = [.mutex, .mutex, .mutex]) {
    definitions.add(.process(Process(id: .init(1), pid: 100, name: "prog", start: .zero)))
    for number in 1...8 as ClosedRange<UInt32> {
      definitions.add(
        .thread(
          Thread(
            id: .init(number), process: .init(1), tid: 100 + Int32(number), name: "t\(number)",
            start: .zero)))
    }
    for (number, kind) in zip((1 as UInt32)..., kinds) {
      add(lock: number, kind, name: "l\(number)")
    }
  }

  mutating func add(
    lock number: UInt32, _ kind: LockKind, name: String, process: UInt32 = 1
  ) {
    definitions.add(
      .lock(
        Lock(id: .init(number), process: .init(process), kind: kind, address: UInt64(number) << 8)))
    definitions.add(
      .symbol(
        process: .init(process), address: UInt64(number) << 8, frames: [Symbol(function: name)]))
  }
}

extension ThreadID {
  init(_ number: UInt32) { self.init(rawValue: number) }
}
extension LockID {
  init(_ number: UInt32) { self.init(rawValue: number) }
}
extension ProcessID {
  init(_ number: UInt32) { self.init(rawValue: number) }
}
extension StackID {
  init(_ number: UInt32) { self.init(rawValue: number) }
}
extension Timestamp {
  init(_ nanoseconds: Int64) { self.init(nanoseconds: nanoseconds) }
}

/// A wait with its announcement.
func wait(
  _ thread: UInt32, _ lock: UInt32, from start: Int64, to end: Int64,
  _ operation: Event.Operation = .lock, _ outcome: Event.Outcome = .acquired
) -> [Event] {
  let wait = Event(
    kind: .wait, operation: operation, outcome: outcome, thread: .init(thread), time: .init(end),
    duration: end - start, lock: .init(lock))
  var announcement = wait
  announcement.kind = .waitBegin
  announcement.time = .init(start)
  announcement.duration = 0
  return [announcement, wait]
}

func hold(
  _ thread: UInt32, _ lock: UInt32, from start: Int64, to end: Int64,
  _ operation: Event.Operation = .lock
) -> [Event] {
  [
    Event(
      kind: .release, operation: operation, thread: .init(thread), time: .init(end),
      duration: end - start, lock: .init(lock))
  ]
}

func signal(
  _ thread: UInt32, _ lock: UInt32, at time: Int64, _ operation: Event.Operation = .signal
) -> [Event] {
  [
    Event(
      kind: .signal, operation: operation, thread: .init(thread), time: .init(time),
      lock: .init(lock))
  ]
}

func value(
  _ thread: UInt32, _ lock: UInt32, at time: Int64, _ operation: Event.Operation, _ value: Int64
) -> [Event] {
  [
    Event(
      kind: .value, operation: operation, thread: .init(thread), time: .init(time),
      lock: .init(lock), value: value)
  ]
}

/// Brings events into the order in which the reader delivers them.
func timeline(_ events: [Event]...) -> [Event] {
  events.flatMap(\.self).enumerated()
    .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
}
