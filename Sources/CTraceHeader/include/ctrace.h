// ctrace.h: tell ctrace of your program's own queues, locks, work and numbers.
//
// Copy this one file into your program, or add it to the include path: there is nothing to link. Where
// the program is not run by `ctrace record`, each call costs a comparison, and does nothing.
//
//     #include "ctrace.h"
//
//     static struct ctrace_queue jobs = CTRACE_QUEUE("jobs", 64);
//
//     void submit(struct job *job) {
//       ctrace_enqueue(&jobs, 1);  // just before the item can be taken
//       push(job);
//     }
//     struct job *next(void) {
//       struct job *job = pop();
//       ctrace_dequeue(&jobs, 1);  // just after it was taken
//       return job;
//     }
//
// Compiles as C99 and later with GNU extensions, and as C++11 and later, on Linux. All functions may be
// called in any thread and in signal handlers. Names are copied; a null pointer is none.
#ifndef CTRACE_H
#define CTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A queue: items go in and come out, in the order in which they came, or in another one.
///
/// Not to be changed by the program, and to be in memory until ctrace_queue_gone().
struct ctrace_queue {
  /// What reports call it.
  const char *name;
  /// Of so many items it is full; 0: never.
  uint64_t capacity;
};
/// The value of a ctrace_queue with a name and a capacity.
#define CTRACE_QUEUE(name, capacity) {name, capacity}

/// A lock that the program has made itself.
struct ctrace_lock {
  /// What reports call it.
  const char *name;
  /// Threads that wait for it.
  uint32_t waiters;
};
/// The value of a ctrace_lock with a name.
#define CTRACE_LOCK(name) {name, 0}

/// A piece of work that goes on.
struct ctrace_slice {
  uint64_t label;
  uint64_t start;
};

/// What the runtime in a recorded program offers. Later versions only add to it.
struct ctrace_api {
  uint64_t size;
  void (*enqueue)(const struct ctrace_queue *queue, uint64_t count);
  void (*dequeue)(const struct ctrace_queue *queue, uint64_t count, uint64_t put);
  void (*set_depth)(const struct ctrace_queue *queue, uint64_t depth);
  void (*gone)(const void *queue_or_lock, uint32_t is_lock);
  void (*lock_requested)(struct ctrace_lock *lock);
  void (*lock_acquired)(struct ctrace_lock *lock);
  void (*lock_released)(struct ctrace_lock *lock);
  void (*name_lock)(const void *lock, const char *name);
  uint64_t (*time)(void);
  uint64_t (*time_before)(uint64_t nanoseconds);
  uint64_t (*label)(const char *name, size_t size);
  void (*slice)(uint64_t label, uint64_t start);
  void (*span)(uint64_t label, uint64_t start);
  void (*instant)(uint64_t label, int64_t value);
  void (*counter)(uint64_t label, int64_t value);
};

/// The runtime's; a null pointer where the program is not recorded.
static const struct ctrace_api *ctrace_api_pointer;

// Part of libc. Under a name of our own, so that no header's declaration is in the way.
extern long ctrace_api_syscall(long number, ...) __asm__("syscall");

// The kernel does not look at arguments of getpid. The runtime of ctrace does: it answers.
__attribute__((constructor)) static void ctrace_api_find(void) {
  ctrace_api_syscall(SYS_getpid, 0x6374726163652e68L, 0x3f6e6565732d6568L, &ctrace_api_pointer);
}

#define CTRACE_API_IS_ON __builtin_expect(ctrace_api_pointer != NULL, 0)
#define CTRACE_API static inline __attribute__((unused))

/// Whether the program is recorded: for what would take time to find out.
CTRACE_API int ctrace_is_recorded(void) { return CTRACE_API_IS_ON; }

// MARK: Queues

/// So many items are about to come into a queue.
CTRACE_API void ctrace_enqueue(const struct ctrace_queue *queue, uint64_t count) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->enqueue(queue, count);
}

/// So many items have left a queue.
CTRACE_API void ctrace_dequeue(const struct ctrace_queue *queue, uint64_t count) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->dequeue(queue, count, 0);
}

/// The moment, to be kept with an item of a queue that gives its items out in another order than that
/// in which they came; 0 where the program is not recorded.
CTRACE_API uint64_t ctrace_now(void) {
  return CTRACE_API_IS_ON ? ctrace_api_pointer->time() : 0;
}

/// One item has left a queue that had come in at a moment of ctrace_now().
CTRACE_API void ctrace_dequeue_put_at(const struct ctrace_queue *queue, uint64_t put) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->dequeue(queue, 1, put);
}

/// A queue has this depth, whatever went in and out.
CTRACE_API void ctrace_set_depth(const struct ctrace_queue *queue, uint64_t depth) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->set_depth(queue, depth);
}

/// The memory of a queue is about to become something else.
CTRACE_API void ctrace_queue_gone(const struct ctrace_queue *queue) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->gone(queue, 0);
}

// MARK: Locks

/// The thread cannot have a lock at once, and begins to wait for it.
CTRACE_API void ctrace_lock_requested(struct ctrace_lock *lock) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->lock_requested(lock);
}

/// The thread has a lock, after a wait or without.
CTRACE_API void ctrace_lock_acquired(struct ctrace_lock *lock) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->lock_acquired(lock);
}

/// The thread is about to give a lock back.
CTRACE_API void ctrace_lock_released(struct ctrace_lock *lock) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->lock_released(lock);
}

/// The memory of a lock is about to become something else.
CTRACE_API void ctrace_lock_gone(const struct ctrace_lock *lock) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->gone(lock, 1);
}

/// A name for a lock, condition, semaphore or barrier of libc's, by its address. After it was
/// initialised.
CTRACE_API void ctrace_name_lock(const void *lock, const char *name) {
  if (CTRACE_API_IS_ON) ctrace_api_pointer->name_lock(lock, name);
}

// MARK: Work and numbers

/// Begins a piece of work of this thread.
CTRACE_API struct ctrace_slice ctrace_slice_begin(const char *name) {
  struct ctrace_slice slice = {0, 0};
  if (CTRACE_API_IS_ON && name != NULL) {
    slice.label = ctrace_api_pointer->label(name, __builtin_strlen(name));
    slice.start = ctrace_api_pointer->time();
  }
  return slice;
}

/// Ends a piece of work, in the thread that began it. One that began within another ends before it.
CTRACE_API void ctrace_slice_end(struct ctrace_slice slice) {
  if (CTRACE_API_IS_ON && slice.start != 0) ctrace_api_pointer->slice(slice.label, slice.start);
}

/// Begins a piece of work that may end in another thread than this one, and beside others of its name.
CTRACE_API struct ctrace_slice ctrace_span_begin(const char *name) {
  return ctrace_slice_begin(name);
}

/// Ends it, in any thread of the process.
CTRACE_API void ctrace_span_end(struct ctrace_slice span) {
  if (CTRACE_API_IS_ON && span.start != 0) ctrace_api_pointer->span(span.label, span.start);
}

/// Work that has just ended, of which only the duration is known.
CTRACE_API void ctrace_span_lasted(const char *name, uint64_t nanoseconds) {
  if (CTRACE_API_IS_ON && name != NULL)
    ctrace_api_pointer->span(ctrace_api_pointer->label(name, __builtin_strlen(name)),
                             ctrace_api_pointer->time_before(nanoseconds));
}

/// Something happens now.
CTRACE_API void ctrace_instant(const char *name, int64_t value) {
  if (CTRACE_API_IS_ON && name != NULL)
    ctrace_api_pointer->instant(ctrace_api_pointer->label(name, __builtin_strlen(name)), value);
}

/// A counter has this value from now on.
CTRACE_API void ctrace_set_counter(const char *name, int64_t value) {
  if (CTRACE_API_IS_ON && name != NULL)
    ctrace_api_pointer->counter(ctrace_api_pointer->label(name, __builtin_strlen(name)), value);
}

#ifdef __cplusplus
}

namespace ctrace {
/// A piece of work that lasts as long as this lives.
class slice {
 public:
  explicit slice(const char *name) : slice_(ctrace_slice_begin(name)) {}
  ~slice() { ctrace_slice_end(slice_); }
  slice(const slice &) = delete;
  slice &operator=(const slice &) = delete;

 private:
  struct ctrace_slice slice_;
};
}  // namespace ctrace
#endif

#endif
