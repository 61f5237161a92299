// A million locks, each taken once, every thousandth of them twice more.
#include "workload.h"

enum { LOCKS = 1000000 };

NAMED static void lock_one(pthread_mutex_t *mutex) {
  OK(pthread_mutex_lock(mutex));
  OK(pthread_mutex_unlock(mutex));
}

int main(void) {
  pthread_mutex_t *locks = calloc(LOCKS, sizeof *locks);
  CHECK(locks != NULL);
  for (int index = 0; index < LOCKS; index++) lock_one(&locks[index]);
  for (int index = 0; index < LOCKS; index += 1000) {
    lock_one(&locks[index]);
    lock_one(&locks[index]);
  }
  free(locks);
  say("locks", LOCKS);
  say("acquisitions", LOCKS + 2 * (LOCKS / 1000));
}
