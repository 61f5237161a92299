// Eight threads that wait as fast as they can: with deadlines that are over already, so that every
// call is a wait and the program knows how many there were; then for a lock that they fight for.
// The number of waits may be given, and a word that makes it wait for SIGUSR1 first.
#include "workload.h"

enum { THREADS = 8 };

static pthread_mutex_t held_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t fought_mu = PTHREAD_MUTEX_INITIALIZER;
static int waits_each;
static int64_t fought;

static void *work(void *unused) {
  const struct timespec over = {1, 0};
  for (int index = 0; index < waits_each; index++)
    GIVES(ETIMEDOUT, pthread_mutex_timedlock(&held_mu, &over));
  for (int index = 0; index < waits_each; index++) {
    OK(pthread_mutex_lock(&fought_mu));
    fought++;
    OK(pthread_mutex_unlock(&fought_mu));
  }
  return unused;
}

int main(int count, char **arguments) {
  waits_each = count > 1 ? atoi(arguments[1]) : 50000;
  if (count > 2) {
    // Waits until it is told to begin.
    sigset_t begin;
    sigemptyset(&begin);
    sigaddset(&begin, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &begin, NULL));
    printf("pid %d\nready\n", getpid());
    fflush(stdout);
    int signal;
    OK(sigwait(&begin, &signal));
  }
  OK(pthread_mutex_lock(&held_mu));
  run_threads(THREADS, work);
  OK(pthread_mutex_unlock(&held_mu));
  CHECK(fought == (int64_t)THREADS * waits_each);
  say("waits", (int64_t)THREADS * waits_each);
  say("acquisitions", (int64_t)THREADS * waits_each);
  fflush(stdout);
}
