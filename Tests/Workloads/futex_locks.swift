// Two threads and two of Swift's own mutexes: one thread holds each for 5 ms twenty times, the other
// waits for it each time, and says for how long.
import Glibc
import Synchronization

@_silgen_name("pthread_setname_np")
@discardableResult func setName(_ thread: pthread_t, _ name: UnsafePointer<CChar>) -> CInt

final class Account: Sendable {
  let first = Mutex(0)
  let second = Mutex(0)
}

let account = Account()
let turn = Atomic(0)

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

@inline(never) func holdFirst() {
  account.first.withLock {
    next()
    usleep(5000)
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
    next()
    usleep(2000)
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
    }
    return nil
  }, nil)
var waited = (first: 0, second: 0)
for round in 0..<(2 * rounds) {
  until(2 * round + 1)
  if round < rounds { waited.first += wantFirst() } else { waited.second += wantSecond() }
  next()
}
pthread_join(holder, nil)
print("rounds \(rounds)")
print("first \(waited.first)")
print("second \(waited.second)")
