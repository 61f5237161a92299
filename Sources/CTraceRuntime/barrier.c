// Barriers and one-time initialisations: threads that wait for others to come or to finish.
#include "runtime.h"

exported int pthread_barrier_wait(pthread_barrier_t *barrier) {
  if (unlikely(!is_recording())) return real.pthread_barrier_wait(barrier);
  // The last to arrive does not wait, but when it came is what the others waited for.
  struct wait wait = {.is_always_recorded = true};
  wait_begin(&wait, (uintptr_t)barrier, CTRACE_BARRIER, CTRACE_ARRIVE, 0, 0, THIS_SITE);
  int result = real.pthread_barrier_wait(barrier);
  bool is_passed = result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD;
  wait_end(&wait, is_passed ? CTRACE_ACQUIRED : CTRACE_FAILED);
  if (is_passed && is_recording()) {
    note_acquire((uintptr_t)barrier, CTRACE_BARRIER, THIS_SITE);
    flush_wait();
  }
  return result;
}

exported int pthread_barrier_init(pthread_barrier_t *restrict barrier,
                                  const pthread_barrierattr_t *restrict attributes,
                                  unsigned count) {
  int result = real.pthread_barrier_init(barrier, attributes, count);
  if (result == 0 && is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)barrier, CTRACE_BARRIER, 0, THIS_SITE);
  return result;
}

exported int pthread_barrier_destroy(pthread_barrier_t *barrier) {
  int result = real.pthread_barrier_destroy(barrier);
  if (result == 0 && is_recording()) record_destroy((uintptr_t)barrier, CTRACE_BARRIER);
  return result;
}

enum {
  // glibc's states of a pthread_once_t, in its low bits.
  ONCE_IN_PROGRESS = 1,
  ONCE_DONE = 2,
};

always_inline int once(pthread_once_t *control, void (*routine)(void), struct site site) {
  int state = __atomic_load_n(control, __ATOMIC_ACQUIRE);
  if (likely(state & ONCE_DONE) || unlikely(!is_recording()))
    return real.pthread_once(control, routine);
  if (!(state & ONCE_IN_PROGRESS)) {
    note_acquire((uintptr_t)control, CTRACE_ONCE, site);
    return real.pthread_once(control, routine);
  }
  struct wait wait = {0};
  wait_begin(&wait, (uintptr_t)control, CTRACE_ONCE, CTRACE_CALL_ONCE, 0, 0, site);
  int result = real.pthread_once(control, routine);
  wait_end(&wait, outcome_of(result));
  return result;
}

exported int pthread_once(pthread_once_t *control, void (*routine)(void)) {
  return once(control, routine, THIS_SITE);
}

exported void call_once(once_flag *flag, void (*routine)(void)) {
  once((pthread_once_t *)flag, routine, THIS_SITE);
}
