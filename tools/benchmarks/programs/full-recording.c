// A stand-in for tracers that record every lock and every unlock: a library to preload.
//
// It does the least that such a tracer can do: one clock_gettime and one record of 32 bytes per call,
// in memory of the thread's own that nobody reads. mutrace, which also looks the mutex up in a table
// under a lock of its own, and LTTng, which commits to a shared buffer, cost more.
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { RECORDS = 1 << 14 };

struct record {
  uint64_t time;
  uint64_t kind;
  const void *lock;
  const void *site;
};

static __thread struct record *ring __attribute__((tls_model("initial-exec")));
static __thread uint64_t head __attribute__((tls_model("initial-exec")));
static int (*real_lock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);

__attribute__((constructor)) static void resolve(void) {
  real_lock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
  real_unlock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_unlock");
}

static void write_record(uint64_t kind, const void *lock, const void *site) {
  if (ring == NULL) ring = calloc(RECORDS, sizeof *ring);
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  uint64_t nanoseconds = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
  ring[head & (RECORDS - 1)] = (struct record){nanoseconds, kind, lock, site};
  __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
  if (real_lock == NULL) resolve();
  int result = real_lock(mutex);
  write_record(1, mutex, __builtin_return_address(0));
  return result;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  if (real_unlock == NULL) resolve();
  write_record(2, mutex, __builtin_return_address(0));
  return real_unlock(mutex);
}
