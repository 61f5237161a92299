// Spinlocks. They keep neither an owner nor waiters, so waiters leave word here.
#include <errno.h>

#include "runtime.h"

/// Spinlocks that someone spins for, by hash. A lock that is pushed out by another costs the release
/// of one hold, not its waits.
static uintptr_t wanted[256];

static uintptr_t *wanted_place(pthread_spinlock_t *lock) {
  return &wanted[hash_address((uintptr_t)lock) >> 56];
}

static noinline int lock_contended(pthread_spinlock_t *lock, struct site site) {
  struct wait wait = {0};
  wait_begin(&wait, (uintptr_t)lock, CTRACE_SPINLOCK, CTRACE_LOCK, 0, 0, site);
  __atomic_store_n(wanted_place(lock), (uintptr_t)lock, __ATOMIC_RELAXED);
  int result = real.pthread_spin_lock(lock);
  wait_end(&wait, outcome_of(result));
  if (result == 0 && is_recording())
    note_hold((uintptr_t)lock, CTRACE_SPINLOCK, ASKED, 0, site);
  return result;
}

exported int pthread_spin_lock(pthread_spinlock_t *lock) {
  if (unlikely(!is_recording())) return real.pthread_spin_lock(lock);
  int result = real.pthread_spin_trylock(lock);
  if (unlikely(result == EBUSY)) return lock_contended(lock, THIS_SITE);
  if (likely(result == 0)) note_hold((uintptr_t)lock, CTRACE_SPINLOCK, ASKED, 0, THIS_SITE);
  return result;
}

exported int pthread_spin_trylock(pthread_spinlock_t *lock) {
  int result = real.pthread_spin_trylock(lock);
  if (result == 0 && is_recording())
    note_hold((uintptr_t)lock, CTRACE_SPINLOCK, TRIED, 0, THIS_SITE);
  return result;
}

static noinline int unlock_contended(pthread_spinlock_t *lock, struct site site) {
  uint64_t acquired = acquired_at((uintptr_t)lock), released = now();
  if (self.sampled == (uintptr_t)lock) end_sample();
  __atomic_store_n(wanted_place(lock), 0, __ATOMIC_RELAXED);
  int result = real.pthread_spin_unlock(lock);
  // A spin shorter than what is recorded one by one has no release worth recording either.
  if (acquired == 0 || released - acquired >= arena.minimum_wait)
    record_release((uintptr_t)lock, CTRACE_SPINLOCK, CTRACE_LOCK, acquired, released, site);
  else if (self.wait_ended)
    flush_wait(result);
  return result;
}

exported int pthread_spin_unlock(pthread_spinlock_t *lock) {
  if (unlikely(!is_recording())) return real.pthread_spin_unlock(lock);
  let_go((uintptr_t)lock);
  if (unlikely(__atomic_load_n(wanted_place(lock), __ATOMIC_RELAXED) == (uintptr_t)lock))
    return unlock_contended(lock, THIS_SITE);
  if (unlikely(self.sampled == (uintptr_t)lock)) sample_hold((uintptr_t)lock);
  int result = real.pthread_spin_unlock(lock);
  return unlikely(self.wait_ended) ? flush_wait(result) : result;
}

exported int pthread_spin_init(pthread_spinlock_t *lock, int shared) {
  int result = real.pthread_spin_init(lock, shared);
  if (result == 0 && is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)lock, CTRACE_SPINLOCK, 0, THIS_SITE);
  return result;
}

exported int pthread_spin_destroy(pthread_spinlock_t *lock) {
  int result = real.pthread_spin_destroy(lock);
  if (result == 0 && is_recording()) record_destroy((uintptr_t)lock, CTRACE_SPINLOCK);
  return result;
}
