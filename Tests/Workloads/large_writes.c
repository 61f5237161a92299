// Writes through a pipe that holds a fraction of them: the bytes come in order, a write returns when all
// are in, and one that a signal interrupts says how many are.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "workload.h"

enum { SIZE = 1000003, WRITES = 3, CAPACITY = 65536 };

static int ends[2];
static int writer;
static int64_t partial;
static unsigned char out[SIZE], in[7001];

static void interrupt(int signal) { (void)signal; }

static void *write_all(void *unused) {
  for (int index = 0; index < WRITES; index++) GIVES(SIZE, write(ends[1], out, SIZE));
  __atomic_store_n(&writer, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
  partial = write(ends[1], out, SIZE);
  CHECK(partial > CAPACITY / 2 && partial <= CAPACITY);
  GIVES(-1, write(ends[1], out, SIZE));
  CHECK(errno == EINTR);
  return unused;
}

int main(void) {
  struct sigaction action = {.sa_handler = interrupt};
  OK(sigaction(SIGUSR1, &action, NULL));
  OK(pipe(ends));
  for (int index = 0; index < SIZE; index++) out[index] = (unsigned char)(index * 31 + index / 251);
  pthread_t thread = start(write_all, NULL);
  int64_t taken = 0;
  while (taken < (int64_t)WRITES * SIZE) {
    int64_t left = (int64_t)WRITES * SIZE - taken;
    ssize_t count = read(ends[0], in, left < (int64_t)sizeof in ? (size_t)left : sizeof in);
    CHECK(count > 0);
    for (ssize_t index = 0; index < count; index++)
      CHECK(in[index] == out[(taken + index) % SIZE]);
    taken += count;
  }
  while (__atomic_load_n(&writer, __ATOMIC_ACQUIRE) == 0) sched_yield();
  until_asleep(writer);
  // It has filled the pipe and waits to put in the rest, and then with nothing in.
  OK(pthread_kill(thread, SIGUSR1));
  sleep_ms(1);
  for (bool has_ended = false; !has_ended;) {
    has_ended = pthread_tryjoin_np(thread, NULL) == 0;
    if (!has_ended) OK(pthread_kill(thread, SIGUSR1));
    sleep_ns(200000);
  }
  int waiting;
  OK(ioctl(ends[0], FIONREAD, &waiting));
  CHECK(waiting == partial);
  say("put", (int64_t)WRITES * SIZE + partial);
  say("taken", taken);
}
