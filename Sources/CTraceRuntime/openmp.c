// OpenMP as GCC has it: what threads of a team wait for, and the team's tasks. Its locks: see openmp_locks.c.
//
// A team has one barrier, which no symbol names: the function of its parallel region stands for it. The
// wait at a region's end goes on inside the library, which calls nothing of ours when it is over. So the
// last to arrive, while all the others still wait, tells them when that was. Tasks that a thread runs
// while it waits are no part of its wait.
#include <string.h>

#include "counts.h"
#include "library.h"

typedef void region_function(void *data);
typedef void copy_function(void *to, void *from);

#define REGION (region_function * function, void *data, unsigned threads, unsigned flags)
#define SECTIONS \
  (region_function * function, void *data, unsigned threads, unsigned count, unsigned flags)
#define LOOP                                                                                  \
  (region_function * function, void *data, unsigned threads, long start, long end, long step, \
   unsigned flags)
#define CHUNKED                                                                               \
  (region_function * function, void *data, unsigned threads, long start, long end, long step, \
   long chunk, unsigned flags)
#define TASK                                                                                  \
  (region_function * function, void *data, copy_function *copy, long size, long alignment,    \
   bool is_deferred, unsigned flags, void **depend, int priority, void *detach)

#define FUNCTIONS(X)                                             \
  X(int, omp_get_num_threads, (void))                            \
  X(void, GOMP_parallel, REGION)                                 \
  X(unsigned, GOMP_parallel_reductions, REGION)                  \
  X(void, GOMP_parallel_sections, SECTIONS)                      \
  X(void, GOMP_parallel_loop_static, CHUNKED)                    \
  X(void, GOMP_parallel_loop_dynamic, CHUNKED)                   \
  X(void, GOMP_parallel_loop_guided, CHUNKED)                    \
  X(void, GOMP_parallel_loop_nonmonotonic_dynamic, CHUNKED)      \
  X(void, GOMP_parallel_loop_nonmonotonic_guided, CHUNKED)       \
  X(void, GOMP_parallel_loop_runtime, LOOP)                      \
  X(void, GOMP_parallel_loop_nonmonotonic_runtime, LOOP)         \
  X(void, GOMP_parallel_loop_maybe_nonmonotonic_runtime, LOOP)   \
  X(void, GOMP_barrier, (void))                                  \
  X(bool, GOMP_barrier_cancel, (void))                           \
  X(void, GOMP_loop_end, (void))                                 \
  X(bool, GOMP_loop_end_cancel, (void))                          \
  X(void, GOMP_sections_end, (void))                             \
  X(bool, GOMP_sections_end_cancel, (void))                      \
  X(void *, GOMP_single_copy_start, (void))                      \
  X(void, GOMP_taskwait, (void))                                 \
  X(void, GOMP_taskwait_depend, (void **on))                     \
  X(void, GOMP_taskgroup_end, (void))                            \
  X(void, GOMP_task, TASK)
LIBRARY_FUNCTIONS(openmp, "libgomp", FUNCTIONS)

/// A wait of a thread of a team, on the stack of the hook that it is in.
struct team_wait {
  struct wait wait;
  struct site site;
};

/// A thread as it takes part in a region.
struct member {
  /// The region's function, NULL outside of any, and the size of the team.
  region_function *function;
  int size;
  /// What it waits in, so that tasks can be taken out of it.
  struct team_wait *waiting;
  /// Whether it has arrived at the region's end, and runs one of the tasks that are left.
  bool has_arrived;
  bool is_late;
  /// Of those that have arrived, the one before, and where this one is to be told.
  struct member *next;
  struct ctrace_pending *pending;
};
static __thread struct member member __attribute__((tls_model("initial-exec")));

/// A place that stands for a function as a whole: libgomp calls them, and a stack would begin there.
static struct site site_of(region_function *function) {
  return (struct site){(uintptr_t)function + 1, 0};
}

// MARK: Waits

static void begin_wait(struct team_wait *waiting) {
  waiting->wait = (struct wait){.is_always_recorded = true, .is_whole = true};
  wait_begin(&waiting->wait, (uintptr_t)member.function, CTRACE_BARRIER, CTRACE_ARRIVE, 0, 0,
             waiting->site);
}

static void pass_barrier(struct team_wait *waiting) {
  member.waiting = NULL;
  wait_end(&waiting->wait, CTRACE_ACQUIRED);
}

/// Whether a thread can wait for others at all.
static bool is_in_team(void) {
  return member.function != NULL && member.size > 1 && is_recording();
}

#define TEAM_WAIT(call)                                                                  \
  do {                                                                                   \
    if (!is_in_team()) return call;                                                      \
    note_acquire((uintptr_t)member.function, CTRACE_BARRIER, site_of(member.function));  \
    __attribute__((cleanup(pass_barrier))) struct team_wait waiting = {.site = THIS_SITE}; \
    begin_wait(&waiting);                                                                \
    member.waiting = &waiting;                                                           \
    return call;                                                                         \
  } while (0)

exported void GOMP_barrier(void) { TEAM_WAIT(REAL_OF(openmp, GOMP_barrier, THIS_SITE)()); }
exported void GOMP_loop_end(void) { TEAM_WAIT(REAL_OF(openmp, GOMP_loop_end, THIS_SITE)()); }
exported void GOMP_sections_end(void) { TEAM_WAIT(REAL_OF(openmp, GOMP_sections_end, THIS_SITE)()); }
exported void GOMP_taskwait(void) { TEAM_WAIT(REAL_OF(openmp, GOMP_taskwait, THIS_SITE)()); }
exported void GOMP_taskgroup_end(void) {
  TEAM_WAIT(REAL_OF(openmp, GOMP_taskgroup_end, THIS_SITE)());
}
exported void GOMP_taskwait_depend(void **on) {
  TEAM_WAIT(REAL_OF(openmp, GOMP_taskwait_depend, THIS_SITE)(on));
}
exported bool GOMP_barrier_cancel(void) {
  TEAM_WAIT(REAL_OF(openmp, GOMP_barrier_cancel, THIS_SITE)());
}
exported bool GOMP_loop_end_cancel(void) {
  TEAM_WAIT(REAL_OF(openmp, GOMP_loop_end_cancel, THIS_SITE)());
}
exported bool GOMP_sections_end_cancel(void) {
  TEAM_WAIT(REAL_OF(openmp, GOMP_sections_end_cancel, THIS_SITE)());
}
exported void *GOMP_single_copy_start(void) {
  TEAM_WAIT(REAL_OF(openmp, GOMP_single_copy_start, THIS_SITE)());
}

// MARK: Regions

/// A region on its way: on the stack of the thread that begins it, which leaves only when all have
/// arrived.
struct region {
  /// What the library itself looks at where the region has reductions.
  void *first_word;
  region_function *function;
  void *data;
  /// Looked up for who begins the region: threads of the team are called by the library itself, which may
  /// know nothing but itself.
  type_of_omp_get_num_threads team_size;
  int arrived;
  struct member *members;
};

void end_arrival(void) {
  if (self.arrival.is_recorded)
    wait_end_at(&self.arrival, CTRACE_ACQUIRED, self.slot->pending.end);
}

/// The last to arrive: from here on the others wait no more.
static void tell_members(struct region *region) {
  uint64_t time = now();
  for (struct member *other = region->members; other != NULL; other = other->next)
    __atomic_store_n(&other->pending->end, time, __ATOMIC_RELEASE);
}

static void arrive(struct region *region) {
  int size = member.size;
  // A region within a task that was left over: the thread is on the list of another already.
  if (size > 1 && !member.is_late && is_recording()) {
    struct site site = site_of(region->function);
    note_acquire((uintptr_t)region->function, CTRACE_BARRIER, site);
    self.arrival = (struct wait){.is_always_recorded = true, .is_whole = true};
    wait_begin(&self.arrival, (uintptr_t)region->function, CTRACE_BARRIER, CTRACE_ARRIVE, 0, 0, site);
    if (self.arrival.is_recorded) {
      member.has_arrived = true;
      member.pending = &self.slot->pending;
      member.next = __atomic_load_n(&region->members, __ATOMIC_RELAXED);
      while (!__atomic_compare_exchange_n(&region->members, &member.next, &member, false,
                                          __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
      }
    }
  }
  if (__atomic_add_fetch(&region->arrived, 1, __ATOMIC_ACQ_REL) == size && arena.base != NULL)
    tell_members(region);
}

/// What the threads of a team run in place of the region's function.
static void run_member(void *argument) {
  struct region *region = argument;
  end_arrival();
  if (!member.is_late) member.has_arrived = false;
  region_function *outer_function = member.function;
  int outer_size = member.size;
  struct team_wait *outer_waiting = member.waiting;
  member.function = region->function;
  member.size = region->team_size();
  member.waiting = NULL;
  region->function(region->data);
  arrive(region);
  member.function = outer_function;
  member.size = outer_size;
  member.waiting = outer_waiting;
}

#define BEGIN_REGION(is_looked_at)                                                     \
  struct region region = {.first_word = is_looked_at ? *(void **)data : NULL,          \
                          .function = function, .data = data,                          \
                          .team_size = REAL_OF(openmp, omp_get_num_threads, THIS_SITE)}; \
  if (arena.base != NULL && function != run_member) {                                  \
    function = run_member;                                                             \
    data = &region;                                                                    \
  }
#define PARALLEL(name, parameters, ...)                     \
  exported void name parameters {                           \
    BEGIN_REGION(false)                                     \
    REAL_OF(openmp, name, THIS_SITE)(__VA_ARGS__);          \
    end_own_arrival();                                      \
  }

/// The thread that began the region goes on.
static void end_own_arrival(void) {
  wait_end(&self.arrival, CTRACE_ACQUIRED);
  if (!member.is_late) member.has_arrived = false;
}

PARALLEL(GOMP_parallel, REGION, function, data, threads, flags)
PARALLEL(GOMP_parallel_sections, SECTIONS, function, data, threads, count, flags)
#define PARALLEL_LOOP(name) PARALLEL(name, LOOP, function, data, threads, start, end, step, flags)
#define PARALLEL_CHUNKED(name) \
  PARALLEL(name, CHUNKED, function, data, threads, start, end, step, chunk, flags)
PARALLEL_CHUNKED(GOMP_parallel_loop_static)
PARALLEL_CHUNKED(GOMP_parallel_loop_dynamic)
PARALLEL_CHUNKED(GOMP_parallel_loop_guided)
PARALLEL_CHUNKED(GOMP_parallel_loop_nonmonotonic_dynamic)
PARALLEL_CHUNKED(GOMP_parallel_loop_nonmonotonic_guided)
PARALLEL_LOOP(GOMP_parallel_loop_runtime)
PARALLEL_LOOP(GOMP_parallel_loop_nonmonotonic_runtime)
PARALLEL_LOOP(GOMP_parallel_loop_maybe_nonmonotonic_runtime)

exported unsigned GOMP_parallel_reductions REGION {
  BEGIN_REGION(true)
  unsigned count = REAL_OF(openmp, GOMP_parallel_reductions, THIS_SITE)(function, data, threads, flags);
  end_own_arrival();
  return count;
}

// MARK: Tasks

/// What goes before a task's own data, where the library keeps its copy of them.
struct task {
  region_function *function;
  uint64_t since;
  /// From here to the task's own data.
  size_t offset;
  // Until it is copied.
  void *data;
  copy_function *copy;
  size_t size;
};

/// Runs in the thread that makes the task.
static void copy_task(void *to, void *from) {
  struct task *task = to;
  *task = *(struct task *)from;
  char *own = (char *)to + task->offset;
  if (task->copy != NULL)
    task->copy(own, task->data);
  else
    memcpy(own, task->data, task->size);
}

static void run_task(void *argument) {
  struct task *task = argument;
  region_function *function = task->function;
  struct team_wait *waiting = member.waiting;
  if (waiting != NULL) pass_barrier(waiting);
  bool was_late = member.is_late;
  member.is_late = was_late || member.has_arrived;
  // Of a region that is over but for its tasks, what comes after one of them is no longer told.
  end_arrival();
  uint64_t start = is_recording() ? now_after() : 0;
  if (start != 0)
    record_items(CTRACE_RECORD_DEQUEUE, (uintptr_t)function, CTRACE_THREAD_POOL, 1, task->since, start,
                 site_of(function));
  function((char *)argument + task->offset);
  if (start != 0) record_slice((uintptr_t)function, CTRACE_THREAD_POOL, 0, start);
  member.is_late = was_late;
  if (waiting != NULL && is_recording()) {
    begin_wait(waiting);
    member.waiting = waiting;
  }
}

/// GOMP_TASK_FLAG_DETACH: the library writes to the task's data.
enum { FLAG_DETACH = 1 << 13 };

/// Notes where a sort of tasks is made, once.
static void note_tasks(region_function *function) {
  int64_t *seen = count_of((uintptr_t)function);
  if (seen == NULL || __atomic_load_n(seen, __ATOMIC_RELAXED) != 0) return;
  uint64_t lost = self.slot->lost;
  record_lock(CTRACE_RECORD_INIT, (uintptr_t)function, CTRACE_THREAD_POOL, 0, site_of(function));
  if (self.slot->lost == lost) __atomic_store_n(seen, 1, __ATOMIC_RELAXED);
}

exported void GOMP_task TASK {
  if (function == run_task || flags & FLAG_DETACH || size < 0 || alignment < 0 || !is_recording()) {
    REAL_OF(openmp, GOMP_task, THIS_SITE)
    (function, data, copy, size, alignment, is_deferred, flags, depend, priority, detach);
    return;
  }
  note_tasks(function);
  size_t least = alignment > 16 ? (size_t)alignment : 16;
  struct task task = {.function = function, .since = now(), .data = data, .copy = copy,
                      .offset = (sizeof task + least - 1) / least * least, .size = (size_t)size};
  record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)function, CTRACE_THREAD_POOL, 1, 0, task.since,
               THIS_SITE);
  REAL_OF(openmp, GOMP_task, THIS_SITE)
  (run_task, &task, copy_task, size + (long)task.offset, (long)least, is_deferred, flags, depend,
   priority, detach);
}
