// Tries that fail are no waits, and tries that work are acquisitions, for every lock that can be
// tried.
#include <threads.h>

#include "workload.h"

enum { TRIES = 1000 };

static pthread_mutex_t tried_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t tried_rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t read_rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t tried_spin;
static sem_t tried_sem;
static mtx_t tried_mtx;
static sem_t held, tried;

static int try_semaphore(void) {
  errno = 0;
  int result = sem_trywait(&tried_sem);
  CHECK(result == 0 || errno == EAGAIN);
  return result == 0 ? 0 : EBUSY;
}

static void try_all(int expected) {
  for (int index = 0; index < TRIES; index++) {
    GIVES(expected, pthread_mutex_trylock(&tried_mu));
    GIVES(expected, pthread_rwlock_trywrlock(&tried_rw));
    GIVES(expected, pthread_rwlock_tryrdlock(&read_rw));
    GIVES(expected, pthread_spin_trylock(&tried_spin));
    GIVES(expected, try_semaphore());
    GIVES(expected == 0 ? thrd_success : thrd_busy, mtx_trylock(&tried_mtx));
    if (expected != 0) continue;
    OK(pthread_mutex_unlock(&tried_mu));
    OK(pthread_rwlock_unlock(&tried_rw));
    OK(pthread_rwlock_unlock(&read_rw));
    OK(pthread_spin_unlock(&tried_spin));
    OK(sem_post(&tried_sem));
    GIVES(thrd_success, mtx_unlock(&tried_mtx));
  }
}

static void *work(void *unused) {
  OK(sem_wait(&held));
  try_all(EBUSY);
  OK(sem_post(&tried));
  OK(sem_wait(&held));
  try_all(0);
  return unused;
}

int main(void) {
  OK(pthread_spin_init(&tried_spin, PTHREAD_PROCESS_PRIVATE));
  OK(sem_init(&tried_sem, 0, 1));
  OK(sem_init(&held, 0, 0));
  OK(sem_init(&tried, 0, 0));
  GIVES(thrd_success, mtx_init(&tried_mtx, mtx_plain));
  pthread_t thread = start(work, NULL);
  OK(pthread_mutex_lock(&tried_mu));
  OK(pthread_rwlock_wrlock(&tried_rw));
  OK(pthread_rwlock_wrlock(&read_rw));
  OK(pthread_spin_lock(&tried_spin));
  OK(sem_wait(&tried_sem));
  GIVES(thrd_success, mtx_lock(&tried_mtx));
  OK(sem_post(&held));
  OK(sem_wait(&tried));
  OK(pthread_mutex_unlock(&tried_mu));
  OK(pthread_rwlock_unlock(&tried_rw));
  OK(pthread_rwlock_unlock(&read_rw));
  OK(pthread_spin_unlock(&tried_spin));
  OK(sem_post(&tried_sem));
  GIVES(thrd_success, mtx_unlock(&tried_mtx));
  OK(sem_post(&held));
  join(thread);
  say("acquisitions", TRIES + 1);
}
