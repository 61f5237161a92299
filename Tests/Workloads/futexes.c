// A thread holds a mutex for 5 ms forty times, and another waits for it; built statically, so that
// nothing can be preloaded. It says what it waited. With an argument it begins when it is told to by
// SIGUSR1, so that a recorder can be attached first.
#include "workload.h"

enum { ROUNDS = 40 };

static pthread_mutex_t futex_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;
static int64_t waited;

NAMED static void hold_it(void) {
  OK(pthread_mutex_lock(&futex_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&futex_mu);
  sleep_ms(5);
  OK(pthread_mutex_unlock(&futex_mu));
  pthread_barrier_wait(&turn);
}

NAMED static void want_it(void) {
  pthread_barrier_wait(&turn);
  int64_t begin = now_ns();
  OK(pthread_mutex_lock(&futex_mu));
  waited += now_ns() - begin;
  OK(pthread_mutex_unlock(&futex_mu));
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

int main(int count, char *arguments[]) {
  (void)arguments;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  OK(pthread_sigmask(SIG_BLOCK, &signals, NULL));
  if (count > 1) {
    printf("pid %d\n", (int)getpid());
    fflush(stdout);
    int signal;
    OK(sigwait(&signals, &signal));
  }
  OK(pthread_barrier_init(&turn, NULL, 2));
  pthread_t first = start(holder, NULL), second = start(waiter, NULL);
  join(first);
  join(second);
  say("rounds", ROUNDS);
  say("waited", waited);
}
