// Every kind of mutex: held against a waiter, taken freely, and refused where it has to be. Whatever
// a call returns and leaves in errno is what libc does without anyone between.
#include <sys/mman.h>

#include "workload.h"

enum { HOLDS = 4, FREE = 100, ERRNO = 4711 };

static pthread_mutex_t normal_mu, recursive_mu, errorcheck_mu, adaptive_mu, inherit_mu,
    robust_mu, robust_inherit_mu;
static pthread_mutex_t *shared_mu;
static pthread_barrier_t turn;
static int64_t waited;

/// A call that succeeds must leave errno alone.
#define QUIET(expected, call)   \
  do {                          \
    errno = ERRNO;              \
    GIVES(expected, call);      \
    CHECK(errno == ERRNO);      \
  } while (0)

static void *hold(void *mutex) {
  for (int round = 0; round < HOLDS; round++) {
    QUIET(0, pthread_mutex_lock(mutex));
    pthread_barrier_wait(&turn);
    until_wanted(mutex);
    sleep_ms(5);
    QUIET(0, pthread_mutex_unlock(mutex));
    pthread_barrier_wait(&turn);
  }
  return NULL;
}

static void try_out(const char *name, pthread_mutex_t *mutex) {
  pthread_t holder = start(hold, mutex);
  waited = 0;
  for (int round = 0; round < HOLDS; round++) {
    pthread_barrier_wait(&turn);
    int64_t begin = now_ns();
    QUIET(0, pthread_mutex_lock(mutex));
    waited += now_ns() - begin;
    QUIET(0, pthread_mutex_unlock(mutex));
    pthread_barrier_wait(&turn);
  }
  join(holder);
  for (int index = 0; index < FREE; index++) {
    QUIET(0, pthread_mutex_lock(mutex));
    QUIET(0, pthread_mutex_unlock(mutex));
  }
  printf("%s_waited %lld\n%s_acquisitions %d\n", name, (long long)waited, name, 2 * HOLDS + FREE);
}

static void *unlock_others(void *mutex) {
  QUIET(EPERM, pthread_mutex_unlock(mutex));
  return NULL;
}

static void *die_with_it(void *mutex) {
  OK(pthread_mutex_lock(mutex));
  return NULL;
}

/// The owner dies; the next to come is told, and may mend the mutex or not.
static void lose_owner(pthread_mutex_t *mutex) {
  join(start(die_with_it, mutex));
  QUIET(EOWNERDEAD, pthread_mutex_lock(mutex));
  OK(pthread_mutex_consistent(mutex));
  QUIET(0, pthread_mutex_unlock(mutex));
  join(start(die_with_it, mutex));
  QUIET(EOWNERDEAD, pthread_mutex_trylock(mutex));
  QUIET(0, pthread_mutex_unlock(mutex));
  QUIET(ENOTRECOVERABLE, pthread_mutex_lock(mutex));
}

static void make(pthread_mutex_t *mutex, int type, int protocol, int robust, int shared) {
  pthread_mutexattr_t attributes;
  OK(pthread_mutexattr_init(&attributes));
  OK(pthread_mutexattr_settype(&attributes, type));
  OK(pthread_mutexattr_setprotocol(&attributes, protocol));
  OK(pthread_mutexattr_setrobust(&attributes, robust));
  OK(pthread_mutexattr_setpshared(&attributes, shared));
  OK(pthread_mutex_init(mutex, &attributes));
  OK(pthread_mutexattr_destroy(&attributes));
}

int main(void) {
  const int none = PTHREAD_PRIO_NONE, stalled = PTHREAD_MUTEX_STALLED,
            own = PTHREAD_PROCESS_PRIVATE;
  OK(pthread_barrier_init(&turn, NULL, 2));
  make(&normal_mu, PTHREAD_MUTEX_NORMAL, none, stalled, own);
  make(&recursive_mu, PTHREAD_MUTEX_RECURSIVE, none, stalled, own);
  make(&errorcheck_mu, PTHREAD_MUTEX_ERRORCHECK, none, stalled, own);
  make(&adaptive_mu, PTHREAD_MUTEX_ADAPTIVE_NP, none, stalled, own);
  make(&inherit_mu, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, stalled, own);
  make(&robust_mu, PTHREAD_MUTEX_NORMAL, none, PTHREAD_MUTEX_ROBUST, own);
  make(&robust_inherit_mu, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, own);
  shared_mu = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared_mu != MAP_FAILED);
  make(shared_mu, PTHREAD_MUTEX_NORMAL, none, stalled, PTHREAD_PROCESS_SHARED);

  try_out("normal", &normal_mu);
  try_out("recursive", &recursive_mu);
  try_out("errorcheck", &errorcheck_mu);
  try_out("adaptive", &adaptive_mu);
  try_out("inherit", &inherit_mu);
  try_out("robust", &robust_mu);
  try_out("robust_inherit", &robust_inherit_mu);
  try_out("shared", shared_mu);

  QUIET(0, pthread_mutex_lock(&errorcheck_mu));
  QUIET(EDEADLK, pthread_mutex_lock(&errorcheck_mu));
  join(start(unlock_others, &errorcheck_mu));
  QUIET(0, pthread_mutex_unlock(&errorcheck_mu));
  QUIET(EPERM, pthread_mutex_unlock(&errorcheck_mu));
  QUIET(EPERM, pthread_mutex_unlock(&recursive_mu));
  QUIET(0, pthread_mutex_lock(&normal_mu));
  QUIET(EBUSY, pthread_mutex_trylock(&normal_mu));
  QUIET(0, pthread_mutex_unlock(&normal_mu));
  lose_owner(&robust_mu);
  lose_owner(&robust_inherit_mu);

  // The child waits for what its parent holds.
  OK(pthread_mutex_lock(shared_mu));
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    QUIET(0, pthread_mutex_lock(shared_mu));
    QUIET(0, pthread_mutex_unlock(shared_mu));
    _exit(0);
  }
  until_wanted(shared_mu);
  sleep_ms(30);
  OK(pthread_mutex_unlock(shared_mu));
  CHECK(status_of(child) == 0);
}
