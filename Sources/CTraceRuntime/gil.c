// The global interpreter lock of CPython.
//
// It is a flag, a mutex and two conditions in the interpreter's state, all of them reached through libc,
// so that what the interpreter does with them tells it all: a thread that waits for the first condition
// wants the lock; one that signals the second has just taken it; one that signals the first has just
// dropped it. No layout and no version is needed for that.
#include <errno.h>

#include "interpreter.h"

static struct {
  uintptr_t condition;
  uintptr_t switch_condition;
  /// Who has it.
  int32_t holder;
  /// The process these numbers are of.
  uint32_t process;
  uint32_t waiters;
} gil;

void interpreter_condition_made(const void *condition) {
  // Made anew in a forked child, in the same places.
  if (gil.condition == 0)
    gil.condition = (uintptr_t)condition;
  else if (gil.switch_condition == 0 && (uintptr_t)condition != gil.condition)
    gil.switch_condition = (uintptr_t)condition;
}

static void name_gil(void) { record_name(gil.condition, CTRACE_GIL, 0, "GIL"); }

/// A forked child has none of its parent's other threads.
static void check_process(void) {
  if (likely(gil.process == this_process.live)) return;
  gil.process = this_process.live;
  gil.waiters = 0;
  gil.holder = 0;
}

// MARK: Waits

static void begin_wait(void) {
  if (!is_recording() || self.gil_wait.is_recorded) return;
  check_process();
  __atomic_fetch_add(&gil.waiters, 1, __ATOMIC_RELAXED);
  wait_begin(&self.gil_wait, gil.condition, CTRACE_GIL, CTRACE_LOCK,
             (uint32_t)__atomic_load_n(&gil.holder, __ATOMIC_RELAXED), 0, PYTHON_SITE);
}

static void end_wait(uint8_t outcome) {
  if (!self.gil_wait.is_recorded) return;
  wait_end(&self.gil_wait, outcome);
  __atomic_fetch_sub(&gil.waiters, 1, __ATOMIC_RELAXED);
}

void abandon_gil(void) { end_wait(CTRACE_CANCELLED); }

// MARK: Calls

/// Stands for all calls of C in which threads had not the lock.
static const char calls;

/// A call of C that took its time, and nothing of which is recorded by itself: a sleep, a request, a long
/// computation. Only now may be asked where in Python it was made, and it is the same place still.
static noinline void record_call(uint64_t start, uint64_t end) {
  record_name((uintptr_t)&calls, CTRACE_CALL, 0, "calls without the GIL");
  enter();
  struct ctrace_record_task *record;
  // A wait for the lock that goes on began at the same place.
  uint8_t stack = self.gil_wait.is_recorded          ? self.slot->pending.stack
                  : self.slot->pending.state == 1 ? 0
                                                  : capture_stack(PYTHON_SITE);
  if ((record = reserve_record(CTRACE_RECORD_TASK_WAIT, sizeof *record / 8, end)) != NULL) {
    record->head.lock_kind = CTRACE_CALL;
    record->head.operation = CTRACE_WAIT;
    record->head.stack = stack;
    record->start = start;
    record->key = any_key((uintptr_t)&calls);
    commit_record(record);
  }
  leave();
}

/// Looks at what the thread did since it dropped the lock, up to now or to its wait for it.
always_inline void end_call(uint64_t end) {
  uint64_t start = self.gil_free_since;
  bool has_waited = self.gil_wait.is_recorded;
  if (has_waited) end = wait_start(&self.gil_wait);
  // A window of values is 2.5 ms.
  if (start != 0 && end > start && unlikely(end - start > arena.control->value_window / 2) &&
      self.waits == self.waits_at_drop + has_waited)
    record_call(start, end);
}

// MARK: Holds

static void taken(void) {
  self.holds_gil = true;
  if (!is_recording()) return;
  check_process();
  uint64_t time = now();
  end_call(time);
  end_wait(CTRACE_ACQUIRED);
  __atomic_store_n(&gil.holder, self.slot->tid, __ATOMIC_RELAXED);
  self.gil_key = any_key(gil.condition);
  enter();
  struct ctrace_use *use = use_of(gil.condition, CTRACE_GIL, gil.condition);
  use->counts += ONE_ACQUISITION;
  use->acquired = time;
  self.slot->interpreter = self.gil_key;
  leave();
  if (unlikely(!is_named(self.gil_key))) name_gil();
}

/// The use that has the hold which ends.
always_inline struct ctrace_use *use_of_hold(void) {
  struct ctrace_use *use = NULL;
  if (unlikely(self.gil_key != any_key(gil.condition)) && self.gil_key != 0)
    use = find_anywhere(self.gil_key, hash_address(gil.condition));
  return use != NULL ? use : use_of(gil.condition, CTRACE_GIL, gil.condition);
}

/// Ends the hold: one that others wait for is recorded, any other added to the sum of all.
static void dropped(uint64_t time) {
  if (!is_recording()) return;
  enter();
  struct ctrace_use *use = use_of_hold();
  self.slot->interpreter = 0;
  uint64_t acquired = use->acquired;
  use->acquired = 0;
  self.gil_free_since = time;
  self.waits_at_drop = self.waits;
  bool is_wanted = self.is_gil_wanted;
  if (!is_wanted && acquired != 0) {
    struct ctrace_use_detail *detail = detail_of(use);
    detail->sampled_holds += 1;
    detail->sampled_hold_time += time - acquired;
  }
  leave();
  if (is_wanted)
    record_release(gil.condition, CTRACE_GIL, CTRACE_LOCK, acquired, time, PYTHON_SITE);
  else if (unlikely(self.wait_ended))
    flush_wait(0);
}

int interpreter_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                          const struct timespec *time) {
  bool is_gil = (uintptr_t)condition == gil.condition;
  if (is_gil) begin_wait();
  int result = real.pthread_cond_timedwait(condition, mutex, time);
  // Its patience is over: it asks the holder to drop the lock.
  if (is_gil && result == ETIMEDOUT && is_recording())
    note_wake(gil.condition, CTRACE_GIL, (struct site){gil.condition, 0});
  return result;
}

int interpreter_signal(pthread_cond_t *condition) {
  if ((uintptr_t)condition == gil.switch_condition) {
    taken();
  } else if ((uintptr_t)condition == gil.condition) {
    self.holds_gil = false;
    if (!is_recording()) return real.pthread_cond_signal(condition);
    // What is to be told is told when the mutex is free again, which others need now. By then those that
    // wait may wait no more.
    self.gil_dropped = now();
    self.is_gil_wanted = __atomic_load_n(&gil.waiters, __ATOMIC_RELAXED) != 0;
  }
  return real.pthread_cond_signal(condition);
}

int interpreter_unlock(pthread_mutex_t *mutex) {
  int result = real.pthread_mutex_unlock(mutex);
  if (self.gil_dropped != 0) {
    uint64_t time = self.gil_dropped;
    self.gil_dropped = 0;
    dropped(time);
  }
  return result;
}
