// One thread holds a lock for 10 ms a hundred times; another waits for it each time.
#include "workload.h"

enum { ROUNDS = 100 };

static pthread_mutex_t held_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;
static int64_t waited, longest;

NAMED static void hold_it(void) {
  OK(pthread_mutex_lock(&held_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&held_mu);
  sleep_ms(10);
  OK(pthread_mutex_unlock(&held_mu));
  pthread_barrier_wait(&turn);
}

NAMED static void want_it(void) {
  pthread_barrier_wait(&turn);
  int64_t begin = now_ns();
  OK(pthread_mutex_lock(&held_mu));
  int64_t wait = now_ns() - begin;
  OK(pthread_mutex_unlock(&held_mu));
  waited += wait;
  if (wait > longest) longest = wait;
  pthread_barrier_wait(&turn);
}

static void *holder(void *unused) {
  pthread_setname_np(pthread_self(), "holder");
  for (int round = 0; round < ROUNDS; round++) hold_it();
  return unused;
}

static void *waiter(void *unused) {
  pthread_setname_np(pthread_self(), "waiter");
  for (int round = 0; round < ROUNDS; round++) want_it();
  return unused;
}

int main(void) {
  OK(pthread_barrier_init(&turn, NULL, 2));
  pthread_t first = start(holder, NULL), second = start(waiter, NULL);
  join(first);
  join(second);
  say("rounds", ROUNDS);
  say("acquisitions", 2 * ROUNDS);
  say("waited", waited);
  say("longest", longest);
}
