// A thread looks whether it should wait, and begins to. Another says in between that it need not.
//
//   lost      the other does so without the mutex
//   kept      it locks the mutex, so that it comes before or after
//   early     it says so before the thread looks, which then waits for something else
//   nothing   nobody says anything, and the wait times out
#include "workload.h"

static pthread_mutex_t ready_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready_cv = PTHREAD_COND_INITIALIZER;
static int has_looked, is_ready;
static bool locks, is_early;

static void *teller(void *unused) {
  while (!__atomic_load_n(&has_looked, __ATOMIC_ACQUIRE)) sched_yield();
  if (locks) OK(pthread_mutex_lock(&ready_mu));
  __atomic_store_n(&is_ready, is_early ? 0 : 1, __ATOMIC_RELEASE);
  OK(pthread_cond_signal(&ready_cv));
  if (locks) OK(pthread_mutex_unlock(&ready_mu));
  __atomic_store_n(&has_looked, 2, __ATOMIC_RELEASE);
  return unused;
}

NAMED static int64_t await_ready(bool is_told) {
  struct timespec time = deadline(CLOCK_REALTIME, 100);
  int64_t begin = now_ns();
  OK(pthread_mutex_lock(&ready_mu));
  while (!__atomic_load_n(&is_ready, __ATOMIC_ACQUIRE)) {
    // What is said from here on is not seen before the wait.
    if (!is_early) __atomic_store_n(&has_looked, 1, __ATOMIC_RELEASE);
    while (is_told && !locks && __atomic_load_n(&has_looked, __ATOMIC_ACQUIRE) != 2) sched_yield();
    if (pthread_cond_timedwait(&ready_cv, &ready_mu, &time) == ETIMEDOUT) break;
  }
  OK(pthread_mutex_unlock(&ready_mu));
  return now_ns() - begin;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  locks = strcmp(arguments[1], "kept") == 0;
  is_early = strcmp(arguments[1], "early") == 0;
  bool is_told = strcmp(arguments[1], "nothing") != 0;
  pthread_t thread;
  if (is_told) thread = start(teller, NULL);
  if (is_early) {
    __atomic_store_n(&has_looked, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&has_looked, __ATOMIC_ACQUIRE) != 2) sched_yield();
  }
  say("waited", await_ready(is_told));
  if (is_told) join(thread);
}
