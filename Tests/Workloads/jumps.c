// A signal handler jumps out of a read that waits, as old programs end waits that take too long. Waits
// that come after it are as any other.
#include <fcntl.h>
#include <setjmp.h>
#include <sys/syscall.h>

#include "workload.h"

enum { JUMPS = 3, WAITS = 5, PAUSE = 5 };

static int ends[2];
static sigjmp_buf place;
static int waiting;

static void jump(int signal) {
  (void)signal;
  siglongjmp(place, 1);
}

NAMED static void wait_in_vain(int depth) {
  char byte;
  if (depth > 0) {
    wait_in_vain(depth - 1);
  } else {
    __atomic_store_n(&waiting, 1, __ATOMIC_RELEASE);
    CHECK(read(ends[0], &byte, 1) == 12345);
  }
}

NAMED static void wait_for_byte(void) {
  char byte;
  __atomic_store_n(&waiting, 2, __ATOMIC_RELEASE);
  GIVES(1, read(ends[0], &byte, 1));
}

static pthread_t reader;
static int number;

static void *wake_it(void *unused) {
  for (int wake = 0; wake < JUMPS + WAITS; wake++) {
    int what;
    while ((what = __atomic_exchange_n(&waiting, 0, __ATOMIC_ACQUIRE)) == 0) sched_yield();
    until_asleep(number);
    sleep_ms(PAUSE);
    if (what == 1) {
      OK(pthread_kill(reader, SIGUSR1));
    } else {
      GIVES(1, write(ends[1], "", 1));
    }
  }
  return unused;
}

static void *wait_for_it(void *unused) {
  volatile int jumps = 0;
  __atomic_store_n(&number, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
  if (sigsetjmp(place, 1) != 0) jumps++;
  if (jumps < JUMPS) wait_in_vain(5);
  for (int wait = 0; wait < WAITS; wait++) wait_for_byte();
  return unused;
}

int main(void) {
  struct sigaction action = {.sa_handler = jump};
  OK(sigaction(SIGUSR1, &action, NULL));
  OK(pipe(ends));
  reader = start(wait_for_it, NULL);
  pthread_t waker = start(wake_it, NULL);
  join(reader);
  join(waker);
  say("waits", WAITS);
  say("least_wait", (int64_t)WAITS * PAUSE * 1000000);
}
