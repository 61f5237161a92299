// What recording one wait costs: `waits DEPTH WAITS-PER-ROUND ROUNDS`.
//
// Another thread holds the mutex for good. Each wait ends at once, without a system call, because its
// deadline lies before 1970. What a tracer does about a wait is then all that differs from the bare
// program: the owner and the stack before it, the stamps, the record after it. The calls stand DEPTH
// frames deep. A pause between rounds lets the recorder empty the ring.
#include <errno.h>

#include "common.h"

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static int is_held, is_done;

static void *hold(void *unused) {
  (void)unused;
  pin(1);
  pthread_mutex_lock(&held);
  __atomic_store_n(&is_held, 1, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&is_done, __ATOMIC_ACQUIRE)) usleep(1000);
  pthread_mutex_unlock(&held);
  return NULL;
}

static double wait_often(long waits) {
  const struct timespec past = {.tv_sec = -1};
  double start = now_ns();
  for (long i = 0; i < waits; i++)
    if (pthread_mutex_timedlock(&held, &past) != ETIMEDOUT) exit(1);
  return (now_ns() - start) / (double)waits;
}

/// Every frame returns to a caller that still has work to do, so that none is optimised away.
static __attribute__((noinline)) double at_depth(long depth, long waits) {
  double result = depth > 0 ? at_depth(depth - 1, waits) : wait_often(waits);
  __asm__ volatile("" : "+m"(result));
  return result;
}

int main(int count, char **arguments) {
  long depth = argument(count, arguments, 1, 20);
  long waits = argument(count, arguments, 2, 1000);
  int rounds = (int)argument(count, arguments, 3, 200);
  if (depth < 1 || waits < 1 || rounds < 1) {
    fprintf(stderr, "usage: waits DEPTH WAITS-PER-ROUND ROUNDS\n");
    return 2;
  }
  pthread_t holder;
  pthread_create(&holder, NULL, hold, NULL);
  while (!__atomic_load_n(&is_held, __ATOMIC_ACQUIRE)) usleep(1000);
  pin(0);
  double *results = calloc((size_t)rounds, sizeof *results);
  for (int i = 0; i < rounds; i++) {
    results[i] = at_depth(depth - 1, waits);
    usleep(3000);
  }
  __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
  pthread_join(holder, NULL);
  print_rounds(results, rounds);
  return 0;
}
