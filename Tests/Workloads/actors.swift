// Actors with a known number of messages: `actors WHAT`.
import Glibc
import Synchronization

func nanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// A place where threads wait for each other without giving theirs up.
func wait(until condition: () -> Bool) { while !condition() { sched_yield() } }

actor Mailbox {
  private var numbers: [Int] = []
  private(set) var running: Int64 = 0

  /// Keeps the actor until somebody says that it is enough.
  func block(_ isBlocking: Flag, _ isOpen: Flag) {
    isBlocking.set()
    wait { isOpen.isSet }
  }

  func take(_ number: Int, put: Int64) -> Int64 {
    let start = nanoseconds()
    while nanoseconds() - start < 200_000 {}
    numbers.append(number)
    running += nanoseconds() - start
    return start - put
  }

  /// Sends itself so many messages, which can't come before it is done.
  func spawn(_ count: Int) -> [Task<Int64, Never>] {
    let put = nanoseconds()
    let tasks = (0..<count).map { number in Task { take(number, put: put) } }
    usleep(50_000)
    return tasks
  }

  var count: Int { numbers.count }
}

final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

/// 60 messages to an actor that is kept until all of them have come. They come from the main thread, which
/// opens when it has sent them.
@MainActor func messages() async {
  let mailbox = Mailbox()
  let isBlocking = Flag()
  let isOpen = Flag()
  let blocking = Task.detached { await mailbox.block(isBlocking, isOpen) }
  wait { isBlocking.isSet }
  let senders = (0..<60).map { number in
    Task { await mailbox.take(number, put: nanoseconds()) }
  }
  let last = Task { isOpen.set() }
  await last.value
  await blocking.value
  var residence: Int64 = 0
  for sender in senders { residence += await sender.value }
  print("residence \(residence)")
  print("count \(await mailbox.count)")
  print("running \(await mailbox.running)")
}

func tasks() async {
  let mailbox = Mailbox()
  var residence: Int64 = 0
  for task in await mailbox.spawn(40) { residence += await task.value }
  print("residence \(residence)")
  print("count \(await mailbox.count)")
  print("running \(await mailbox.running)")
}

@MainActor final class Steps {
  var count = 0
  func step() { count += 1 }
}

/// Messages to the main actor from elsewhere.
@MainActor func main() async {
  let steps = Steps()
  await Task.detached { for _ in 0..<25 { await steps.step() } }.value
  print("onMain \(steps.count)")
}

/// Two actors that call each other for as long as it takes to see that no stack grows.
actor Ping {
  let other = Pong()
  var count = 0
  func play(_ rounds: Int) async -> Int {
    for _ in 0..<rounds { count += await other.answer() }
    return count
  }
}
actor Pong {
  func answer() -> Int { 1 }
}

func rally() async {
  print("count \(await Ping().play(100_000))")
}

/// Tasks that are cancelled, throw, and sleep.
func others() async {
  let task = Task.detached { () -> Int in
    try await Task.sleep(nanoseconds: 60_000_000_000)
    return 1
  }
  task.cancel()
  let isCancelled = (try? await task.value) == nil
  var slept = 0
  for _ in 0..<3 {
    try? await Task.sleep(nanoseconds: 1_000_000)
    slept += 1
  }
  print("cancelled \(isCancelled ? 1 : 0)")
  print("slept \(slept)")
}

switch CommandLine.arguments.last {
case "messages": await messages()
case "tasks": await tasks()
case "main": await main()
case "rally": await rally()
case "others": await others()
default: exit(2)
}
