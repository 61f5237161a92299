// Threads: their slots in the arena, their beginning and their end.
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "interpreter.h"

__thread struct thread_state self = {.live = NOT_ATTACHED};

/// The end of the main thread's stack, as the loader found it.
extern void *__libc_stack_end;

// MARK: Slots

/// A slot whose last thread the recorder is done with, or one never used.
static struct ctrace_thread *take_slot(void) {
  struct ctrace_control *control = arena.control;
  uint32_t capacity = control->slot_capacity;
  if (capacity > CTRACE_MAX_SLOTS) capacity = CTRACE_MAX_SLOTS;
  uint32_t used = __atomic_load_n(&control->slot_count, __ATOMIC_RELAXED);
  if (used > capacity) used = capacity;
  uint32_t index = capacity;
  for (uint32_t word = 0; word * 64 < used && index == capacity; word++) {
    uint64_t free = __atomic_load_n(&control->free_slots[word], __ATOMIC_ACQUIRE);
    while (free != 0) {
      uint64_t bit = free & -free;
      free = __atomic_fetch_and(&control->free_slots[word], ~bit, __ATOMIC_ACQ_REL);
      if (free & bit) {
        index = word * 64 + (uint32_t)__builtin_ctzll(bit);
        break;
      }
    }
  }
  if (index >= used) {
    if (used == capacity) return NULL;
    index = __atomic_fetch_add(&control->slot_count, 1, __ATOMIC_RELAXED);
    if (index >= capacity) {
      __atomic_fetch_sub(&control->slot_count, 1, __ATOMIC_RELAXED);
      return NULL;
    }
  }
  char *slot = arena.base + CTRACE_SLOTS_OFFSET + (uint64_t)index * CTRACE_SLOT_SIZE;
  if (slot + CTRACE_SLOT_SIZE > arena.base + arena.size) return NULL;
  if (mprotect(slot, CTRACE_SLOT_SIZE, PROT_READ | PROT_WRITE) != 0) return NULL;
  return (struct ctrace_thread *)slot;
}

static void find_main_stack(void) {
  struct rlimit limit;
  uintptr_t size = UINT64_C(1) << 30;
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < size) size = limit.rlim_cur;
  self.stack_top = (uintptr_t)__libc_stack_end;
  self.stack_bottom = self.stack_top - size;
}

bool attach_thread(void) {
  int saved_errno = errno;
  int32_t tid = (int32_t)syscall(SYS_gettid);
  struct ctrace_thread *slot = take_slot();
  errno = saved_errno;
  self.attached = this_process.live;
  if (slot == NULL) {
    self.refused = this_process.live;
    __atomic_fetch_add(&arena.control->unrecorded_threads, 1, __ATOMIC_RELAXED);
    return false;
  }
  if (self.stack_top == 0 && tid == this_process.pid) find_main_stack();

  self.slot = slot;
  self.head = slot->head;
  self.known_tail = slot->head;
  self.uses = (struct ctrace_use *)((char *)slot + CTRACE_SLOT_TABLE);
  self.bucket_shift = 65 - CTRACE_FIRST_TABLE_LOG2;
  self.evictions = 0;
  self.has_displaced = false;
  self.sampled = 0;
  self.sampled_around = 0;
  self.wait_ended = 0;
  self.is_whole = false;
  self.gil_wait.is_recorded = false;
  self.gil_dropped = 0;
  self.gil_free_since = 0;
  self.waiter_lock = 0;
  self.has_kept_items = false;
  memset(self.known_stacks, 0, sizeof self.known_stacks);
  slot->process = this_process.live;
  slot->parent_process = this_process.parent;
  slot->pid = this_process.pid;
  slot->parent_pid = this_process.parent_pid;
  slot->tid = tid;
  uintptr_t handle = (uintptr_t)pthread_self();
  slot->handle = key_of(handle, hash_address(handle));
  slot->started = now();
  slot->table = (uint64_t)((char *)self.uses - arena.base) | CTRACE_FIRST_TABLE_LOG2;
  prctl(PR_GET_NAME, slot->name);
  errno = saved_errno;
  __atomic_store_n(&slot->state, CTRACE_SLOT_LIVE, __ATOMIC_RELEASE);
  self.live = self.attached;
  return true;
}

bool attach_slowly(void) {
  if (arena.base == NULL) return false;
  if (this_process.live == 0 && !attach_process()) return false;
  if (self.refused == this_process.live) return false;
  if (self.attached == this_process.live) {
    // A signal handler interrupted the runtime itself, unless this is a part of something recorded.
    if (!self.is_inside_library) self.slot->reentered += 1;
    return false;
  }
  return attach_thread();
}

// MARK: Begin and end

/// What a new thread needs to know, until it has read it.
struct start {
  union {
    void *(*routine)(void *);
    int (*c11_routine)(void *);
  };
  void *argument;
  size_t stack_size;
};

/// Starts on their way, one bit each; more than 64 at once get a page of their own.
static struct start starts[64];
static uint64_t starts_used;

static struct start *new_start(void) {
  uint64_t used = __atomic_load_n(&starts_used, __ATOMIC_RELAXED);
  while (~used != 0) {
    uint64_t bit = ~used & (used + 1);
    if (__atomic_compare_exchange_n(&starts_used, &used, used | bit, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
      return &starts[__builtin_ctzll(bit)];
  }
  int saved_errno = errno;
  void *page =
      mmap(NULL, sizeof(struct start), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  errno = saved_errno;
  return page == MAP_FAILED ? NULL : page;
}

static void free_start(struct start *start) {
  if (start >= starts && start < starts + 64) {
    __atomic_fetch_and(&starts_used, ~(UINT64_C(1) << (start - starts)), __ATOMIC_RELEASE);
  } else {
    int saved_errno = errno;
    munmap(start, sizeof *start);
    errno = saved_errno;
  }
}

static void begin_thread(struct start *given, struct start *start) {
  *start = *given;
  free_start(given);
  // glibc keeps the thread's descriptor at the top of its stack.
  self.stack_top = (uintptr_t)pthread_self();
  self.stack_bottom = self.stack_top - start->stack_size;
  is_recording();
}

/// Runs when the start routine returns, calls pthread_exit or is cancelled. Destructors of the
/// thread come after this and are recorded still.
static void thread_ends(const int *unused) {
  (void)unused;
  if (self.live != this_process.live || self.slot == NULL) return;
  end_arrival();
  abandon_gil();
  if (self.wait_ended) flush_wait(0);
  int saved_errno = errno;
  struct timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
    self.slot->cpu_nanoseconds = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
  prctl(PR_GET_NAME, self.slot->name);
  errno = saved_errno;
  self.slot->ended = now();
  __atomic_store_n(&self.slot->state, CTRACE_SLOT_ENDING, __ATOMIC_RELEASE);
}

static void *run_thread(void *argument) {
  struct start start;
  begin_thread(argument, &start);
  __attribute__((cleanup(thread_ends), unused)) const int end = 0;
  return start.routine(start.argument);
}

static int run_c11_thread(void *argument) {
  struct start start;
  begin_thread(argument, &start);
  __attribute__((cleanup(thread_ends), unused)) const int end = 0;
  return start.c11_routine(start.argument);
}

static size_t stack_size_of(const pthread_attr_t *attributes) {
  size_t size = 0;
  pthread_attr_t defaults;
  if (attributes != NULL) {
    pthread_attr_getstacksize(attributes, &size);
  } else if (pthread_getattr_default_np(&defaults) == 0) {
    pthread_attr_getstacksize(&defaults, &size);
    pthread_attr_destroy(&defaults);
  }
  return size;
}

exported int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                            void *(*routine)(void *), void *argument) {
  struct start *start;
  if (!is_recording() || (start = new_start()) == NULL)
    return real.pthread_create(thread, attributes, routine, argument);
  start->routine = routine;
  start->argument = argument;
  start->stack_size = stack_size_of(attributes);
  self.threads_begun += 1;
  int result = real.pthread_create(thread, attributes, run_thread, start);
  if (result != 0) free_start(start);
  return result;
}

/// A thread that leaves through here without having come through run_thread, the main thread, ends
/// now; the others' ends are seen as their stacks are unwound.
exported void pthread_exit(void *value) {
  if (self.live == this_process.live && (pid_t)self.slot->tid == this_process.pid)
    thread_ends(NULL);
  real.pthread_exit(value);
  __builtin_unreachable();
}

exported int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument) {
  struct start *start;
  if (!is_recording() || (start = new_start()) == NULL)
    return real.thrd_create(thread, routine, argument);
  start->c11_routine = routine;
  start->argument = argument;
  start->stack_size = stack_size_of(NULL);
  self.threads_begun += 1;
  int result = real.thrd_create(thread, run_c11_thread, start);
  if (result != thrd_success) free_start(start);
  return result;
}

exported int pthread_setname_np(pthread_t thread, const char *name) {
  int result = real.pthread_setname_np(thread, name);
  if (result == 0 && pthread_equal(thread, pthread_self()) && is_recording())
    memccpy(self.slot->name, name, 0, CTRACE_NAME_SIZE - 1);
  return result;
}

#define JOIN(call, has_deadline)                                                           \
  do {                                                                                     \
    __attribute__((cleanup(wait_cleanup))) struct wait wait = {.is_always_recorded = true,  \
                                                               .is_timed = has_deadline};   \
    wait_begin(&wait, (uintptr_t)thread, CTRACE_THREAD, CTRACE_JOIN, 0, 0, THIS_SITE);     \
    int result = call;                                                                     \
    wait_end(&wait, outcome_of(result));                                                   \
    /* The next thread may get the same handle. */                                         \
    if (result == 0 && is_recording()) record_destroy((uintptr_t)thread, CTRACE_THREAD);   \
    return result;                                                                         \
  } while (0)

exported int pthread_join(pthread_t thread, void **value) {
  JOIN(real.pthread_join(thread, value), false);
}

exported int pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *time) {
  JOIN(real.pthread_timedjoin_np(thread, value, time), true);
}

exported int pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
                                  const struct timespec *time) {
  JOIN(real.pthread_clockjoin_np(thread, value, clock, time), true);
}

exported int thrd_join(thrd_t thread, int *value) {
  JOIN(real.thrd_join(thread, value), false);
}

// Whose handle was given back means another thread with its next use: told at once, because a
// detached thread says nothing when it is gone.

#define GIVE_BACK(call)                                                                  \
  do {                                                                                   \
    int result = call;                                                                   \
    if (result == 0 && is_recording()) record_destroy((uintptr_t)thread, CTRACE_THREAD); \
    return result;                                                                       \
  } while (0)

exported int pthread_tryjoin_np(pthread_t thread, void **value) {
  GIVE_BACK(real.pthread_tryjoin_np(thread, value));
}

exported int pthread_detach(pthread_t thread) { GIVE_BACK(real.pthread_detach(thread)); }

exported int thrd_detach(thrd_t thread) { GIVE_BACK(real.thrd_detach(thread)); }
