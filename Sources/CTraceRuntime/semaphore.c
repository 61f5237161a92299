// Semaphores: waits for them, and their value as the depth of what they guard.
#include <errno.h>
#include <stdarg.h>

#include "multiprocessing.h"
#include "python_locks.h"

/// The lock that a semaphore is which processes share.
static uint64_t shared_lock(const struct shared_semaphore *shared) {
  return shared_key(CTRACE_SEMAPHORE, shared->number);
}

static noinline void shared_taken(sem_t *semaphore, struct shared_semaphore *shared,
                                  struct site site) {
  if (is_part(shared)) {
    part_taken(shared);
    return;
  }
  enter();
  note_acquire_slowly(shared_lock(shared), CTRACE_SEMAPHORE, site.address);
  record_value(shared_lock(shared), CTRACE_WAIT, semaphore_value(semaphore), now());
}

always_inline void taken(sem_t *semaphore, struct site site) {
  struct shared_semaphore *shared = shared_semaphore(semaphore);
  if (unlikely(shared != NULL)) {
    shared_taken(semaphore, shared, site);
    return;
  }
  note_acquire((uintptr_t)semaphore, CTRACE_SEMAPHORE, site);
  record_value((uintptr_t)semaphore, CTRACE_WAIT, semaphore_value(semaphore), now());
}

static void begin_wait(struct wait *wait, sem_t *semaphore, struct site site) {
  struct shared_semaphore *shared = shared_semaphore(semaphore);
  if (shared == NULL)
    wait_begin(wait, (uintptr_t)semaphore, CTRACE_SEMAPHORE, CTRACE_WAIT, 0, 0, site);
  else if (is_part(shared))
    part_wait_begin(wait, shared);
  else
    wait_begin(wait, shared_lock(shared), CTRACE_SEMAPHORE, CTRACE_WAIT, 0, 0,
               shared->role == CTRACE_SEMAPHORE_ITSELF ? PYTHON_SITE : site);
}

/// Whether a semaphore is a lock of the interpreter's own.
#define IS_PYTHON_LOCK(semaphore) \
  (is_from_interpreter(THIS_SITE) && shared_semaphore(semaphore) == NULL)

static uint8_t outcome(int result) {
  return result == 0 ? CTRACE_ACQUIRED : errno == ETIMEDOUT ? CTRACE_TIMED_OUT : CTRACE_FAILED;
}

/// sem_wait with or without a deadline: tries first, as a mutex does. A cancelled wait ends too.
#define SEMAPHORE_WAIT(semaphore, call)                                              \
  do {                                                                               \
    if (unlikely(!is_recording())) return call;                                      \
    if (IS_PYTHON_LOCK(semaphore)) PYTHON_LOCK_WAIT(semaphore, call, THIS_SITE);     \
    int saved_errno = errno;                                                         \
    int result = real.sem_trywait(semaphore);                                        \
    if (result != 0 && errno == EAGAIN) {                                            \
      errno = saved_errno;                                                           \
      __attribute__((cleanup(wait_cleanup))) struct wait wait = {0};                 \
      begin_wait(&wait, semaphore, THIS_SITE);                                       \
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
  if (IS_PYTHON_LOCK(semaphore)) return python_lock_acquired(semaphore);
  taken(semaphore, THIS_SITE);
  return result;
}

exported int sem_post(sem_t *semaphore) {
  struct shared_semaphore *shared = shared_semaphore(semaphore);
  if (shared == NULL && is_from_interpreter(THIS_SITE))
    return python_lock_release(semaphore);
  if (unlikely(shared != NULL) && is_recording() && is_part(shared))
    return part_post(semaphore, shared);
  // Before the post: a woken thread may destroy the semaphore at once.
  uint32_t value = semaphore_value(semaphore) + 1;
  uint64_t lock = shared == NULL ? (uintptr_t)semaphore : shared_lock(shared);
  // And stamped before it: the thread that it wakes may have taken and stamped its turn before us.
  uint64_t time = arena.base != NULL ? now() : 0;
  int result = real.sem_post(semaphore);
  if (result == 0 && is_recording()) {
    note_wake(lock, CTRACE_SEMAPHORE, THIS_SITE);
    record_value(lock, CTRACE_POST, value, time);
  }
  return result;
}

static void made(sem_t *semaphore, struct site site) {
  const struct shared_semaphore *shared = shared_semaphore(semaphore);
  uint64_t lock = shared == NULL ? (uintptr_t)semaphore : shared_lock(shared);
  record_lock(CTRACE_RECORD_INIT, lock, CTRACE_SEMAPHORE, 0, site);
  record_value(lock, 0, semaphore_value(semaphore), now());
}

static void opened(sem_t *semaphore, const char *name, struct site site) {
  if (!is_recording()) return;
  named_semaphore_opened(semaphore, name);
  // What multiprocessing makes of one it tells next, and its names say nothing.
  if (object_in_use().inner_role != CTRACE_ROLE_NONE) return;
  made(semaphore, site);
  const struct shared_semaphore *shared = shared_semaphore(semaphore);
  if (shared != NULL) record_name(shared_lock(shared), CTRACE_SEMAPHORE, 0, name);
}

exported int sem_init(sem_t *semaphore, int shared, unsigned value) {
  int result = real.sem_init(semaphore, shared, value);
  if (result != 0) return result;
  if (is_from_interpreter(THIS_SITE)) {
    python_lock_made(semaphore, value);
    interpreter_turn();
  } else if (is_recording()) {
    if (shared)
      unnamed_semaphore_made(semaphore);
    else
      shared_semaphore_gone(semaphore);
    made(semaphore, THIS_SITE);
  }
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
  if (semaphore != SEM_FAILED) opened(semaphore, name, THIS_SITE);
  return semaphore;
}

exported int sem_destroy(sem_t *semaphore) {
  int result = real.sem_destroy(semaphore);
  if (is_from_interpreter(THIS_SITE)) {
    python_lock_gone(semaphore);
    interpreter_turn();
  } else if (result == 0 && shared_semaphore(semaphore) != NULL) {
    shared_semaphore_gone(semaphore);
  } else if (result == 0 && is_recording()) {
    record_destroy((uintptr_t)semaphore, CTRACE_SEMAPHORE);
  }
  return result;
}

exported int sem_close(sem_t *semaphore) {
  // Before it is: what is opened next may come to live at its place.
  shared_semaphore_gone(semaphore);
  return real.sem_close(semaphore);
}
