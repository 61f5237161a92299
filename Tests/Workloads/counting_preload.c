// A library that a program is already preloaded with: it counts what passes through it.
#include <dlfcn.h>

#include "workload.h"

static int64_t locks, tries, unlocks;

int pthread_mutex_lock(pthread_mutex_t *mutex) {
  static int (*next)(pthread_mutex_t *);
  if (next == NULL) next = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
  __atomic_fetch_add(&locks, 1, __ATOMIC_RELAXED);
  return next(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
  static int (*next)(pthread_mutex_t *);
  if (next == NULL) next = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_trylock");
  __atomic_fetch_add(&tries, 1, __ATOMIC_RELAXED);
  return next(mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  static int (*next)(pthread_mutex_t *);
  if (next == NULL) next = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
  __atomic_fetch_add(&unlocks, 1, __ATOMIC_RELAXED);
  return next(mutex);
}

__attribute__((destructor)) static void tell(void) {
  say("preload_locks", locks);
  say("preload_tries", tries);
  say("preload_unlocks", unlocks);
  fflush(stdout);
}
