// Lock and unlock, nothing between: `pairs private|shared|alone THREADS MILLISECONDS ROUNDS`.
//
//   private  every thread has a mutex of its own; nanoseconds per pair of one thread
//   shared   all threads fight for one mutex; nanoseconds per pair of all threads together
//   alone    no second thread was ever started, where libc locks without an atomic operation
#include <stdbool.h>
#include <string.h>

#include "common.h"

enum { MAX_THREADS = 64, PAIRS_BETWEEN_LOOKS = 32 };

/// A mutex and a count on cache lines of their own.
struct lane {
  pthread_mutex_t mutex __attribute__((aligned(128)));
  uint64_t pairs __attribute__((aligned(128)));
  double start;
  double end;
};

static struct lane lanes[MAX_THREADS];
static bool is_shared;
static int thread_count;
// Rounds begin and end with atomics, so that no lock but the measured one is taken.
static int round_number;
static int finished;
static int stop;
static uint64_t all_pairs;

static void lock_until_stopped(struct lane *lane, pthread_mutex_t *mutex) {
  uint64_t pairs = 0;
  lane->start = now_ns();
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    for (int i = 0; i < PAIRS_BETWEEN_LOOKS; i++) {
      pthread_mutex_lock(mutex);
      pthread_mutex_unlock(mutex);
    }
    pairs += PAIRS_BETWEEN_LOOKS;
  }
  lane->end = now_ns();
  lane->pairs = pairs;
}

static void *run(void *argument) {
  struct lane *lane = argument;
  int index = (int)(lane - lanes);
  pin(index);
  for (int seen = 0;; seen++) {
    int current;
    while ((current = __atomic_load_n(&round_number, __ATOMIC_ACQUIRE)) == seen) sched_yield();
    if (current < 0) return NULL;
    lock_until_stopped(lane, is_shared ? &lanes[0].mutex : &lane->mutex);
    __atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
  }
}

static double round_of_threads(long milliseconds) {
  __atomic_store_n(&finished, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
  __atomic_add_fetch(&round_number, 1, __ATOMIC_RELEASE);
  usleep((useconds_t)(milliseconds * 1000));
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < thread_count) usleep(50);
  double start = lanes[0].start, end = lanes[0].end, per_thread = 0;
  uint64_t pairs = 0;
  for (int i = 0; i < thread_count; i++) {
    if (lanes[i].start < start) start = lanes[i].start;
    if (lanes[i].end > end) end = lanes[i].end;
    per_thread += (lanes[i].end - lanes[i].start) / (double)lanes[i].pairs / thread_count;
    pairs += lanes[i].pairs;
  }
  all_pairs += pairs;
  return is_shared ? (end - start) / (double)pairs : per_thread;
}

static double round_alone(long milliseconds) {
  double end = now_ns() + (double)milliseconds * 1e6, start = now_ns();
  uint64_t pairs = 0;
  do {
    for (int i = 0; i < 1000; i++) {
      pthread_mutex_lock(&lanes[0].mutex);
      pthread_mutex_unlock(&lanes[0].mutex);
    }
    pairs += 1000;
  } while (now_ns() < end);
  all_pairs += pairs;
  return (now_ns() - start) / (double)pairs;
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "private";
  thread_count = (int)argument(count, arguments, 2, 1);
  long milliseconds = argument(count, arguments, 3, 10);
  int rounds = (int)argument(count, arguments, 4, 50);
  if (thread_count < 1 || thread_count > MAX_THREADS || rounds < 1) {
    fprintf(stderr, "usage: pairs private|shared|alone THREADS MILLISECONDS ROUNDS\n");
    return 2;
  }
  is_shared = strcmp(mode, "shared") == 0;
  for (int i = 0; i < MAX_THREADS; i++) pthread_mutex_init(&lanes[i].mutex, NULL);
  double *results = calloc((size_t)rounds, sizeof *results);

  if (strcmp(mode, "alone") == 0) {
    pin(0);
    round_alone(milliseconds);
    for (int i = 0; i < rounds; i++) results[i] = round_alone(milliseconds);
  } else {
    pthread_t threads[MAX_THREADS];
    for (int i = 0; i < thread_count; i++) pthread_create(&threads[i], NULL, run, &lanes[i]);
    round_of_threads(milliseconds);
    for (int i = 0; i < rounds; i++) results[i] = round_of_threads(milliseconds);
    __atomic_store_n(&round_number, -1, __ATOMIC_RELEASE);
    for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);
  }
  print_rounds(results, rounds);
  printf("pairs %llu\n", (unsigned long long)all_pairs);
  return 0;
}
