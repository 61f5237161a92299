// Condition variables, POSIX and C11.
//
// A wait for a condition is no contention: it is recorded as a wait of its own, and the mutex that
// libc releases and takes back inside it as a hold that ends and another that begins.
#include <errno.h>

#include "interpreter.h"

/// Whether a thread waits, so that a signal does something. glibc counts them from bit 3 upwards.
always_inline bool has_waiters(const pthread_cond_t *condition) {
  return __atomic_load_n(&condition->__data.__wrefs, __ATOMIC_RELAXED) >> 3 != 0;
}

/// When conditions were last woken while nobody waited for them, by hash: a thread that had the mutex then,
/// and was about to wait, has missed it.
static struct unheard_wake {
  uintptr_t condition;
  uint64_t time;
} unheard_wakes[256];

always_inline struct unheard_wake *unheard_wake_of(const void *condition) {
  return &unheard_wakes[hash_address((uintptr_t)condition) >> 56];
}

struct condition_wait {
  struct wait wait;
  const void *condition;
  pthread_mutex_t *mutex;
  /// When the thread got the mutex.
  uint64_t acquired;
  struct site site;
};

static void begin(struct condition_wait *wait, const void *condition, pthread_mutex_t *mutex,
                  struct site site) {
  wait->condition = condition;
  wait->mutex = mutex;
  wait->site = site;
  if (is_recording()) {
    wait->acquired = acquired_at((uintptr_t)mutex);
    if (__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) > 1)
      record_release((uintptr_t)mutex, CTRACE_MUTEX, CTRACE_WAIT, wait->acquired, now(), site);
    if (self.sampled == (uintptr_t)mutex) end_sample();
  }
  wait_begin(&wait->wait, (uintptr_t)condition, CTRACE_CONDITION, CTRACE_WAIT, 0,
             (uintptr_t)mutex, site);
}

/// Whether the condition was woken while the thread had the mutex, and had not begun to wait: had who woke
/// it locked the mutex, it could not have come in between.
static bool has_missed_wake(const struct condition_wait *wait) {
  const struct unheard_wake *wake = unheard_wake_of(wait->condition);
  uint64_t time = __atomic_load_n(&wake->time, __ATOMIC_RELAXED);
  return __atomic_load_n(&wake->condition, __ATOMIC_RELAXED) == (uintptr_t)wait->condition &&
         wait->acquired != 0 && time > wait->acquired && time < wait_start(&wait->wait);
}

static void end(struct condition_wait *wait, uint8_t outcome) {
  bool is_recorded = wait->wait.is_recorded;
  if (outcome == CTRACE_TIMED_OUT && is_recorded && has_missed_wake(wait))
    outcome = CTRACE_MISSED;
  wait_end(&wait->wait, outcome);
  if (is_recorded && is_recording())
    note_reacquire((uintptr_t)wait->mutex, CTRACE_MUTEX, wait->site);
}

/// A cancelled thread has the mutex again when its cleanup handlers run.
static void cleanup(struct condition_wait *wait) {
  if (wait->wait.is_recorded) end(wait, CTRACE_CANCELLED);
}

#define CONDITION_WAIT(condition, mutex, call)                              \
  do {                                                                      \
    __attribute__((cleanup(cleanup))) struct condition_wait wait = {0};     \
    begin(&wait, (condition), (mutex), THIS_SITE);                          \
    int result = call;                                                      \
    end(&wait, outcome_of(result));                                         \
    return result;                                                          \
  } while (0)

always_inline void wake(pthread_cond_t *condition, uint8_t operation, struct site site) {
  if (!is_recording()) return;
  note_wake((uintptr_t)condition, CTRACE_CONDITION, site);
  if (has_waiters(condition)) {
    record_lock(CTRACE_RECORD_SIGNAL, (uintptr_t)condition, CTRACE_CONDITION, operation, site);
    return;
  }
  struct unheard_wake *wake = unheard_wake_of(condition);
  __atomic_store_n(&wake->condition, (uintptr_t)condition, __ATOMIC_RELAXED);
  __atomic_store_n(&wake->time, now(), __ATOMIC_RELAXED);
}

static void initialised(pthread_cond_t *condition, int result, struct site site) {
  if (is_interpreters(condition))
    interpreter_condition_made(condition);
  else if (result == 0 && is_recording())
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)condition, CTRACE_CONDITION, 0, site);
}

static void destroyed(pthread_cond_t *condition, int result) {
  if (result == 0 && !is_interpreters(condition) && is_recording())
    record_destroy((uintptr_t)condition, CTRACE_CONDITION);
}

#ifdef __x86_64__
// Two versions of each: a condition of a program linked before glibc 2.3.2 is another thing.
#define CURRENT(name) name##_current
#define VERSIONS(name)                                            \
  __asm__(".symver " #name "_current, " #name "@@GLIBC_2.3.2"); \
  __asm__(".symver " #name "_old, " #name "@GLIBC_2.2.5");
VERSIONS(pthread_cond_init)
VERSIONS(pthread_cond_destroy)
VERSIONS(pthread_cond_wait)
VERSIONS(pthread_cond_timedwait)
VERSIONS(pthread_cond_signal)
VERSIONS(pthread_cond_broadcast)

exported int pthread_cond_init_old(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
  int result = real.old_cond_init(condition, attributes);
  initialised(condition, result, THIS_SITE);
  return result;
}

exported int pthread_cond_destroy_old(pthread_cond_t *condition) {
  int result = real.old_cond_destroy(condition);
  destroyed(condition, result);
  return result;
}

exported int pthread_cond_wait_old(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  CONDITION_WAIT(condition, mutex, real.old_cond_wait(condition, mutex));
}

exported int pthread_cond_timedwait_old(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                        const struct timespec *time) {
  CONDITION_WAIT(condition, mutex, real.old_cond_timedwait(condition, mutex, time));
}

/// The old condition does not show its waiters: every wake is recorded.
static void wake_old(pthread_cond_t *condition, uint8_t operation, struct site site) {
  if (!is_recording()) return;
  note_wake((uintptr_t)condition, CTRACE_CONDITION, site);
  record_lock(CTRACE_RECORD_SIGNAL, (uintptr_t)condition, CTRACE_CONDITION, operation, site);
}

exported int pthread_cond_signal_old(pthread_cond_t *condition) {
  wake_old(condition, CTRACE_SIGNAL, THIS_SITE);
  return real.old_cond_signal(condition);
}

exported int pthread_cond_broadcast_old(pthread_cond_t *condition) {
  wake_old(condition, CTRACE_BROADCAST, THIS_SITE);
  return real.old_cond_broadcast(condition);
}
#else
#define CURRENT(name) name
#endif

exported int CURRENT(pthread_cond_init)(pthread_cond_t *condition,
                                        const pthread_condattr_t *attributes) {
  int result = real.pthread_cond_init(condition, attributes);
  initialised(condition, result, THIS_SITE);
  return result;
}

exported int CURRENT(pthread_cond_destroy)(pthread_cond_t *condition) {
  int result = real.pthread_cond_destroy(condition);
  destroyed(condition, result);
  return result;
}

exported int CURRENT(pthread_cond_wait)(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  if (is_interpreters(condition)) return real.pthread_cond_wait(condition, mutex);
  CONDITION_WAIT(condition, mutex, real.pthread_cond_wait(condition, mutex));
}

exported int CURRENT(pthread_cond_timedwait)(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                             const struct timespec *time) {
  if (is_interpreters(condition)) return interpreter_timedwait(condition, mutex, time);
  CONDITION_WAIT(condition, mutex, real.pthread_cond_timedwait(condition, mutex, time));
}

exported int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                    clockid_t clock, const struct timespec *time) {
  CONDITION_WAIT(condition, mutex, real.pthread_cond_clockwait(condition, mutex, clock, time));
}

exported int CURRENT(pthread_cond_signal)(pthread_cond_t *condition) {
  if (is_interpreters(condition)) return interpreter_signal(condition);
  wake(condition, CTRACE_SIGNAL, THIS_SITE);
  return real.pthread_cond_signal(condition);
}

exported int CURRENT(pthread_cond_broadcast)(pthread_cond_t *condition) {
  wake(condition, CTRACE_BROADCAST, THIS_SITE);
  return real.pthread_cond_broadcast(condition);
}

// glibc's C11 conditions are its POSIX ones.

static int c11_result(int result) {
  return result == 0           ? thrd_success
         : result == ETIMEDOUT ? thrd_timedout
         : result == ENOMEM    ? thrd_nomem
                               : thrd_error;
}

exported int cnd_init(cnd_t *condition) {
  int result = real.pthread_cond_init((pthread_cond_t *)condition, NULL);
  initialised((pthread_cond_t *)condition, result, THIS_SITE);
  return c11_result(result);
}

exported void cnd_destroy(cnd_t *condition) {
  destroyed((pthread_cond_t *)condition, real.pthread_cond_destroy((pthread_cond_t *)condition));
}

exported int cnd_wait(cnd_t *condition, mtx_t *mutex) {
  CONDITION_WAIT(
      condition, (pthread_mutex_t *)mutex,
      c11_result(real.pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex)));
}

exported int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                           const struct timespec *restrict time) {
  __attribute__((cleanup(cleanup))) struct condition_wait wait = {0};
  begin(&wait, condition, (pthread_mutex_t *)mutex, THIS_SITE);
  int result = real.pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex,
                                           time);
  end(&wait, outcome_of(result));
  return c11_result(result);
}

exported int cnd_signal(cnd_t *condition) {
  wake((pthread_cond_t *)condition, CTRACE_SIGNAL, THIS_SITE);
  return c11_result(real.pthread_cond_signal((pthread_cond_t *)condition));
}

exported int cnd_broadcast(cnd_t *condition) {
  wake((pthread_cond_t *)condition, CTRACE_BROADCAST, THIS_SITE);
  return c11_result(real.pthread_cond_broadcast((pthread_cond_t *)condition));
}
