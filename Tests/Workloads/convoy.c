// Six threads take a mutex for a moment each, 500 times.
//
//   turns   a mutex that its releaser hands to who has waited longest, so that each acquire costs a switch
//   plain   one that whoever comes first may take
#include "workload.h"

enum { THREADS = 6, ROUNDS = 500 };
static pthread_mutex_t turn_mu;
static pthread_barrier_t all_here;
static int64_t entered;

NAMED static void enter(void) {
  OK(pthread_mutex_lock(&turn_mu));
  entered += 1;
  OK(pthread_mutex_unlock(&turn_mu));
}

static void *worker(void *unused) {
  pthread_barrier_wait(&all_here);
  for (int round = 0; round < ROUNDS; round++) enter();
  return unused;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  pthread_mutexattr_t attributes;
  OK(pthread_mutexattr_init(&attributes));
  // The kernel gives such a mutex away when it is released.
  if (strcmp(arguments[1], "turns") == 0)
    OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
  OK(pthread_mutex_init(&turn_mu, &attributes));
  OK(pthread_barrier_init(&all_here, NULL, THREADS));
  // All want it before any has had it.
  OK(pthread_mutex_lock(&turn_mu));
  pthread_t threads[THREADS];
  for (int thread = 0; thread < THREADS; thread++) threads[thread] = start(worker, NULL);
  until_wanted(&turn_mu);
  sleep_ms(5);
  OK(pthread_mutex_unlock(&turn_mu));
  for (int thread = 0; thread < THREADS; thread++) join(threads[thread]);
  say("entered", entered);
}
