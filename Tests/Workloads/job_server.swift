// A small server whose numbers are known: four clients send 25 requests each and wait for every answer.
//
// The thread of a connection reads requests from a socket and puts a job into a queue of Dispatch for each. A job
// looks into a cache, under a lock that it keeps for 3 ms where it has to load the value, as four jobs in five have; it
// answers, puts a line into the log's queue, and tells an actor that counts. What the program counted and timed
// itself it prints.
import Foundation

let clients = 4
let requestsOfEach = 25

func nanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// What a job waited for the lock and had it, by the program's own clock: from outside of the one, from inside
/// of the other.
struct LockTimes: Sendable {
  var waited: Int64 = 0
  var held: Int64 = 0
}

/// Squares that are slow to come by.
final class Cache: @unchecked Sendable {
  private let lock = NSLock()
  private var loads = 0

  @inline(never) func square(of number: Int64) -> (Int64, LockTimes) {
    var times = LockTimes()
    let asked = nanoseconds()
    lock.lock()
    let start = nanoseconds()
    times.waited = start - asked
    if number % 5 != 0 { load() }
    times.held = nanoseconds() - start
    lock.unlock()
    return (number * number, times)
  }

  @inline(never) private func load() {
    usleep(3000)
    loads += 1
  }

  /// How often a value was loaded. For when all jobs are done.
  var loaded: Int { loads }
}

/// What all jobs told.
actor Statistics {
  private var jobs = 0
  private var times = LockTimes()

  func note(_ job: LockTimes) {
    jobs += 1
    times.waited += job.waited
    times.held += job.held
  }

  func summary() -> (Int, LockTimes) { (jobs, times) }
}

/// Lines in their order. Only the log's queue touches it.
final class Log: @unchecked Sendable {
  let queue = DispatchQueue(label: "server.log")
  private var lines: [String] = []

  func append(_ line: String) { queue.async { self.lines.append(line) } }
  var count: Int { queue.sync { lines.count } }
}

// Foundation's own `name` does not always reach the kernel.
@_silgen_name("pthread_setname_np")
@discardableResult func setName(_ thread: pthread_t, _ name: UnsafePointer<CChar>) -> CInt

/// Threads that have not ended.
let threads = DispatchGroup()

/// Runs something in a thread with a name.
func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
  threads.enter()
  Thread.detachNewThread {
    setName(pthread_self(), name)
    body()
    threads.leave()
  }
}

/// A number through a socket, of which eight bytes are never cut in two.
func receive(from socket: Int32) -> Int64? {
  var number: Int64 = 0
  return read(socket, &number, 8) == 8 ? number : nil
}
func send(_ number: Int64, to socket: Int32) {
  var number = number
  guard write(socket, &number, 8) == 8 else { fatalError("a socket takes nothing") }
}

let cache = Cache()
let log = Log()
let statistics = Statistics()
let jobs = DispatchQueue(label: "server.jobs", attributes: .concurrent)
/// Jobs and notes that are not done.
let work = DispatchGroup()

@Sendable func answer(_ number: Int64, to socket: Int32) {
  let (square, times) = cache.square(of: number)
  log.append("\(number) is \(square)")
  work.enter()
  Task.detached {
    await statistics.note(times)
    work.leave()
  }
  send(square, to: socket)
}

@Sendable func serve(_ socket: Int32) {
  while let number = receive(from: socket) {
    jobs.async(group: work) { answer(number, to: socket) }
  }
}

@Sendable func ask(_ first: Int64, through socket: Int32) {
  for number in first..<first + Int64(requestsOfEach) {
    send(number, to: socket)
    guard receive(from: socket) == number * number else { fatalError("a wrong answer") }
  }
  shutdown(socket, Int32(SHUT_WR))
}

let began = nanoseconds()
for client in 0..<clients {
  var ends: [Int32] = [0, 0]
  socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
  let (here, there) = (ends[0], ends[1])
  start("connection-\(client)") { serve(here) }
  start("client-\(client)") { ask(Int64(client * 100), through: there) }
}
threads.wait()
work.wait()
let (count, times) = await statistics.summary()
print("jobs \(count)")
print("loads \(cache.loaded)")
print("logged \(log.count)")
print("waited \(times.waited)")
print("held \(times.held)")
print("took \(nanoseconds() - began)")
