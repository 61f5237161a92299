// OpenMP's locks, critical sections and ordered parts of loops, as GCC has them.
//
// A lock is tried first. A critical section cannot be: how many threads are in it or want to be is counted
// here.
#include "counts.h"
#include "library.h"

#define FUNCTIONS(X)                                   \
  X(void, omp_init_lock, (void *lock))                 \
  X(void, omp_destroy_lock, (void *lock))              \
  X(void, omp_set_lock, (void *lock))                  \
  X(void, omp_unset_lock, (void *lock))                \
  X(int, omp_test_lock, (void *lock))                  \
  X(void, omp_init_lock_, (void *lock))                \
  X(void, omp_destroy_lock_, (void *lock))             \
  X(void, omp_set_lock_, (void *lock))                 \
  X(void, omp_unset_lock_, (void *lock))               \
  X(int, omp_test_lock_, (void *lock))                 \
  X(void, omp_init_nest_lock, (void *lock))            \
  X(void, omp_destroy_nest_lock, (void *lock))         \
  X(void, omp_set_nest_lock, (void *lock))             \
  X(void, omp_unset_nest_lock, (void *lock))           \
  X(int, omp_test_nest_lock, (void *lock))             \
  X(void, omp_init_nest_lock_, (void *lock))           \
  X(void, omp_destroy_nest_lock_, (void *lock))        \
  X(void, omp_set_nest_lock_, (void *lock))            \
  X(void, omp_unset_nest_lock_, (void *lock))          \
  X(int, omp_test_nest_lock_, (void *lock))            \
  X(void, GOMP_critical_start, (void))                 \
  X(void, GOMP_critical_end, (void))                   \
  X(void, GOMP_critical_name_start, (void **section))  \
  X(void, GOMP_critical_name_end, (void **section))    \
  X(void, GOMP_atomic_start, (void))                   \
  X(void, GOMP_atomic_end, (void))                     \
  X(void, GOMP_ordered_start, (void))                  \
  X(void, GOMP_ordered_end, (void))
LIBRARY_FUNCTIONS(openmp_locks, "libgomp", FUNCTIONS)

// MARK: Releases

/// The end of a hold, told before it, as others may go on or free the lock at once.
static void releases(uintptr_t lock, bool is_wanted, struct site site) {
  let_go(lock);
  if (self.sampled == lock) sample_hold(lock);
  if (is_wanted)
    record_release(lock, CTRACE_MUTEX, CTRACE_LOCK, acquired_at(lock), now(), site);
  else if (self.wait_ended)
    flush_wait(0);
}

static bool is_waited_for(uintptr_t lock) {
  return __atomic_load_n(waiters_of(lock), __ATOMIC_RELAXED) > 0;
}

// MARK: Locks

/// How deep the owner of a nested lock is in it; changed by the owner alone. Its number is that of the byte
/// behind the lock's first.
static int64_t *depth_of(const void *lock) { return count_of((uintptr_t)lock + 1); }

#define LOCK_WAIT(name, lock)                                                                \
  do {                                                                                       \
    int64_t *waiters = waiters_of((uintptr_t)lock);                                          \
    __atomic_fetch_add(waiters, 1, __ATOMIC_RELAXED);                                        \
    struct wait wait = {.is_whole = true};                                                   \
    wait_begin(&wait, (uintptr_t)lock, CTRACE_MUTEX, CTRACE_LOCK, 0, 0, THIS_SITE);          \
    REAL_OF(openmp_locks, name, THIS_SITE)(lock);                                            \
    wait_end(&wait, CTRACE_ACQUIRED);                                                        \
    __atomic_fetch_sub(waiters, 1, __ATOMIC_RELAXED);                                        \
    if (is_recording()) note_hold((uintptr_t)lock, CTRACE_MUTEX, ASKED, 0, THIS_SITE);       \
  } while (0)

#define INIT_AND_DESTROY(hook_init, init, hook_destroy, destroy)                             \
  exported void hook_init(void *lock) {                                                      \
    REAL_OF(openmp_locks, init, THIS_SITE)(lock);                                            \
    if (is_recording())                                                                      \
      record_lock(CTRACE_RECORD_INIT, (uintptr_t)lock, CTRACE_MUTEX, 0, THIS_SITE);          \
  }                                                                                          \
  exported void hook_destroy(void *lock) {                                                   \
    if (is_recording()) record_destroy((uintptr_t)lock, CTRACE_MUTEX);                       \
    forget_count((uintptr_t)lock + 1);                                                       \
    REAL_OF(openmp_locks, destroy, THIS_SITE)(lock);                                         \
  }

#define PLAIN_LOCK(init, destroy, set, unset, test)                                          \
  INIT_AND_DESTROY(init, init, destroy, destroy)                                             \
  exported void set(void *lock) {                                                            \
    if (unlikely(!is_recording()))                                                           \
      REAL_OF(openmp_locks, set, THIS_SITE)(lock);                                           \
    else if (likely(REAL_OF(openmp_locks, test, THIS_SITE)(lock) != 0))                      \
      note_hold((uintptr_t)lock, CTRACE_MUTEX, ASKED, 0, THIS_SITE);                         \
    else                                                                                     \
      LOCK_WAIT(set, lock);                                                                  \
  }                                                                                          \
  exported int test(void *lock) {                                                            \
    int is_taken = REAL_OF(openmp_locks, test, THIS_SITE)(lock);                             \
    if (is_taken && is_recording())                                                          \
      note_hold((uintptr_t)lock, CTRACE_MUTEX, TRIED, 0, THIS_SITE);                         \
    return is_taken;                                                                         \
  }                                                                                          \
  exported void unset(void *lock) {                                                          \
    if (is_recording())                                                                      \
      releases((uintptr_t)lock, is_waited_for((uintptr_t)lock), THIS_SITE);                  \
    REAL_OF(openmp_locks, unset, THIS_SITE)(lock);                                           \
  }

PLAIN_LOCK(omp_init_lock, omp_destroy_lock, omp_set_lock, omp_unset_lock, omp_test_lock)
PLAIN_LOCK(omp_init_lock_, omp_destroy_lock_, omp_set_lock_, omp_unset_lock_, omp_test_lock_)

/// A try that gave so many levels: the first is an acquire.
static void nested_taken(void *lock, int64_t levels, enum asking asking, struct site site) {
  int64_t *depth = depth_of(lock);
  if (depth != NULL) __atomic_store_n(depth, levels, __ATOMIC_RELAXED);
  if (levels == 1 && is_recording()) note_hold((uintptr_t)lock, CTRACE_MUTEX, asking, 0, site);
}

/// Whether the owner leaves the lock's last level.
static bool nested_left(const void *lock) {
  int64_t *depth = depth_of(lock);
  return depth != NULL && __atomic_sub_fetch(depth, 1, __ATOMIC_RELAXED) <= 0;
}

#define VERSION(hook, name) __asm__(".symver " #hook ", " #name "@@OMP_3.0");
#define NESTED_LOCK(init, destroy, set, unset, test)                                         \
  VERSION(init##_current, init)                                                              \
  VERSION(destroy##_current, destroy)                                                        \
  VERSION(set##_current, set)                                                                \
  VERSION(unset##_current, unset)                                                            \
  VERSION(test##_current, test)                                                              \
  INIT_AND_DESTROY(init##_current, init, destroy##_current, destroy)                         \
  exported void set##_current(void *lock) {                                                  \
    if (unlikely(!is_recording())) {                                                         \
      REAL_OF(openmp_locks, set, THIS_SITE)(lock);                                           \
      return;                                                                                \
    }                                                                                        \
    int levels = REAL_OF(openmp_locks, test, THIS_SITE)(lock);                               \
    if (levels != 0) {                                                                       \
      nested_taken(lock, levels, ASKED, THIS_SITE);                                          \
    } else {                                                                                 \
      LOCK_WAIT(set, lock);                                                                  \
      int64_t *depth = depth_of(lock);                                                       \
      if (depth != NULL) __atomic_store_n(depth, 1, __ATOMIC_RELAXED);                       \
    }                                                                                        \
  }                                                                                          \
  exported int test##_current(void *lock) {                                                  \
    int levels = REAL_OF(openmp_locks, test, THIS_SITE)(lock);                               \
    if (levels != 0 && is_recording()) nested_taken(lock, levels, TRIED, THIS_SITE);         \
    return levels;                                                                           \
  }                                                                                          \
  exported void unset##_current(void *lock) {                                                \
    if (is_recording() && nested_left(lock))                                                 \
      releases((uintptr_t)lock, is_waited_for((uintptr_t)lock), THIS_SITE);                  \
    REAL_OF(openmp_locks, unset, THIS_SITE)(lock);                                           \
  }

NESTED_LOCK(omp_init_nest_lock, omp_destroy_nest_lock, omp_set_nest_lock, omp_unset_nest_lock,
            omp_test_nest_lock)
NESTED_LOCK(omp_init_nest_lock_, omp_destroy_nest_lock_, omp_set_nest_lock_,
            omp_unset_nest_lock_, omp_test_nest_lock_)

// MARK: Critical sections

/// Those without a name, and what old compilers make of atomic changes.
static const char unnamed_section, atomic_section;

#define ENTER(section, call)                                                                    \
  do {                                                                                          \
    uintptr_t lock = (uintptr_t)(section);                                                      \
    int64_t *users = arena.base != NULL ? count_of(lock) : NULL;                                \
    bool is_used = users != NULL && __atomic_fetch_add(users, 1, __ATOMIC_ACQ_REL) > 0;         \
    struct wait wait = {.is_whole = true};                                                      \
    if (is_used) wait_begin(&wait, lock, CTRACE_MUTEX, CTRACE_LOCK, 0, 0, THIS_SITE);           \
    call;                                                                                       \
    wait_end(&wait, CTRACE_ACQUIRED);                                                           \
    if (users != NULL && is_recording()) note_hold(lock, CTRACE_MUTEX, ASKED, 0, THIS_SITE);    \
  } while (0)

#define LEAVE(section, call)                                                                    \
  do {                                                                                          \
    uintptr_t lock = (uintptr_t)(section);                                                      \
    int64_t *users = arena.base != NULL ? count_of(lock) : NULL;                                \
    int64_t left = users != NULL ? __atomic_sub_fetch(users, 1, __ATOMIC_ACQ_REL) : 0;          \
    if (users != NULL && is_recording()) releases(lock, left > 0, THIS_SITE);                   \
    call;                                                                                       \
  } while (0)

exported void GOMP_critical_start(void) {
  if (is_recording()) record_name((uintptr_t)&unnamed_section, CTRACE_MUTEX, 0, "omp critical");
  ENTER(&unnamed_section, REAL_OF(openmp_locks, GOMP_critical_start, THIS_SITE)());
}
exported void GOMP_critical_end(void) {
  LEAVE(&unnamed_section, REAL_OF(openmp_locks, GOMP_critical_end, THIS_SITE)());
}

/// The compiler makes a variable for each name.
exported void GOMP_critical_name_start(void **section) {
  ENTER(section, REAL_OF(openmp_locks, GOMP_critical_name_start, THIS_SITE)(section));
}
exported void GOMP_critical_name_end(void **section) {
  LEAVE(section, REAL_OF(openmp_locks, GOMP_critical_name_end, THIS_SITE)(section));
}

exported void GOMP_atomic_start(void) {
  if (is_recording()) record_name((uintptr_t)&atomic_section, CTRACE_MUTEX, 0, "omp atomic");
  ENTER(&atomic_section, REAL_OF(openmp_locks, GOMP_atomic_start, THIS_SITE)());
}
exported void GOMP_atomic_end(void) {
  LEAVE(&atomic_section, REAL_OF(openmp_locks, GOMP_atomic_end, THIS_SITE)());
}

// MARK: Ordered parts

/// A thread waits for its turn, which no lock gives it: as for a condition.
static const char turn;

exported void GOMP_ordered_start(void) {
  if (is_recording()) record_name((uintptr_t)&turn, CTRACE_CONDITION, 0, "omp ordered");
  struct wait wait = {.is_whole = true};
  wait_begin(&wait, (uintptr_t)&turn, CTRACE_CONDITION, CTRACE_WAIT, 0, 0, THIS_SITE);
  REAL_OF(openmp_locks, GOMP_ordered_start, THIS_SITE)();
  wait_end(&wait, CTRACE_ACQUIRED);
}

exported void GOMP_ordered_end(void) {
  if (is_recording()) {
    note_wake((uintptr_t)&turn, CTRACE_CONDITION, THIS_SITE);
    record_lock(CTRACE_RECORD_SIGNAL, (uintptr_t)&turn, CTRACE_CONDITION, CTRACE_SIGNAL, THIS_SITE);
  }
  REAL_OF(openmp_locks, GOMP_ordered_end, THIS_SITE)();
}
