// A recursive mutex taken five times over: one hold, that ends with the outermost release.
#include "workload.h"

enum { ROUNDS = 20, DEPTH = 5 };

static pthread_mutex_t nested_mu;
static pthread_barrier_t turn;
static int64_t waited;

NAMED static void descend(int depth) {
  OK(pthread_mutex_lock(&nested_mu));
  if (depth < DEPTH) {
    descend(depth + 1);
  } else {
    pthread_barrier_wait(&turn);
    until_wanted(&nested_mu);
    sleep_ms(5);
    OK(pthread_mutex_trylock(&nested_mu));
    OK(pthread_mutex_unlock(&nested_mu));
  }
  OK(pthread_mutex_unlock(&nested_mu));
}

static void *holder(void *unused) {
  for (int round = 0; round < ROUNDS; round++) {
    descend(1);
    pthread_barrier_wait(&turn);
  }
  return unused;
}

NAMED static void want_it(void) {
  pthread_barrier_wait(&turn);
  int64_t begin = now_ns();
  OK(pthread_mutex_lock(&nested_mu));
  waited += now_ns() - begin;
  OK(pthread_mutex_unlock(&nested_mu));
  pthread_barrier_wait(&turn);
}

static void *waiter(void *unused) {
  for (int round = 0; round < ROUNDS; round++) want_it();
  return unused;
}

int main(void) {
  pthread_mutexattr_t attributes;
  OK(pthread_mutexattr_init(&attributes));
  OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
  OK(pthread_mutex_init(&nested_mu, &attributes));
  OK(pthread_barrier_init(&turn, NULL, 2));
  pthread_t first = start(holder, NULL), second = start(waiter, NULL);
  join(first);
  join(second);
  say("contended", ROUNDS);
  say("acquisitions", 2 * ROUNDS);
  say("waited", waited);
}
