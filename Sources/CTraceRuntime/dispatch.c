// The queues of libdispatch: what is put in and when it starts, how long it runs.
//
// An item is put in by the function of libdispatch that takes a function and its argument, with one of
// ours as the function and what the program put in as the argument. A block is copied as libdispatch
// would copy it, and released when it has run.
#include "dispatch.h"

#include "library.h"
#include "pool.h"

/// A block, as the ABI of blocks has it.
struct block {
  void *class;
  int32_t flags;
  int32_t reserved;
  void (*invoke)(void *block);
  void *descriptor;
};

/// The beginning of what dispatch_block_create() adds to a block.
struct block_object {
  struct block block;
  unsigned long magic;
  unsigned long flags;
};

typedef void (*work_function)(void *argument);
typedef void (*iteration_function)(void *argument, size_t iteration);
typedef void (*iteration_invoke)(void *block, size_t iteration);

#define BLOCKS_FUNCTIONS(X)                     \
  X(void *, _Block_copy, (const void *block)) \
  X(void, _Block_release, (const void *block))
LIBRARY_FUNCTIONS(blocks, "libBlocksRuntime.so", BLOCKS_FUNCTIONS)

#define DISPATCH_FUNCTIONS(X)                                                                      \
  X(void, dispatch_async, (void *queue, struct block *block))                                      \
  X(void, dispatch_async_f, (void *queue, void *argument, work_function work))                     \
  X(void, dispatch_barrier_async, (void *queue, struct block *block))                              \
  X(void, dispatch_barrier_async_f, (void *queue, void *argument, work_function work))             \
  X(void, dispatch_group_async, (void *group, void *queue, struct block *block))                   \
  X(void, dispatch_group_async_f, (void *group, void *queue, void *argument, work_function work))  \
  X(void, dispatch_group_notify, (void *group, void *queue, struct block *block))                  \
  X(void, dispatch_group_notify_f, (void *group, void *queue, void *argument, work_function work)) \
  X(void, dispatch_group_enter, (void *group))                                                     \
  X(void, dispatch_group_leave, (void *group))                                                     \
  X(void, dispatch_after, (uint64_t when, void *queue, struct block *block))                       \
  X(void, dispatch_after_f, (uint64_t when, void *queue, void *argument, work_function work))      \
  X(void, dispatch_sync, (void *queue, struct block *block))                                       \
  X(void, dispatch_sync_f, (void *queue, void *argument, work_function work))                      \
  X(void, dispatch_barrier_sync, (void *queue, struct block *block))                               \
  X(void, dispatch_barrier_sync_f, (void *queue, void *argument, work_function work))              \
  X(void, dispatch_async_and_wait, (void *queue, struct block *block))                             \
  X(void, dispatch_async_and_wait_f, (void *queue, void *argument, work_function work))            \
  X(void, dispatch_barrier_async_and_wait, (void *queue, struct block *block))                     \
  X(void, dispatch_barrier_async_and_wait_f, (void *queue, void *argument, work_function work))    \
  X(void, dispatch_apply, (size_t count, void *queue, struct block *block))                        \
  X(void, dispatch_apply_f,                                                                        \
    (size_t count, void *queue, void *argument, iteration_function iteration))                     \
  X(void *, dispatch_queue_create, (const char *label, void *attributes))                          \
  X(void *, dispatch_queue_create_with_target,                                                     \
    (const char *label, void *attributes, void *target))                                           \
  X(const char *, dispatch_queue_get_label, (void *queue))                                         \
  X(void, _dispatch_block_special_invoke, (void))
LIBRARY_FUNCTIONS(dispatch, "libdispatch.so", DISPATCH_FUNCTIONS)

__thread uint32_t items_at_work __attribute__((tls_model("initial-exec")));

// MARK: Queues

static void name_queue(void *queue, struct site site) {
  if (likely(is_named(any_key((uintptr_t)queue)))) return;
  const char *label = REAL_OF(dispatch, dispatch_queue_get_label, site)(queue);
  if (label != NULL && *label != 0)
    record_name((uintptr_t)queue, CTRACE_DISPATCH_QUEUE, 0, label);
}

void note_made(uintptr_t object, uint8_t kind) {
  // A bit for the hashes of all addresses that objects were made at.
  static uint64_t known[1 << 10];
  uint64_t hash = hash_address(object) >> 48, bit = UINT64_C(1) << (hash & 63);
  if (__atomic_fetch_or(&known[hash >> 6], bit, __ATOMIC_RELAXED) & bit)
    record_destroy(object, kind);
}

static void *made(void *queue, struct site site) {
  if (queue == NULL || !is_recording()) return queue;
  note_made((uintptr_t)queue, CTRACE_DISPATCH_QUEUE);
  record_lock(CTRACE_RECORD_INIT, (uintptr_t)queue, CTRACE_DISPATCH_QUEUE, 0, site);
  name_queue(queue, site);
  return queue;
}

exported void *dispatch_queue_create(const char *label, void *attributes) {
  return made(REAL_OF(dispatch, dispatch_queue_create, THIS_SITE)(label, attributes), THIS_SITE);
}

exported void *dispatch_queue_create_with_target(const char *label, void *attributes,
                                                 void *target) {
  return made(REAL_OF(dispatch, dispatch_queue_create_with_target, THIS_SITE)(label, attributes,
                                                                              target),
              THIS_SITE);
}

// MARK: Work

/// What the program gave a queue to do: a function and its argument, or a block alone.
struct work {
  void *argument;
  work_function function;
};

always_inline struct work work_of(struct block *block) { return (struct work){block, NULL}; }

always_inline work_function code_of(struct work work) {
  return work.function != NULL ? work.function : ((struct block *)work.argument)->invoke;
}

/// Where the work's own code is, as a call in it would tell.
always_inline struct site site_of(struct work work) {
  return (struct site){(uintptr_t)code_of(work) + 1, 0};
}

always_inline uint64_t put_in(void *queue, uint64_t count, struct site site) {
  name_queue(queue, site);
  uint64_t time = now();
  record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)queue, CTRACE_DISPATCH_QUEUE, count, 0, time, site);
  return time;
}

/// Takes an item out and does its work.
always_inline void take_out(uintptr_t queue, uint64_t since, struct work work) {
  uint64_t start = arena.base != NULL ? now() : 0;
  record_items(CTRACE_RECORD_DEQUEUE, queue, CTRACE_DISPATCH_QUEUE, 1, since, start, site_of(work));
  items_at_work += 1;
  code_of(work)(work.argument);
  items_at_work -= 1;
  if (unlikely(items_at_work == 0)) leave_actor();
  record_slice(queue, CTRACE_DISPATCH_QUEUE, 0, start);
}

/// What kind of block the program gave.
enum block_kind {
  PLAIN_BLOCK,
  /// What dispatch_block_create() made: it runs its block unless it has been cancelled, and says when it
  /// has run.
  BLOCK_OBJECT,
  /// One that is a barrier in whatever queue it is put into.
  BARRIER_OBJECT,
  /// One that only libdispatch can tell.
  UNKNOWN_BLOCK,
};

static enum block_kind kind_of(const struct block *block, struct site site) {
  static const unsigned long BLOCK_MAGIC = 0xd159b10c, BARRIER = 1;
  // The variable that holds the function by which libdispatch itself tells them.
  void *const *special = (void *const *)REAL_OF(dispatch, _dispatch_block_special_invoke, site);
  if (block == NULL || special == NULL) return UNKNOWN_BLOCK;
  if (likely((void *)block->invoke != *special)) return PLAIN_BLOCK;
  const struct block_object *object = (const struct block_object *)block;
  if (object->magic != BLOCK_MAGIC) return UNKNOWN_BLOCK;
  return object->flags & BARRIER ? BARRIER_OBJECT : BLOCK_OBJECT;
}

// MARK: Asynchronous work

enum { EXTRA_GROUP, EXTRA_LEAVES_GROUP };

/// Copies a block as libdispatch does. False where nothing is known that could.
static bool copy_block(struct work *work, struct site site) {
  if (work->function != NULL) return true;
  type_of__Block_copy copy = REAL_OF(blocks, _Block_copy, site);
  if (copy == NULL || REAL_OF(blocks, _Block_release, site) == NULL) return false;
  void *copied = copy(work->argument);
  if (copied == NULL) return false;
  work->argument = copied;
  return true;
}

/// What to remember of an item; NULL where it has to go in as it is.
static struct item *remember_work(void *queue, struct work work, struct site site) {
  if (queue == NULL || !is_recording()) return NULL;
  struct item *item = remember();
  if (item == NULL) return NULL;
  if (!copy_block(&work, site)) {
    forget(item);
    return NULL;
  }
  item->argument = work.argument;
  item->function = work.function;
  item->queue = (uintptr_t)queue;
  item->extra[0] = item->extra[1] = 0;
  item->site = site.address;
  return item;
}

static struct work work_in(const struct item *item) {
  return (struct work){item->argument, item->function};
}

static void release_work(struct work work) {
  if (work.function == NULL)
    REAL_OF(blocks, _Block_release, THIS_SITE)(work.argument);
}

/// What libdispatch calls for an item.
static void run_item(void *argument) {
  struct item item = *(struct item *)argument;
  forget(argument);
  struct work work = work_in(&item);
  take_out(item.queue, item.since, work);
  release_work(work);
  uintptr_t group = item.extra[EXTRA_GROUP];
  if (group == 0) return;
  if (unlikely(__atomic_load_n(&group_waiters, __ATOMIC_RELAXED) != 0) && is_recording())
    record_leave(group, now(), site_of(work));
  if (item.extra[EXTRA_LEAVES_GROUP])
    REAL_OF(dispatch, dispatch_group_leave, THIS_SITE)((void *)group);
}

/// Puts work into a queue; false where it has to go in as it is.
always_inline bool put_async(void *group, void *queue, struct work work, bool is_barrier,
                             struct site site) {
  struct item *item = remember_work(queue, work, site);
  if (unlikely(item == NULL)) return false;
  item->extra[EXTRA_GROUP] = (uintptr_t)group;
  item->since = put_in(queue, 1, site);
  if (is_barrier) {
    // There is no function for a barrier in a group: this is what one would do.
    if (group != NULL) {
      item->extra[EXTRA_LEAVES_GROUP] = 1;
      REAL_OF(dispatch, dispatch_group_enter, site)(group);
    }
    REAL_OF(dispatch, dispatch_barrier_async_f, site)(queue, item, run_item);
  } else if (group != NULL) {
    REAL_OF(dispatch, dispatch_group_async_f, site)(group, queue, item, run_item);
  } else {
    REAL_OF(dispatch, dispatch_async_f, site)(queue, item, run_item);
  }
  return true;
}

always_inline bool put_async_block(void *group, void *queue, struct block *block, bool is_barrier,
                                   struct site site) {
  enum block_kind kind = kind_of(block, site);
  return kind != UNKNOWN_BLOCK &&
         put_async(group, queue, work_of(block), is_barrier || kind == BARRIER_OBJECT, site);
}

static void run_after(void *argument);

exported void dispatch_async(void *queue, struct block *block) {
  if (!put_async_block(NULL, queue, block, false, THIS_SITE))
    REAL_OF(dispatch, dispatch_async, THIS_SITE)(queue, block);
}

exported void dispatch_async_f(void *queue, void *argument, work_function work) {
  // What is due at once libdispatch itself puts in: it is recorded when it starts.
  if (work == NULL || work == run_after ||
      !put_async(NULL, queue, (struct work){argument, work}, false, THIS_SITE))
    REAL_OF(dispatch, dispatch_async_f, THIS_SITE)(queue, argument, work);
}

exported void dispatch_barrier_async(void *queue, struct block *block) {
  if (!put_async_block(NULL, queue, block, true, THIS_SITE))
    REAL_OF(dispatch, dispatch_barrier_async, THIS_SITE)(queue, block);
}

exported void dispatch_barrier_async_f(void *queue, void *argument, work_function work) {
  if (work == NULL || !put_async(NULL, queue, (struct work){argument, work}, true, THIS_SITE))
    REAL_OF(dispatch, dispatch_barrier_async_f, THIS_SITE)(queue, argument, work);
}

exported void dispatch_group_async(void *group, void *queue, struct block *block) {
  if (group == NULL || !put_async_block(group, queue, block, false, THIS_SITE))
    REAL_OF(dispatch, dispatch_group_async, THIS_SITE)(group, queue, block);
}

exported void dispatch_group_async_f(void *group, void *queue, void *argument, work_function work) {
  if (group == NULL || work == NULL ||
      !put_async(group, queue, (struct work){argument, work}, false, THIS_SITE))
    REAL_OF(dispatch, dispatch_group_async_f, THIS_SITE)(group, queue, argument, work);
}

// MARK: Work for later

enum { EXTRA_WHEN, EXTRA_CALLED };

/// Nanoseconds of the clock that a dispatch_time_t is of.
static uint64_t clock_of(uint64_t when) {
  clockid_t clock = (int64_t)when >= 0           ? CLOCK_MONOTONIC
                    : when & UINT64_C(1) << 62 ? CLOCK_REALTIME
                                                 : CLOCK_BOOTTIME;
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/// What a dispatch_time_t says on its clock.
static uint64_t nanoseconds_of(uint64_t when) {
  if ((int64_t)when >= 0) return when;
  return when & UINT64_C(1) << 62 ? -when : when & ~(UINT64_C(1) << 63);
}

/// When an item was due, as a stamp: between the call and now, both of which are known on both clocks.
static uint64_t due(const struct item *item, uint64_t present) {
  uint64_t when = item->extra[EXTRA_WHEN], called = item->extra[EXTRA_CALLED];
  uint64_t wanted = nanoseconds_of(when), reached = clock_of(when);
  if (wanted <= called) return item->since;
  if (wanted >= reached) return present;
  double part = (double)(reached - wanted) / (double)(reached - called);
  return present - (uint64_t)((double)(present - item->since) * part);
}

static void take_out_late(void *argument, uint64_t since) {
  struct item item = *(struct item *)argument;
  forget(argument);
  struct work work = work_in(&item);
  if (is_recording())
    record_items(CTRACE_RECORD_ENQUEUE, item.queue, CTRACE_DISPATCH_QUEUE, 1, 0, since,
                 (struct site){item.site, 0});
  take_out(item.queue, since, work);
  release_work(work);
}

/// What libdispatch calls for an item that was to wait until a time.
static void run_after(void *argument) {
  take_out_late(argument, arena.base != NULL ? due(argument, now()) : 0);
}

/// What libdispatch calls for an item that was to wait until a group was empty.
static void run_notified(void *argument) { take_out_late(argument, arena.base != NULL ? now() : 0); }

static bool put_after(uint64_t when, void *queue, struct work work, struct site site) {
  struct item *item = remember_work(queue, work, site);
  if (item == NULL) return false;
  name_queue(queue, site);
  item->since = now();
  item->extra[EXTRA_WHEN] = when;
  item->extra[EXTRA_CALLED] = clock_of(when);
  REAL_OF(dispatch, dispatch_after_f, site)(when, queue, item, run_after);
  return true;
}

/// The time that never comes: libdispatch forgets the work.
static const uint64_t FOREVER = UINT64_MAX;

exported void dispatch_after(uint64_t when, void *queue, struct block *block) {
  enum block_kind kind = kind_of(block, THIS_SITE);
  if (when == FOREVER || kind == UNKNOWN_BLOCK || kind == BARRIER_OBJECT ||
      !put_after(when, queue, work_of(block), THIS_SITE))
    REAL_OF(dispatch, dispatch_after, THIS_SITE)(when, queue, block);
}

exported void dispatch_after_f(uint64_t when, void *queue, void *argument, work_function work) {
  if (when == FOREVER || work == NULL ||
      !put_after(when, queue, (struct work){argument, work}, THIS_SITE))
    REAL_OF(dispatch, dispatch_after_f, THIS_SITE)(when, queue, argument, work);
}

static bool put_notified(void *group, void *queue, struct work work, struct site site) {
  struct item *item = group == NULL ? NULL : remember_work(queue, work, site);
  if (item == NULL) return false;
  name_queue(queue, site);
  REAL_OF(dispatch, dispatch_group_notify_f, site)(group, queue, item, run_notified);
  return true;
}

exported void dispatch_group_notify(void *group, void *queue, struct block *block) {
  enum block_kind kind = kind_of(block, THIS_SITE);
  if (kind == UNKNOWN_BLOCK || kind == BARRIER_OBJECT ||
      !put_notified(group, queue, work_of(block), THIS_SITE))
    REAL_OF(dispatch, dispatch_group_notify, THIS_SITE)(group, queue, block);
}

exported void dispatch_group_notify_f(void *group, void *queue, void *argument,
                                      work_function work) {
  if (work == NULL || !put_notified(group, queue, (struct work){argument, work}, THIS_SITE))
    REAL_OF(dispatch, dispatch_group_notify_f, THIS_SITE)(group, queue, argument, work);
}

// MARK: Synchronous work

/// Work whose caller waits for it. It lies on the caller's stack.
struct sync_call {
  struct work work;
  uintptr_t queue;
  uint64_t since;
  const struct thread_state *thread;
  struct wait wait;
};

/// What libdispatch calls when the work's turn has come, mostly in the thread that waits.
static void run_sync(void *argument) {
  struct sync_call *call = argument;
  bool is_caller = call->thread == &self;
  if (is_caller) {
    leave_library();
    wait_end(&call->wait, CTRACE_ACQUIRED);
  }
  take_out(call->queue, call->since, call->work);
  if (is_caller && is_recording()) enter_library();
}

static void end_sync(struct sync_call *call) {
  if (self.is_inside_library) leave_library();
  wait_cleanup(&call->wait);
}

/// Set where libdispatch does the iterations of dispatch_apply() by a call of dispatch_sync_f().
static __thread bool is_applying __attribute__((tls_model("initial-exec")));

always_inline bool put_sync(void *queue, struct work work, work_function code, struct site site,
                            type_of_dispatch_sync_f put) {
  if (queue == NULL || code == NULL || !is_recording()) return false;
  __attribute__((cleanup(end_sync))) struct sync_call call = {
      .work = work, .queue = (uintptr_t)queue, .thread = &self};
  wait_begin(&call.wait, call.queue, CTRACE_DISPATCH_QUEUE, CTRACE_PUT, 0, 0, site);
  call.since = put_in(queue, 1, site);
  enter_library();
  put(queue, &call, run_sync);
  if (self.is_inside_library) leave_library();
  wait_end(&call.wait, CTRACE_ACQUIRED);
  return true;
}

/// The three forms of a function that waits: of a block, of a block that is a barrier, of a function.
#define SYNC(name, barrier_name)                                                               \
  exported void name##_f(void *queue, void *argument, work_function work) {                    \
    struct site site = THIS_SITE;                                                              \
    type_of_##name##_f put = REAL_OF(dispatch, name##_f, site);                                \
    bool is_iteration = is_applying;                                                           \
    is_applying = false;                                                                       \
    if (is_iteration || !put_sync(queue, (struct work){argument, work}, work, site, put))      \
      put(queue, argument, work);                                                              \
  }                                                                                            \
  exported void name(void *queue, struct block *block) {                                       \
    struct site site = THIS_SITE;                                                              \
    enum block_kind kind = kind_of(block, site);                                               \
    if (kind == UNKNOWN_BLOCK ||                                                               \
        !put_sync(queue, work_of(block), block->invoke, site,                                  \
                  kind == BARRIER_OBJECT ? REAL_OF(dispatch, barrier_name##_f, site)           \
                                         : REAL_OF(dispatch, name##_f, site)))                 \
      REAL_OF(dispatch, name, site)(queue, block);                                             \
  }

SYNC(dispatch_sync, dispatch_barrier_sync)
SYNC(dispatch_barrier_sync, dispatch_barrier_sync)
SYNC(dispatch_async_and_wait, dispatch_barrier_async_and_wait)
SYNC(dispatch_barrier_async_and_wait, dispatch_barrier_async_and_wait)

// MARK: Iterations

/// The iterations of one dispatch_apply(), all of which are done when it returns.
struct apply_call {
  void *argument;
  iteration_function function;
  uintptr_t queue;
  uint64_t since;
};

static void run_iteration(void *argument, size_t iteration) {
  struct apply_call *call = argument;
  is_applying = false;
  uint64_t start = arena.base != NULL ? now() : 0;
  record_items(CTRACE_RECORD_DEQUEUE, call->queue, CTRACE_DISPATCH_QUEUE, 1, call->since, start,
               (struct site){(uintptr_t)call->function + 1, 0});
  items_at_work += 1;
  call->function(call->argument, iteration);
  items_at_work -= 1;
  record_slice(call->queue, CTRACE_DISPATCH_QUEUE, 0, start);
}

/// Stands for the queue where libdispatch chooses one.
static const char automatic_queue;

static bool apply(size_t count, void *queue, void *argument, iteration_function function,
                  struct site site) {
  if (count == 0 || function == NULL || !is_recording()) return false;
  struct apply_call call = {.argument = argument, .function = function, .queue = (uintptr_t)queue};
  if (queue == NULL) {
    call.queue = (uintptr_t)&automatic_queue;
    record_name(call.queue, CTRACE_DISPATCH_QUEUE, 0, "dispatch_apply");
    call.since = now();
    record_items(CTRACE_RECORD_ENQUEUE, call.queue, CTRACE_DISPATCH_QUEUE, count, 0, call.since,
                 site);
  } else {
    call.since = put_in(queue, count, site);
  }
  bool was_applying = is_applying;
  is_applying = true;
  REAL_OF(dispatch, dispatch_apply_f, site)(count, queue, &call, run_iteration);
  is_applying = was_applying;
  return true;
}

exported void dispatch_apply_f(size_t count, void *queue, void *argument,
                               iteration_function function) {
  if (!apply(count, queue, argument, function, THIS_SITE))
    REAL_OF(dispatch, dispatch_apply_f, THIS_SITE)(count, queue, argument, function);
}

exported void dispatch_apply(size_t count, void *queue, struct block *block) {
  if (block == NULL || !apply(count, queue, block, (iteration_function)(void *)block->invoke,
                              THIS_SITE))
    REAL_OF(dispatch, dispatch_apply, THIS_SITE)(count, queue, block);
}
