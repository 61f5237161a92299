// Semaphores: waits for them, and their value as the depth of what they guard.
#include <errno.h>
#include <stdarg.h>

#include "python_locks.h"

/// The value in glibc's sem_t: the lower half of one word. It may change at any moment.
always_inline uint32_t value_of(const sem_t *semaphore) {
  return (uint32_t)__atomic_load_n((const uint64_t *)semaphore, __ATOMIC_RELAXED);
}

always_inline void taken(sem_t *semaphore, struct site site) {
  note_acquire((uintptr_t)semaphore, CTRACE_SEMAPHORE, site);
  record_value((uintptr_t)semaphore, CTRACE_WAIT, value_of(semaphore), now());
}

static uint8_t outcome(int result) {
  return result == 0 ? CTRACE_ACQUIRED : errno == ETIMEDOUT ? CTRACE_TIMED_OUT : CTRACE_FAILED;
}

/// sem_wait with or without a deadline: tries first, as a mutex does. A cancelled wait ends too.
#define SEMAPHORE_WAIT(semaphore, call)                                              \
  do {                                                                               \
    if (unlikely(!is_recording())) return call;                                      \
    if (is_from_interpreter(THIS_SITE)) PYTHON_LOCK_WAIT(semaphore, call, THIS_SITE); \
    int saved_errno = errno;                                                         \
    int result = real.sem_trywait(semaphore);                                        \
    if (result != 0 && errno == EAGAIN) {                                            \
      errno = saved_errno;                                                           \
      __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                 \
      wait_begin(&wait, (uintptr_t)semaphore, CTRACE_SEMAPHORE, CTRACE_WAIT, 0, 0,   \
                 THIS_SITE);                                                         \
      result = call;                                                                 \
      wait_end(&wait, outcome(result));                                              \
    }                                                                                \
    if (result == 0 && is_recording()) taken(semaphore, THIS_SITE);                  \
    return result;                                                                   \
  } while (0)

exported int sem_wait(sem_t *semaphore) {
  SEMAPHORE_WAIT(semaphore, real.sem_wait(semaphore));
}

exported int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict time) {
  SEMAPHORE_WAIT(semaphore, real.sem_timedwait(semaphore, time));
}

exported int sem_clockwait(sem_t *restrict semaphore, clockid_t clock,
                           const struct timespec *restrict time) {
  SEMAPHORE_WAIT(semaphore, real.sem_clockwait(semaphore, clock, time));
}

exported int sem_trywait(sem_t *semaphore) {
  int result = real.sem_trywait(semaphore);
  if (result != 0 || !is_recording()) return result;
  if (is_from_interpreter(THIS_SITE)) return python_lock_acquired(semaphore);
  taken(semaphore, THIS_SITE);
  return result;
}

exported int sem_post(sem_t *semaphore) {
  if (is_from_interpreter(THIS_SITE)) return python_lock_release(semaphore, THIS_SITE);
  // Before the post: a woken thread may destroy the semaphore at once.
  uint32_t value = value_of(semaphore) + 1;
  // And stamped before it: the thread that it wakes may have taken and stamped its turn before us.
  uint64_t time = arena.base != NULL ? now() : 0;
  int result = real.sem_post(semaphore);
  if (result == 0 && is_recording()) {
    note_wake((uintptr_t)semaphore, CTRACE_SEMAPHORE, THIS_SITE);
    record_value((uintptr_t)semaphore, CTRACE_POST, value, time);
  }
  return result;
}

static void opened(sem_t *semaphore, struct site site) {
  if (!is_recording()) return;
  record_lock(CTRACE_RECORD_INIT, (uintptr_t)semaphore, CTRACE_SEMAPHORE, 0, site);
  record_value((uintptr_t)semaphore, 0, value_of(semaphore), now());
}

exported int sem_init(sem_t *semaphore, int shared, unsigned value) {
  int result = real.sem_init(semaphore, shared, value);
  if (result != 0) return result;
  if (is_from_interpreter(THIS_SITE))
    python_lock_made(semaphore, value, THIS_SITE);
  else
    opened(semaphore, THIS_SITE);
  return result;
}

exported sem_t *sem_open(const char *name, int flags, ...) {
  va_list list;
  va_start(list, flags);
  // Absent arguments are read as whatever is there, and passed on to be ignored.
  mode_t mode = va_arg(list, mode_t);
  unsigned value = va_arg(list, unsigned);
  va_end(list);
  sem_t *semaphore = real.sem_open(name, flags, mode, value);
  if (semaphore != SEM_FAILED) opened(semaphore, THIS_SITE);
  return semaphore;
}

exported int sem_destroy(sem_t *semaphore) {
  int result = real.sem_destroy(semaphore);
  if (is_from_interpreter(THIS_SITE))
    python_lock_gone(semaphore);
  else if (result == 0 && is_recording()) record_destroy((uintptr_t)semaphore, CTRACE_SEMAPHORE);
  return result;
}

exported int sem_close(sem_t *semaphore) {
  int result = real.sem_close(semaphore);
  if (result == 0 && is_recording()) record_destroy((uintptr_t)semaphore, CTRACE_SEMAPHORE);
  return result;
}
