// Eight threads that never meet at a lock: every count is known to the unit.
#include "workload.h"

enum { THREADS = 8, TURNS = 1000, READS = 5000 };

static pthread_mutex_t own_mu[THREADS];
static pthread_mutex_t passed_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t read_rw = PTHREAD_RWLOCK_INITIALIZER;
static sem_t turns[THREADS + 1];

static int own_count(intptr_t number) { return 20000 + 1000 * (int)number + 7; }

static void *work(void *argument) {
  intptr_t number = (intptr_t)argument;
  for (int index = own_count(number); index > 0; index--) {
    OK(pthread_mutex_lock(&own_mu[number]));
    OK(pthread_mutex_unlock(&own_mu[number]));
  }
  for (int index = 0; index < READS; index++) {
    OK(pthread_rwlock_rdlock(&read_rw));
    OK(pthread_rwlock_unlock(&read_rw));
  }
  // One after the other.
  OK(sem_wait(&turns[number]));
  for (int index = 0; index < TURNS; index++) {
    OK(pthread_mutex_lock(&passed_mu));
    OK(pthread_mutex_unlock(&passed_mu));
  }
  OK(sem_post(&turns[number + 1]));
  return NULL;
}

int main(void) {
  for (int index = 0; index < THREADS; index++) OK(pthread_mutex_init(&own_mu[index], NULL));
  for (int index = 0; index <= THREADS; index++) OK(sem_init(&turns[index], 0, index == 0));
  run_threads(THREADS, work);
  int64_t own = 0;
  for (int index = 0; index < THREADS; index++) {
    char name[16];
    snprintf(name, sizeof name, "own_mu%d", index);
    say(name, own_count(index));
    own += own_count(index);
  }
  say("own_mu", own);
  say("passed_mu", THREADS * TURNS);
  say("read_rw", THREADS * READS);
}
