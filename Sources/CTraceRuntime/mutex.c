// Mutexes, POSIX and C11.
//
// The uncontended path tries the lock instead of taking it: the answer tells for certain whether the
// lock was held, at the same price. Every result of a try except "busy" is what the lock itself
// would have returned.
#include <errno.h>

#include "interpreter.h"

enum {
  // glibc's bits of pthread_mutex_t.__data.__kind.
  KIND_ROBUST = 16,
  KIND_INHERIT = 32,
  // Bits of a futex word that holds its owner's thread id.
  WORD_WAITERS = 0x80000000,
};

/// Whether a thread sleeps in the kernel for this lock. Read by its owner.
static bool has_waiters(const pthread_mutex_t *mutex) {
  unsigned word = (unsigned)__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED);
  return mutex->__data.__kind & (KIND_ROBUST | KIND_INHERIT) ? (word & WORD_WAITERS) != 0
                                                             : word > 1;
}

/// A recursive mutex that its owner has locked again: no acquire, and its unlock no release.
always_inline bool is_nested(const pthread_mutex_t *mutex) {
  return unlikely(mutex->__data.__count > 1);
}

/// Returns 0.
always_inline int mutex_acquired(pthread_mutex_t *mutex, enum asking asking, struct site site) {
  return is_nested(mutex) ? 0 : note_hold((uintptr_t)mutex, CTRACE_MUTEX, asking, 0, site);
}

/// A robust mutex, got from a thread that ended with it: that one has it no longer.
static noinline void inherited(const pthread_mutex_t *mutex) {
  if (is_recording()) let_go((uintptr_t)mutex);
}

/// Before the unlock: then the mutex may be gone.
always_inline void mutex_released(const pthread_mutex_t *mutex) {
  if (!is_nested(mutex)) let_go((uintptr_t)mutex);
}

always_inline enum asking asking_until(const struct timespec *time) {
  return time == NULL ? ASKED : TRIED;
}

always_inline int block(pthread_mutex_t *mutex, const clockid_t *clock,
                        const struct timespec *time) {
  return time == NULL    ? real.pthread_mutex_lock(mutex)
         : clock == NULL ? real.pthread_mutex_timedlock(mutex, time)
                         : real.pthread_mutex_clocklock(mutex, *clock, time);
}

static noinline int lock_contended(pthread_mutex_t *mutex, struct site site, const clockid_t *clock,
                                   const struct timespec *time) {
  struct wait wait = {.is_timed = time != NULL};
  uint32_t owner = (uint32_t)__atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
  wait_begin(&wait, (uintptr_t)mutex, CTRACE_MUTEX, CTRACE_LOCK, owner, 0, site);
  int result = block(mutex, clock, time);
  wait_end(&wait, outcome_of(result));
  if (result == EOWNERDEAD) inherited(mutex);
  if (outcome_of(result) == CTRACE_ACQUIRED && is_recording())
    mutex_acquired(mutex, asking_until(time), site);
  return result;
}

/// A library between us and libc wants to see a lock where the program locks: a sanitizer's search
/// for inversions knows no tries. A look at the mutex tells, nearly always, whether it is held.
static noinline int lock_wrapped(pthread_mutex_t *mutex, struct site site, const clockid_t *clock,
                                 const struct timespec *time) {
  if (__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) != 0 &&
      __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED) != self.slot->tid)
    return lock_contended(mutex, site, clock, time);
  int result = block(mutex, clock, time);
  if (result == EOWNERDEAD) inherited(mutex);
  if (outcome_of(result) == CTRACE_ACQUIRED && is_recording())
    mutex_acquired(mutex, asking_until(time), site);
  return result;
}

always_inline int lock(pthread_mutex_t *mutex, struct site site, const clockid_t *clock,
                       const struct timespec *time) {
  if (unlikely(real.is_mutex_wrapped)) return lock_wrapped(mutex, site, clock, time);
  int result = real.pthread_mutex_trylock(mutex);
  if (likely(result == 0)) return mutex_acquired(mutex, asking_until(time), site);
  if (result == EBUSY) return lock_contended(mutex, site, clock, time);
  if (result == EOWNERDEAD) {
    inherited(mutex);
    mutex_acquired(mutex, asking_until(time), site);
  }
  return result;
}

always_inline int try_lock(pthread_mutex_t *mutex, struct site site) {
  int result = real.pthread_mutex_trylock(mutex);
  if (result == EOWNERDEAD) inherited(mutex);
  if ((result == 0 || result == EOWNERDEAD) && is_recording()) mutex_acquired(mutex, TRIED, site);
  return result;
}

static noinline int unlock_contended(pthread_mutex_t *mutex, struct site site) {
  uint64_t acquired = acquired_at((uintptr_t)mutex), released = now();
  if (self.sampled == (uintptr_t)mutex) end_sample();
  int result = real.pthread_mutex_unlock(mutex);
  // From here on the mutex may be gone.
  if (result == 0)
    record_release((uintptr_t)mutex, CTRACE_MUTEX, CTRACE_LOCK, acquired, released, site);
  return result;
}

/// Measures a hold that nobody waits for, and writes down the wait that came before it.
static noinline int unlock_sampled(pthread_mutex_t *mutex) {
  if (self.sampled == (uintptr_t)mutex && !is_nested(mutex)) sample_hold((uintptr_t)mutex);
  int result = real.pthread_mutex_unlock(mutex);
  return self.wait_ended ? flush_wait(result) : result;
}

always_inline int unlock(pthread_mutex_t *mutex, struct site site) {
  mutex_released(mutex);
  if (unlikely((unsigned)__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) > 1) &&
      has_waiters(mutex) && !is_nested(mutex))
    return unlock_contended(mutex, site);
  if (unlikely(self.sampled == (uintptr_t)mutex) || unlikely(self.wait_ended))
    return unlock_sampled(mutex);
  return real.pthread_mutex_unlock(mutex);
}

// Those of the interpreter's own state are parts of its lock, and recorded as that: see gil.c.

exported int pthread_mutex_lock(pthread_mutex_t *mutex) {
  if (unlikely(!is_recording()) || is_interpreters(mutex)) return real.pthread_mutex_lock(mutex);
  return lock(mutex, THIS_SITE, NULL, NULL);
}

exported int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time) {
  if (unlikely(!is_recording())) return real.pthread_mutex_timedlock(mutex, time);
  return lock(mutex, THIS_SITE, NULL, time);
}

exported int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                     const struct timespec *time) {
  if (unlikely(!is_recording())) return real.pthread_mutex_clocklock(mutex, clock, time);
  return lock(mutex, THIS_SITE, &clock, time);
}

exported int pthread_mutex_trylock(pthread_mutex_t *mutex) { return try_lock(mutex, THIS_SITE); }

exported int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  if (is_interpreters(mutex)) return interpreter_unlock(mutex);
  if (unlikely(!is_recording())) return real.pthread_mutex_unlock(mutex);
  return unlock(mutex, THIS_SITE);
}

exported int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  int result = real.pthread_mutex_init(mutex, attributes);
  if (result == 0 && !is_interpreters(mutex) && is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)mutex, CTRACE_MUTEX, 0, THIS_SITE);
  return result;
}

exported int pthread_mutex_destroy(pthread_mutex_t *mutex) {
  int result = real.pthread_mutex_destroy(mutex);
  if (result == 0 && !is_interpreters(mutex) && is_recording())
    record_destroy((uintptr_t)mutex, CTRACE_MUTEX);
  return result;
}

// glibc's C11 mutexes are its POSIX ones; only the results differ.

static int c11_result(int result) {
  switch (result) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    case EBUSY: return thrd_busy;
    default: return thrd_error;
  }
}

exported int mtx_init(mtx_t *mutex, int type) {
  int result = real.mtx_init(mutex, type);
  if (result == thrd_success && is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)mutex, CTRACE_MUTEX, 0, THIS_SITE);
  return result;
}

exported void mtx_destroy(mtx_t *mutex) {
  if (real.pthread_mutex_destroy((pthread_mutex_t *)mutex) == 0 && is_recording())
    record_destroy((uintptr_t)mutex, CTRACE_MUTEX);
}

exported int mtx_lock(mtx_t *mutex) {
  if (unlikely(!is_recording())) return c11_result(real.pthread_mutex_lock((void *)mutex));
  return c11_result(lock((pthread_mutex_t *)mutex, THIS_SITE, NULL, NULL));
}

exported int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict time) {
  if (unlikely(!is_recording()))
    return c11_result(real.pthread_mutex_timedlock((void *)mutex, time));
  return c11_result(lock((pthread_mutex_t *)mutex, THIS_SITE, NULL, time));
}

exported int mtx_trylock(mtx_t *mutex) {
  return c11_result(try_lock((pthread_mutex_t *)mutex, THIS_SITE));
}

exported int mtx_unlock(mtx_t *mutex) {
  if (unlikely(!is_recording())) return c11_result(real.pthread_mutex_unlock((void *)mutex));
  return c11_result(unlock((pthread_mutex_t *)mutex, THIS_SITE));
}
