// Two threads that hand locks over to each other, each step one contended wait and one release that
// somebody waits for: `relay STEPS-PER-ROUND ROUNDS [PAUSE-MICROSECONDS]`.
//
// Three mutexes lie on a circle. A thread holds one, takes the next, and lets go of the one behind.
// The other thread stands on that next one, so that every step waits for the other thread's step. Both
// run on one CPU, so that a step is exactly one switch of threads.
#include "common.h"

static pthread_mutex_t circle[3] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                    PTHREAD_MUTEX_INITIALIZER};
static long steps, pause_microseconds;
static int rounds;
static double *results;
static int ready;

static void walk(int position, double *result_per_round) {
  pin(0);
  pthread_mutex_lock(&circle[position]);
  __atomic_add_fetch(&ready, 1, __ATOMIC_ACQ_REL);
  while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < 2) usleep(100);
  for (int round = 0; round < rounds; round++) {
    double start = now_ns();
    for (long step = 0; step < steps; step++) {
      int next = (position + 1) % 3;
      pthread_mutex_lock(&circle[next]);
      pthread_mutex_unlock(&circle[position]);
      position = next;
    }
    // Both threads took that many steps in the time.
    if (result_per_round != NULL) {
      result_per_round[round] = (now_ns() - start) / (double)(2 * steps);
      if (pause_microseconds > 0) usleep((useconds_t)pause_microseconds);
    }
  }
  pthread_mutex_unlock(&circle[position]);
}

static void *follow(void *unused) {
  (void)unused;
  walk(1, NULL);
  return NULL;
}

int main(int count, char **arguments) {
  steps = argument(count, arguments, 1, 2000);
  rounds = (int)argument(count, arguments, 2, 50);
  pause_microseconds = argument(count, arguments, 3, 0);
  if (steps < 1 || rounds < 1) {
    fprintf(stderr, "usage: relay STEPS-PER-ROUND ROUNDS [PAUSE-MICROSECONDS]\n");
    return 2;
  }
  results = calloc((size_t)rounds, sizeof *results);
  pthread_t follower;
  pthread_create(&follower, NULL, follow, NULL);
  walk(0, results);
  pthread_join(follower, NULL);
  print_rounds(results, rounds);
  return 0;
}
