// A thread that has a mutex shares its one CPU with three that compute, while another waits for the mutex.
//
//   crowded   so it does
//   alone     nobody else wants the CPU
#include <sched.h>

#include "workload.h"

enum { ROUNDS = 5, WORK_MS = 20 };
static pthread_mutex_t busy_mu = PTHREAD_MUTEX_INITIALIZER;
static int done;
static int64_t waited;

/// Computes for so long, of the time that it has a CPU.
NAMED static void compute(int64_t milliseconds) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  int64_t end = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + milliseconds * 1000000;
  do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  while ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec < end);
}

static void *burner(void *unused) {
  while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) compute(1);
  return unused;
}

static void *waiter(void *unused) {
  pthread_setname_np(pthread_self(), "waiter");
  for (int round = 0; round < ROUNDS; round++) {
    sleep_ms(2);
    int64_t begin = now_ns();
    OK(pthread_mutex_lock(&busy_mu));
    waited += now_ns() - begin;
    OK(pthread_mutex_unlock(&busy_mu));
  }
  return unused;
}

NAMED static void hold(void) {
  OK(pthread_mutex_lock(&busy_mu));
  compute(WORK_MS);
  OK(pthread_mutex_unlock(&busy_mu));
}

static void *holder(void *unused) {
  pthread_setname_np(pthread_self(), "holder");
  while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
    hold();
    sleep_ns(100000);
  }
  return unused;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  int first = 0;
  while (!CPU_ISSET(first, &cpus)) first++;
  CPU_ZERO(&cpus);
  CPU_SET(first, &cpus);
  CHECK(sched_setaffinity(0, sizeof cpus, &cpus) == 0);
  int burners = strcmp(arguments[1], "crowded") == 0 ? 3 : 0;
  pthread_t threads[5];
  threads[0] = start(holder, NULL);
  for (int number = 0; number < burners; number++) threads[1 + number] = start(burner, NULL);
  join(start(waiter, NULL));
  __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
  for (int number = 0; number <= burners; number++) join(threads[number]);
  say("waited", waited);
}
