// Two threads and two of Swift's own mutexes: one thread holds each for 5 ms twenty times, the other
// waits for it each time, and says for how long.
import Glibc
import Synchronization

@_silgen_name("pthread_setname_np")
@discardableResult func setName(_ thread: pthread_t, _ name: UnsafePointer<CChar>) -> CInt

@_silgen_name("gettid") func threadNumber() -> Int32

final class Account: Sendable {
  let first = Mutex(0)
  let second = Mutex(0)
}

let account = Account()
let turn = Atomic(0)
let wanting = Atomic(0)
let waiterNumber = Atomic(Int32(0))
let held = Atomic(0)

/// Waits for the other without any lock.
func until(_ number: Int) {
  while turn.load(ordering: .acquiring) < number { usleep(50) }
}

func next() { turn.add(1, ordering: .releasing) }

func now() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Whether the waiter sleeps in the kernel.
func sleeps() -> Bool {
  let path = "/proc/self/task/\(waiterNumber.load(ordering: .relaxed))/stat"
  let file = open(path, O_RDONLY)
  defer { close(file) }
  var text = [UInt8](repeating: 0, count: 256)
  let size = read(file, &text, text.count)
  let end = text.lastIndex(of: UInt8(ascii: ")")) ?? 0
  return size > 0 && text[end...].dropFirst(2).first == UInt8(ascii: "S")
}

/// Lets the other want it, and holds it for a while from when the other sleeps.
func hold(microseconds: UInt32) {
  next()
  let mine = turn.load(ordering: .acquiring)
  while wanting.load(ordering: .acquiring) != mine || !sleeps() { usleep(50) }
  let begin = now()
  usleep(microseconds)
  held.add(now() - begin, ordering: .relaxed)
}

@inline(never) func holdFirst() {
  account.first.withLock {
    hold(microseconds: 5000)
    $0 += 1
  }
}

@inline(never) func wantFirst() -> Int {
  let begin = now()
  return account.first.withLock {
    $0 += 1
    return now() - begin
  }
}

@inline(never) func holdSecond() {
  account.second.withLock {
    hold(microseconds: 2000)
    $0 += 1
  }
}

@inline(never) func wantSecond() -> Int {
  let begin = now()
  return account.second.withLock {
    $0 += 1
    return now() - begin
  }
}

let rounds = 20
setName(pthread_self(), "waiter")
var holder = pthread_t()
pthread_create(
  &holder, nil,
  { _ in
    setName(pthread_self(), "holder")
    for round in 0..<(2 * rounds) {
      round < rounds ? holdFirst() : holdSecond()
      until(2 * round + 2)
      if round % rounds == rounds - 1 {
        let name = round < rounds ? "first" : "second"
        print("\(name)_held \(held.exchange(0, ordering: .relaxed))")
      }
    }
    return nil
  }, nil)
var waited = (first: 0, second: 0)
for round in 0..<(2 * rounds) {
  until(2 * round + 1)
  waiterNumber.store(threadNumber(), ordering: .relaxed)
  wanting.store(2 * round + 1, ordering: .releasing)
  if round < rounds { waited.first += wantFirst() } else { waited.second += wantSecond() }
  next()
}
pthread_join(holder, nil)
print("rounds \(rounds)")
print("first \(waited.first)")
print("second \(waited.second)")
