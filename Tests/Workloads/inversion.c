// Takes two locks in one order and then in the other: nothing happens here, but it might elsewhere.
#include "workload.h"

static pthread_mutex_t one_mu = PTHREAD_MUTEX_INITIALIZER, other_mu = PTHREAD_MUTEX_INITIALIZER;

static void take(pthread_mutex_t *first, pthread_mutex_t *second) {
  OK(pthread_mutex_lock(first));
  OK(pthread_mutex_lock(second));
  OK(pthread_mutex_unlock(second));
  OK(pthread_mutex_unlock(first));
}

static void *one_way(void *unused) {
  take(&one_mu, &other_mu);
  return unused;
}

static void *other_way(void *unused) {
  take(&other_mu, &one_mu);
  return unused;
}

int main(void) {
  join(start(one_way, NULL));
  join(start(other_way, NULL));
  say("acquisitions", 4);
}
