// Threads that end with a lock, and such as only seem to.
//
//   mutex      one ends with a mutex that nobody asks for later
//   writer     the same of a reader/writer lock
//   cancelled  one is cancelled while it has a mutex
//   unlocked   all unlock what they locked
//   exit       one has a mutex when the main thread ends the process
//   leaves     one has a mutex and ends the process itself
//   handed     one ends with a mutex that another unlocks
//   robust     one ends with a robust mutex that another gets from it
#include "workload.h"

static pthread_mutex_t left_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t left_rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t robust_mu;
static sem_t has_it;

static void *leave_mutex(void *unused) {
  OK(pthread_mutex_lock(&left_mu));
  return unused;
}
static void *leave_writer(void *unused) {
  OK(pthread_rwlock_wrlock(&left_rw));
  return unused;
}
static void *leave_robust(void *unused) {
  OK(pthread_mutex_lock(&robust_mu));
  return unused;
}
static void *unlock(void *unused) {
  OK(pthread_mutex_lock(&left_mu));
  OK(pthread_mutex_unlock(&left_mu));
  return unused;
}
static void *unlock_it(void *unused) {
  OK(pthread_mutex_unlock(&left_mu));
  return unused;
}
static void *inherit(void *unused) {
  CHECK(pthread_mutex_lock(&robust_mu) == EOWNERDEAD);
  OK(pthread_mutex_consistent(&robust_mu));
  OK(pthread_mutex_unlock(&robust_mu));
  return unused;
}
static void *keep(void *unused) {
  OK(pthread_mutex_lock(&left_mu));
  OK(sem_post(&has_it));
  for (;;) pause();
  return unused;
}
static void *end_all(void *unused) {
  OK(pthread_mutex_lock(&left_mu));
  say("done", 1);
  exit(0);
  return unused;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  const char *what = arguments[1];
  OK(sem_init(&has_it, 0, 0));
  if (strcmp(what, "mutex") == 0) {
    join(start(leave_mutex, NULL));
  } else if (strcmp(what, "writer") == 0) {
    join(start(leave_writer, NULL));
  } else if (strcmp(what, "cancelled") == 0) {
    pthread_t thread = start(keep, NULL);
    OK(sem_wait(&has_it));
    OK(pthread_cancel(thread));
    join(thread);
  } else if (strcmp(what, "unlocked") == 0) {
    join(start(unlock, NULL));
    join(start(unlock, NULL));
  } else if (strcmp(what, "exit") == 0) {
    start(keep, NULL);
    OK(sem_wait(&has_it));
  } else if (strcmp(what, "leaves") == 0) {
    join(start(end_all, NULL));
  } else if (strcmp(what, "handed") == 0) {
    join(start(leave_mutex, NULL));
    join(start(unlock_it, NULL));
  } else if (strcmp(what, "robust") == 0) {
    pthread_mutexattr_t robust;
    OK(pthread_mutexattr_init(&robust));
    OK(pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST));
    OK(pthread_mutex_init(&robust_mu, &robust));
    join(start(leave_robust, NULL));
    join(start(inherit, NULL));
  } else {
    CHECK(false);
  }
  say("done", 1);
}
