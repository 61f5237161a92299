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
    flush_wait(0);
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

/// glibc's state of a pthread_once_t whose routine has run.
enum { ONCE_DONE = 2 };

/// A call that may run the routine, or wait for another that does.
struct once_call {
  void (*routine)(void);
  uintptr_t control;
  struct site site;
  struct wait wait;
  /// The call around this one: routines call once in turn.
  struct once_call *outer;
};
static __thread struct once_call *innermost_once __attribute__((tls_model("initial-exec")));

/// Runs in the thread that others wait for: its call was no wait.
static void run_routine(void) {
  struct once_call *call = innermost_once;
  wait_abandon(&call->wait);
  if (is_recording()) note_acquire(call->control, CTRACE_ONCE, call->site);
  call->routine();
}

/// A routine may leave by an exception, or be cancelled.
static void end_once(struct once_call *call) {
  innermost_once = call->outer;
  wait_cleanup(&call->wait);
}

always_inline int once(pthread_once_t *control, void (*routine)(void), struct site site) {
  if (likely(__atomic_load_n(control, __ATOMIC_ACQUIRE) & ONCE_DONE) || unlikely(!is_recording()))
    return real.pthread_once(control, routine);
  __attribute__((cleanup(end_once))) struct once_call call = {
      .routine = routine, .control = (uintptr_t)control, .site = site, .outer = innermost_once};
  innermost_once = &call;
  wait_begin(&call.wait, call.control, CTRACE_ONCE, CTRACE_CALL_ONCE, 0, 0, site);
  int result = real.pthread_once(control, run_routine);
  wait_end(&call.wait, outcome_of(result));
  return result;
}

exported int pthread_once(pthread_once_t *control, void (*routine)(void)) {
  return once(control, routine, THIS_SITE);
}

exported void call_once(once_flag *flag, void (*routine)(void)) {
  once((pthread_once_t *)flag, routine, THIS_SITE);
}
