// A lock that is waited for and released at the end of a chain of calls.
#include "workload.h"

static pthread_mutex_t deep_mu = PTHREAD_MUTEX_INITIALIZER;
static sem_t held, wanted;

NAMED static int wait_inner(int depth) {
  OK(pthread_mutex_lock(&deep_mu));
  OK(pthread_mutex_unlock(&deep_mu));
  return depth + 1;
}

NAMED static int wait_middle(int depth) { return wait_inner(depth) + 1; }

NAMED static int wait_outer(int depth) { return wait_middle(depth) + 1; }

NAMED static int release_inner(int depth) {
  OK(pthread_mutex_unlock(&deep_mu));
  return depth + 1;
}

NAMED static int release_outer(int depth) { return release_inner(depth) + 1; }

static void *waiter(void *unused) {
  OK(sem_wait(&held));
  OK(sem_post(&wanted));
  CHECK(wait_outer(0) == 3);
  return unused;
}

int main(void) {
  OK(sem_init(&held, 0, 0));
  OK(sem_init(&wanted, 0, 0));
  pthread_t thread = start(waiter, NULL);
  OK(pthread_mutex_lock(&deep_mu));
  OK(sem_post(&held));
  OK(sem_wait(&wanted));
  until_wanted(&deep_mu);
  sleep_ms(50);
  CHECK(release_outer(0) == 2);
  join(thread);
  say("acquisitions", 2);
}
