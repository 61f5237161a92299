// Every wait with a deadline, of which each times out after 20 ms and is then made once more with
// the lock free; and deadlines that are no times.
#include <threads.h>

#include "workload.h"

enum { PATIENCE = 20 };

static pthread_mutex_t timed_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t timed_rw = PTHREAD_RWLOCK_INITIALIZER;
static sem_t timed_sem;
static mtx_t timed_mtx;
static pthread_mutex_t condition_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t timed_cond = PTHREAD_COND_INITIALIZER;
static sem_t held, done;
static const struct timespec no_time = {1, 1000000000};

/// sem_* say what is wrong in errno.
static int error_of(int result) { return result == 0 ? 0 : errno; }

static int64_t mutex_waits(int expected) {
  int64_t begin = now_ns();
  struct timespec time = deadline(CLOCK_REALTIME, PATIENCE);
  GIVES(expected, pthread_mutex_timedlock(&timed_mu, &time));
  if (expected == 0) OK(pthread_mutex_unlock(&timed_mu));
  time = deadline(CLOCK_MONOTONIC, PATIENCE);
  GIVES(expected, pthread_mutex_clocklock(&timed_mu, CLOCK_MONOTONIC, &time));
  if (expected == 0) OK(pthread_mutex_unlock(&timed_mu));
  return now_ns() - begin;
}

static int64_t rwlock_waits(int expected) {
  int64_t begin = now_ns();
  struct timespec time = deadline(CLOCK_REALTIME, PATIENCE);
  GIVES(expected, pthread_rwlock_timedrdlock(&timed_rw, &time));
  if (expected == 0) OK(pthread_rwlock_unlock(&timed_rw));
  time = deadline(CLOCK_REALTIME, PATIENCE);
  GIVES(expected, pthread_rwlock_timedwrlock(&timed_rw, &time));
  if (expected == 0) OK(pthread_rwlock_unlock(&timed_rw));
  time = deadline(CLOCK_MONOTONIC, PATIENCE);
  GIVES(expected, pthread_rwlock_clockrdlock(&timed_rw, CLOCK_MONOTONIC, &time));
  if (expected == 0) OK(pthread_rwlock_unlock(&timed_rw));
  time = deadline(CLOCK_MONOTONIC, PATIENCE);
  GIVES(expected, pthread_rwlock_clockwrlock(&timed_rw, CLOCK_MONOTONIC, &time));
  if (expected == 0) OK(pthread_rwlock_unlock(&timed_rw));
  return now_ns() - begin;
}

static int64_t semaphore_waits(int expected) {
  int64_t begin = now_ns();
  struct timespec time = deadline(CLOCK_REALTIME, PATIENCE);
  GIVES(expected, error_of(sem_timedwait(&timed_sem, &time)));
  if (expected == 0) OK(sem_post(&timed_sem));
  time = deadline(CLOCK_MONOTONIC, PATIENCE);
  GIVES(expected, error_of(sem_clockwait(&timed_sem, CLOCK_MONOTONIC, &time)));
  if (expected == 0) OK(sem_post(&timed_sem));
  return now_ns() - begin;
}

static int64_t c11_waits(int expected) {
  int64_t begin = now_ns();
  struct timespec time = deadline(CLOCK_REALTIME, PATIENCE);
  GIVES(expected, mtx_timedlock(&timed_mtx, &time));
  if (expected == thrd_success) GIVES(thrd_success, mtx_unlock(&timed_mtx));
  return now_ns() - begin;
}

static int64_t condition_waits(void) {
  OK(pthread_mutex_lock(&condition_mu));
  int64_t begin = now_ns();
  struct timespec time = deadline(CLOCK_REALTIME, PATIENCE);
  int result;
  while ((result = pthread_cond_timedwait(&timed_cond, &condition_mu, &time)) == 0) {
  }
  GIVES(ETIMEDOUT, result);
  time = deadline(CLOCK_MONOTONIC, PATIENCE);
  while ((result = pthread_cond_clockwait(&timed_cond, &condition_mu, CLOCK_MONOTONIC, &time)) == 0) {
  }
  GIVES(ETIMEDOUT, result);
  int64_t waited = now_ns() - begin;
  GIVES(EINVAL, pthread_cond_timedwait(&timed_cond, &condition_mu, &no_time));
  OK(pthread_mutex_unlock(&condition_mu));
  return waited;
}

/// Deadlines that are no times are refused where there would be a wait, and only there.
static void bad_deadlines(int expected) {
  GIVES(expected, pthread_mutex_timedlock(&timed_mu, &no_time));
  if (expected == 0) OK(pthread_mutex_unlock(&timed_mu));
  GIVES(EINVAL, pthread_mutex_clocklock(&timed_mu, CLOCK_PROCESS_CPUTIME_ID, &no_time));
  if (expected == EINVAL) GIVES(EINVAL, error_of(sem_timedwait(&timed_sem, &no_time)));
}

static void *waiter(void *unused) {
  OK(sem_wait(&held));
  say("mutex_waited", mutex_waits(ETIMEDOUT));
  say("rwlock_waited", rwlock_waits(ETIMEDOUT));
  say("semaphore_waited", semaphore_waits(ETIMEDOUT));
  say("c11_waited", c11_waits(thrd_timedout));
  say("condition_waited", condition_waits());
  bad_deadlines(EINVAL);
  OK(sem_post(&done));
  OK(sem_wait(&held));
  mutex_waits(0);
  rwlock_waits(0);
  semaphore_waits(0);
  c11_waits(thrd_success);
  return unused;
}

int main(void) {
  OK(sem_init(&timed_sem, 0, 0));
  OK(sem_init(&held, 0, 0));
  OK(sem_init(&done, 0, 0));
  GIVES(thrd_success, mtx_init(&timed_mtx, mtx_timed));
  pthread_t thread = start(waiter, NULL);
  OK(pthread_mutex_lock(&timed_mu));
  OK(pthread_rwlock_wrlock(&timed_rw));
  GIVES(thrd_success, mtx_lock(&timed_mtx));
  OK(sem_post(&held));
  OK(sem_wait(&done));
  OK(pthread_mutex_unlock(&timed_mu));
  OK(pthread_rwlock_unlock(&timed_rw));
  OK(sem_post(&timed_sem));
  GIVES(thrd_success, mtx_unlock(&timed_mtx));
  OK(sem_post(&held));
  join(thread);
  say("mutex_acquisitions", 3);
  say("rwlock_acquisitions", 5);
  say("semaphore_acquisitions", 2);
  say("c11_acquisitions", 2);
}
