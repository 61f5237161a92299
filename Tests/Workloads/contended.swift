// Two threads and a POSIX mutex: one holds it for 5 ms ten times, the other waits for it each time.
import Glibc

nonisolated(unsafe) let swiftMutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
nonisolated(unsafe) let turn = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)

@inline(never) func holdIt() {
  pthread_mutex_lock(swiftMutex)
  pthread_barrier_wait(turn)
  usleep(5000)
  pthread_mutex_unlock(swiftMutex)
  pthread_barrier_wait(turn)
}

@inline(never) func wantIt() {
  pthread_barrier_wait(turn)
  pthread_mutex_lock(swiftMutex)
  pthread_mutex_unlock(swiftMutex)
  pthread_barrier_wait(turn)
}

pthread_mutex_init(swiftMutex, nil)
pthread_barrier_init(turn, nil, 2)
var holder = pthread_t()
pthread_create(
  &holder, nil,
  { _ in
    for _ in 0..<10 { holdIt() }
    return nil
  }, nil)
for _ in 0..<10 { wantIt() }
pthread_join(holder, nil)
print("done 1")
