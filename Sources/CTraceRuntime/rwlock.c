// Reader/writer locks.
#include <errno.h>

#include "runtime.h"

enum {
  /// glibc sets this in a futex word on which a thread sleeps.
  FUTEX_USED = 2,
  // Its bits of __readers: a writer has it or is to have it, and the count of readers.
  WRITE_LOCKED = 2,
  READER_SHIFT = 3,
};

/// Whether a thread sleeps for this lock, or is to be woken. Read by one that holds it.
always_inline bool has_waiters(const pthread_rwlock_t *lock) {
  return ((lock->__data.__writers_futex | lock->__data.__wrphase_futex) & FUTEX_USED) != 0 ||
         lock->__data.__writers != 0;
}

struct deadline {
  bool is_set;
  bool has_clock;
  clockid_t clock;
  const struct timespec *time;
};
#define NO_DEADLINE ((struct deadline){0})

always_inline enum asking asking_until(struct deadline deadline) {
  return deadline.is_set ? TRIED : ASKED;
}

static int block(pthread_rwlock_t *lock, uint8_t operation, struct deadline deadline) {
  const struct timespec *time = deadline.time;
  if (operation == CTRACE_READ)
    return !deadline.is_set       ? real.pthread_rwlock_rdlock(lock)
           : !deadline.has_clock ? real.pthread_rwlock_timedrdlock(lock, time)
                                  : real.pthread_rwlock_clockrdlock(lock, deadline.clock, time);
  return !deadline.is_set       ? real.pthread_rwlock_wrlock(lock)
         : !deadline.has_clock ? real.pthread_rwlock_timedwrlock(lock, time)
                                : real.pthread_rwlock_clockwrlock(lock, deadline.clock, time);
}

always_inline int acquired(pthread_rwlock_t *lock, uint8_t operation, enum asking asking,
                           struct site site) {
  return note_hold((uintptr_t)lock, CTRACE_RWLOCK, asking,
                   operation == CTRACE_READ ? CTRACE_SHARED_HOLD : 0, site);
}

static noinline int lock_contended(pthread_rwlock_t *lock, uint8_t operation, struct site site,
                                   struct deadline deadline) {
  struct wait wait = {.is_timed = deadline.is_set};
  // Readers leave no name.
  uint32_t owner = (uint32_t)__atomic_load_n(&lock->__data.__cur_writer, __ATOMIC_RELAXED);
  wait_begin(&wait, (uintptr_t)lock, CTRACE_RWLOCK, operation, owner, 0, site);
  int result = block(lock, operation, deadline);
  wait_end(&wait, outcome_of(result));
  if (result == 0 && is_recording()) acquired(lock, operation, asking_until(deadline), site);
  return result;
}

/// See lock_wrapped in mutex.c.
static noinline int acquire_wrapped(pthread_rwlock_t *lock, uint8_t operation, struct site site,
                                    struct deadline deadline) {
  unsigned readers = __atomic_load_n(&lock->__data.__readers, __ATOMIC_RELAXED);
  if (readers & WRITE_LOCKED || (operation == CTRACE_WRITE && readers >> READER_SHIFT != 0))
    return lock_contended(lock, operation, site, deadline);
  int result = block(lock, operation, deadline);
  if (result == 0 && is_recording()) acquired(lock, operation, asking_until(deadline), site);
  return result;
}

always_inline int acquire(pthread_rwlock_t *lock, uint8_t operation, struct site site,
                          struct deadline deadline) {
  if (unlikely(!is_recording())) return block(lock, operation, deadline);
  if (unlikely(real.is_mutex_wrapped)) return acquire_wrapped(lock, operation, site, deadline);
  int result = operation == CTRACE_READ ? real.pthread_rwlock_tryrdlock(lock)
                                        : real.pthread_rwlock_trywrlock(lock);
  if (likely(result == 0)) return acquired(lock, operation, asking_until(deadline), site);
  return result == EBUSY ? lock_contended(lock, operation, site, deadline) : result;
}

exported int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
  return acquire(lock, CTRACE_READ, THIS_SITE, NO_DEADLINE);
}

exported int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
  return acquire(lock, CTRACE_WRITE, THIS_SITE, NO_DEADLINE);
}

exported int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict lock,
                                        const struct timespec *restrict time) {
  return acquire(lock, CTRACE_READ, THIS_SITE, (struct deadline){true, false, 0, time});
}

exported int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict lock,
                                        const struct timespec *restrict time) {
  return acquire(lock, CTRACE_WRITE, THIS_SITE, (struct deadline){true, false, 0, time});
}

exported int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict lock, clockid_t clock,
                                        const struct timespec *restrict time) {
  return acquire(lock, CTRACE_READ, THIS_SITE, (struct deadline){true, true, clock, time});
}

exported int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict lock, clockid_t clock,
                                        const struct timespec *restrict time) {
  return acquire(lock, CTRACE_WRITE, THIS_SITE, (struct deadline){true, true, clock, time});
}

exported int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock) {
  int result = real.pthread_rwlock_tryrdlock(lock);
  if (result == 0 && is_recording()) acquired(lock, CTRACE_READ, TRIED, THIS_SITE);
  return result;
}

exported int pthread_rwlock_trywrlock(pthread_rwlock_t *lock) {
  int result = real.pthread_rwlock_trywrlock(lock);
  if (result == 0 && is_recording()) acquired(lock, CTRACE_WRITE, TRIED, THIS_SITE);
  return result;
}

static noinline int unlock_contended(pthread_rwlock_t *lock, struct site site) {
  bool is_writer = lock->__data.__cur_writer != 0;
  uint64_t acquired = acquired_at((uintptr_t)lock), released = now();
  if (self.sampled == (uintptr_t)lock) end_sample();
  int result = real.pthread_rwlock_unlock(lock);
  // From here on the lock may be gone.
  if (result == 0)
    record_release((uintptr_t)lock, CTRACE_RWLOCK, is_writer ? CTRACE_WRITE : CTRACE_READ, acquired,
                   released, site);
  return result;
}

exported int pthread_rwlock_unlock(pthread_rwlock_t *lock) {
  if (unlikely(!is_recording())) return real.pthread_rwlock_unlock(lock);
  let_go((uintptr_t)lock);
  if (unlikely(has_waiters(lock))) return unlock_contended(lock, THIS_SITE);
  if (unlikely(self.sampled == (uintptr_t)lock)) sample_hold((uintptr_t)lock);
  int result = real.pthread_rwlock_unlock(lock);
  return unlikely(self.wait_ended) ? flush_wait(result) : result;
}

exported int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes) {
  int result = real.pthread_rwlock_init(lock, attributes);
  if (result == 0 && is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)lock, CTRACE_RWLOCK, 0, THIS_SITE);
  return result;
}

exported int pthread_rwlock_destroy(pthread_rwlock_t *lock) {
  int result = real.pthread_rwlock_destroy(lock);
  if (result == 0 && is_recording()) record_destroy((uintptr_t)lock, CTRACE_RWLOCK);
  return result;
}
