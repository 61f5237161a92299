// What a program says of itself through ctrace.h.
#include "api.h"
#include "ctrace.h"
#include "runtime.h"

static uint64_t named(const struct ctrace_queue *queue) {
  record_name((uintptr_t)queue, CTRACE_QUEUE, queue->capacity, queue->name);
  return (uintptr_t)queue;
}

static void enqueue(const struct ctrace_queue *queue, uint64_t count) {
  if (!is_recording()) return;
  record_items(CTRACE_RECORD_ENQUEUE, named(queue), CTRACE_QUEUE, count, 0, now(), THIS_SITE);
}

static void dequeue(const struct ctrace_queue *queue, uint64_t count, uint64_t put) {
  if (!is_recording()) return;
  record_items(CTRACE_RECORD_DEQUEUE, named(queue), CTRACE_QUEUE, count, put, now_after(), THIS_SITE);
}

static void set_depth(const struct ctrace_queue *queue, uint64_t depth) {
  if (is_recording()) record_depth(named(queue), CTRACE_QUEUE, depth);
}

static void gone(const void *object, uint32_t is_lock) {
  if (is_recording())
    record_destroy((uintptr_t)object, is_lock ? CTRACE_LOCK_OBJECT : CTRACE_QUEUE);
}

static void lock_requested(struct ctrace_lock *lock) {
  if (!is_recording()) return;
  record_name((uintptr_t)lock, CTRACE_LOCK_OBJECT, 0, lock->name);
  __atomic_fetch_add(&lock->waiters, 1, __ATOMIC_RELAXED);
  // Of waits within each other, which no lock should have, the outermost counts.
  if (!self.requested.is_recorded)
    wait_begin(&self.requested, (uintptr_t)lock, CTRACE_LOCK_OBJECT, CTRACE_LOCK, 0, 0, THIS_SITE);
}

static void lock_acquired(struct ctrace_lock *lock) {
  if (!is_recording()) return;
  bool was_requested = self.requested.is_recorded && self.requested.lock == (uintptr_t)lock;
  if (was_requested) {
    wait_end(&self.requested, CTRACE_ACQUIRED);
    __atomic_fetch_sub(&lock->waiters, 1, __ATOMIC_RELAXED);
  } else {
    record_name((uintptr_t)lock, CTRACE_LOCK_OBJECT, 0, lock->name);
  }
  note_hold((uintptr_t)lock, CTRACE_LOCK_OBJECT, was_requested ? ASKED : TRIED, 0, THIS_SITE);
}

static void lock_released(struct ctrace_lock *lock) {
  if (!is_recording()) return;
  let_go((uintptr_t)lock);
  if (self.sampled == (uintptr_t)lock) sample_hold((uintptr_t)lock);
  if (__atomic_load_n(&lock->waiters, __ATOMIC_RELAXED) != 0)
    record_release((uintptr_t)lock, CTRACE_LOCK_OBJECT, CTRACE_LOCK, acquired_at((uintptr_t)lock),
                   now(), THIS_SITE);
  else if (self.wait_ended)
    flush_wait(0);
}

static void name_lock(const void *lock, const char *name) {
  // Its kind is known by its use.
  if (is_recording()) record_name((uintptr_t)lock, 0, 0, name);
}

static uint64_t moment(void) {
  uint64_t time = arena.base != NULL ? now() : 0;
  return time != 0 ? time : 1;
}

static uint64_t moment_before(uint64_t nanoseconds) {
  if (arena.base == NULL) return 1;
  // The recorder has said how many units of the clock a window of values has.
  uint64_t units = (uint64_t)((unsigned __int128)nanoseconds * arena.control->value_window /
                              CTRACE_VALUE_WINDOW_NANOSECONDS);
  uint64_t time = now();
  return time > units ? time - units : 1;
}

static void slice(uint64_t label, uint64_t start) { record_slice(label, CTRACE_LABEL, 0, start); }

static void span(uint64_t label, uint64_t start) {
  record_slice(label, CTRACE_LABEL, CTRACE_SPAN, start);
}

static void instant(uint64_t label, int64_t value) {
  record_number(CTRACE_RECORD_INSTANT, label, value, THIS_SITE);
}

static void counter(uint64_t label, int64_t value) {
  record_number(CTRACE_RECORD_COUNTER, label, value, THIS_SITE);
}

static const struct ctrace_api api = {
    .size = sizeof api,
    .enqueue = enqueue,
    .dequeue = dequeue,
    .set_depth = set_depth,
    .gone = gone,
    .lock_requested = lock_requested,
    .lock_acquired = lock_acquired,
    .lock_released = lock_released,
    .name_lock = name_lock,
    .time = moment,
    .time_before = moment_before,
    .label = label_named,
    .slice = slice,
    .span = span,
    .instant = instant,
    .counter = counter,
};

void answer_question(void *pointer) {
  *(const struct ctrace_api **)pointer = arena.base != NULL ? &api : NULL;
}
