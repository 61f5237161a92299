// Waits a known number of times, counts, and kills itself: nothing of that may be lost.
#include "workload.h"

enum { WAITS = 200, FREE = 12345 };

static pthread_mutex_t waited_mu = PTHREAD_MUTEX_INITIALIZER, free_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;

static void *holder(void *unused) {
  for (int round = 0; round < WAITS; round++) {
    OK(pthread_mutex_lock(&waited_mu));
    pthread_barrier_wait(&turn);
    until_wanted(&waited_mu);
    sleep_ns(200000);
    OK(pthread_mutex_unlock(&waited_mu));
    pthread_barrier_wait(&turn);
  }
  // Still there when the process is killed.
  for (;;) pause();
  return unused;
}

int main(void) {
  OK(pthread_barrier_init(&turn, NULL, 2));
  start(holder, NULL);
  for (int index = 0; index < FREE; index++) {
    OK(pthread_mutex_lock(&free_mu));
    OK(pthread_mutex_unlock(&free_mu));
  }
  int64_t waited = 0;
  for (int round = 0; round < WAITS; round++) {
    pthread_barrier_wait(&turn);
    int64_t begin = now_ns();
    OK(pthread_mutex_lock(&waited_mu));
    waited += now_ns() - begin;
    OK(pthread_mutex_unlock(&waited_mu));
    pthread_barrier_wait(&turn);
  }
  say("waits", WAITS);
  say("waited", waited);
  say("free", FREE);
  fflush(stdout);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}
