// glib: asynchronous queues and pools of threads. Its locks are libc's or made of futexes: see syscall.c.
//
// A queue's items are the program's pointers and cannot be marked: how long one was in is known by the order
// in which they come out. Of a pool the function is wrapped, not the items, so that functions that sort,
// free or look at items see the program's own.
#include "library.h"

typedef void free_function(void *item);
typedef int compare_function(const void *one, const void *other, void *data);
typedef void pool_function(void *item, void *data);
struct queue;
struct time_value;

/// The part of a pool that glib's own header shows.
struct pool {
  pool_function *function;
  void *data;
  int is_exclusive;
};

#define FUNCTIONS(X)                                                                            \
  X(struct queue *, g_async_queue_new, (void))                                                  \
  X(struct queue *, g_async_queue_new_full, (free_function * free_item))                        \
  X(void, g_async_queue_unref, (struct queue * queue))                                          \
  X(void, g_async_queue_unref_and_unlock, (struct queue * queue))                               \
  X(void, g_async_queue_push, (struct queue * queue, void *item))                               \
  X(void, g_async_queue_push_unlocked, (struct queue * queue, void *item))                      \
  X(void, g_async_queue_push_front, (struct queue * queue, void *item))                         \
  X(void, g_async_queue_push_front_unlocked, (struct queue * queue, void *item))                \
  X(void, g_async_queue_push_sorted,                                                            \
    (struct queue * queue, void *item, compare_function *compare, void *data))                  \
  X(void, g_async_queue_push_sorted_unlocked,                                                   \
    (struct queue * queue, void *item, compare_function *compare, void *data))                  \
  X(void *, g_async_queue_pop, (struct queue * queue))                                          \
  X(void *, g_async_queue_pop_unlocked, (struct queue * queue))                                 \
  X(void *, g_async_queue_try_pop, (struct queue * queue))                                      \
  X(void *, g_async_queue_try_pop_unlocked, (struct queue * queue))                             \
  X(void *, g_async_queue_timeout_pop, (struct queue * queue, uint64_t microseconds))           \
  X(void *, g_async_queue_timeout_pop_unlocked, (struct queue * queue, uint64_t microseconds))  \
  X(void *, g_async_queue_timed_pop, (struct queue * queue, struct time_value * end))           \
  X(void *, g_async_queue_timed_pop_unlocked, (struct queue * queue, struct time_value * end))  \
  X(int, g_async_queue_remove, (struct queue * queue, void *item))                              \
  X(int, g_async_queue_remove_unlocked, (struct queue * queue, void *item))                     \
  X(struct pool *, g_thread_pool_new,                                                           \
    (pool_function * function, void *data, int threads, int is_exclusive, void **error))        \
  X(struct pool *, g_thread_pool_new_full,                                                      \
    (pool_function * function, void *data, free_function *free_item, int threads,               \
     int is_exclusive, void **error))                                                           \
  X(int, g_thread_pool_push, (struct pool * pool, void *item, void **error))                    \
  X(void, g_thread_pool_free, (struct pool * pool, int is_immediate, int waits))
LIBRARY_FUNCTIONS(glib, "libglib-2.0.so", FUNCTIONS)

/// Whether the thread is inside one of these functions already: where the library calls itself through
/// symbols that others can stand in for, the outer call counts.
static __thread bool is_in_glib __attribute__((tls_model("initial-exec")));

/// Calls the library's own function of a name.
#define CALL(name, ...)                                    \
  ({                                                       \
    is_in_glib = true;                                     \
    __auto_type value = REAL_OF(glib, name, THIS_SITE)(__VA_ARGS__); \
    is_in_glib = false;                                    \
    value;                                                 \
  })

always_inline bool is_passed_on(const void *object) {
  return unlikely(!is_recording()) || object == NULL || is_in_glib;
}

// MARK: Queues

/// Where a queue has the number of its references: found to be so at each new one, which has one.
enum { REFERENCES = 60 };
static bool has_other_layout;

static int references_of(const struct queue *queue) {
  return __atomic_load_n((const int *)((const char *)queue + REFERENCES), __ATOMIC_RELAXED);
}

static struct queue *queue_made(struct queue *queue, struct site site) {
  if (queue == NULL || !is_recording()) return queue;
  if (references_of(queue) != 1) has_other_layout = true;
  // Then it is not known when the one went that was here before.
  if (has_other_layout) record_destroy((uintptr_t)queue, CTRACE_QUEUE);
  record_lock(CTRACE_RECORD_INIT, (uintptr_t)queue, CTRACE_QUEUE, 0, site);
  return queue;
}

exported struct queue *g_async_queue_new(void) {
  if (is_passed_on(&glib_library)) return REAL_OF(glib, g_async_queue_new, THIS_SITE)();
  return queue_made(CALL(g_async_queue_new), THIS_SITE);
}

exported struct queue *g_async_queue_new_full(free_function *free_item) {
  if (is_passed_on(&glib_library)) return REAL_OF(glib, g_async_queue_new_full, THIS_SITE)(free_item);
  return queue_made(CALL(g_async_queue_new_full, free_item), THIS_SITE);
}

/// The last reference goes, and with it the queue. Told before: its memory may be another's at once.
static void queue_released(const struct queue *queue) {
  if (!has_other_layout && references_of(queue) == 1)
    record_destroy((uintptr_t)queue, CTRACE_QUEUE);
}

exported void g_async_queue_unref(struct queue *queue) {
  if (!is_passed_on(queue)) queue_released(queue);
  REAL_OF(glib, g_async_queue_unref, THIS_SITE)(queue);
}

exported void g_async_queue_unref_and_unlock(struct queue *queue) {
  if (!is_passed_on(queue)) queue_released(queue);
  REAL_OF(glib, g_async_queue_unref_and_unlock, THIS_SITE)(queue);
}

/// A queue may be gone, and its address another's, as soon as it has the item: its key is taken before.
#define PUSH(name, parameters, ...)                                                              \
  exported void name parameters {                                                                \
    if (is_passed_on(queue) || item == NULL) {                                                   \
      REAL_OF(glib, name, THIS_SITE)(__VA_ARGS__);                                               \
      return;                                                                                    \
    }                                                                                            \
    uint64_t key = any_key((uintptr_t)queue), time = now();                                      \
    is_in_glib = true;                                                                           \
    REAL_OF(glib, name, THIS_SITE)(__VA_ARGS__);                                                 \
    is_in_glib = false;                                                                          \
    record_items(CTRACE_RECORD_ENQUEUE, key, CTRACE_QUEUE, 1, 0, time, THIS_SITE);               \
  }

PUSH(g_async_queue_push, (struct queue * queue, void *item), queue, item)
PUSH(g_async_queue_push_unlocked, (struct queue * queue, void *item), queue, item)
PUSH(g_async_queue_push_front, (struct queue * queue, void *item), queue, item)
PUSH(g_async_queue_push_front_unlocked, (struct queue * queue, void *item), queue, item)
PUSH(g_async_queue_push_sorted,
     (struct queue * queue, void *item, compare_function *compare, void *data), queue, item,
     compare, data)
PUSH(g_async_queue_push_sorted_unlocked,
     (struct queue * queue, void *item, compare_function *compare, void *data), queue, item,
     compare, data)

static void *queue_gave(uint64_t key, void *item, struct site site) {
  if (item != NULL) record_items(CTRACE_RECORD_DEQUEUE, key, CTRACE_QUEUE, 1, 0, now_after(), site);
  return item;
}

#define TRY_POP(name)                                                                \
  exported void *name(struct queue *queue) {                                         \
    if (is_passed_on(queue)) return REAL_OF(glib, name, THIS_SITE)(queue);           \
    uint64_t key = any_key((uintptr_t)queue);                                        \
    return queue_gave(key, CALL(name, queue), THIS_SITE);                            \
  }

TRY_POP(g_async_queue_try_pop)
TRY_POP(g_async_queue_try_pop_unlocked)

/// Tries first: only an empty queue is waited for.
#define POP(name, try_name, parameters, ...)                                                   \
  exported void *name parameters {                                                             \
    if (is_passed_on(queue)) return REAL_OF(glib, name, THIS_SITE)(__VA_ARGS__);               \
    uint64_t key = any_key((uintptr_t)queue);                                                  \
    void *item = CALL(try_name, queue);                                                        \
    if (item == NULL) {                                                                        \
      struct wait wait = {.is_whole = true};                                                   \
      wait_begin(&wait, key, CTRACE_QUEUE, CTRACE_TAKE, 0, 0, THIS_SITE);                      \
      item = CALL(name, __VA_ARGS__);                                                          \
      wait_end(&wait, item != NULL ? CTRACE_ACQUIRED : CTRACE_TIMED_OUT);                      \
    }                                                                                          \
    return queue_gave(key, item, THIS_SITE);                                                   \
  }

POP(g_async_queue_pop, g_async_queue_try_pop, (struct queue * queue), queue)
POP(g_async_queue_pop_unlocked, g_async_queue_try_pop_unlocked, (struct queue * queue), queue)
POP(g_async_queue_timeout_pop, g_async_queue_try_pop,
    (struct queue * queue, uint64_t microseconds), queue, microseconds)
POP(g_async_queue_timeout_pop_unlocked, g_async_queue_try_pop_unlocked,
    (struct queue * queue, uint64_t microseconds), queue, microseconds)
POP(g_async_queue_timed_pop, g_async_queue_try_pop,
    (struct queue * queue, struct time_value * end), queue, end)
POP(g_async_queue_timed_pop_unlocked, g_async_queue_try_pop_unlocked,
    (struct queue * queue, struct time_value * end), queue, end)

#define REMOVE(name)                                                                     \
  exported int name(struct queue *queue, void *item) {                                   \
    if (is_passed_on(queue)) return REAL_OF(glib, name, THIS_SITE)(queue, item);         \
    uint64_t key = any_key((uintptr_t)queue);                                            \
    int is_removed = CALL(name, queue, item);                                            \
    queue_gave(key, is_removed ? item : NULL, THIS_SITE);                                \
    return is_removed;                                                                   \
  }

REMOVE(g_async_queue_remove)
REMOVE(g_async_queue_remove_unlocked)

// MARK: Pools

/// What stands in for a pool's function and its data.
struct node {
  pool_function *function;
  void *data;
  /// Items that are not done, and the pool itself.
  int64_t references;
};

/// Nodes in use, one bit each. A pool that finds none is not counted at all.
static struct node nodes[1024];
static uint64_t nodes_used[sizeof nodes / sizeof nodes[0] / 64];

static struct node *new_node(pool_function *function, void *data) {
  for (uint32_t word = 0; word < sizeof nodes_used / sizeof nodes_used[0]; word++) {
    uint64_t used = __atomic_load_n(&nodes_used[word], __ATOMIC_RELAXED);
    while (~used != 0) {
      uint64_t bit = ~used & (used + 1);
      if (!__atomic_compare_exchange_n(&nodes_used[word], &used, used | bit, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED))
        continue;
      struct node *node = &nodes[word * 64 + (uint32_t)__builtin_ctzll(bit)];
      *node = (struct node){function, data, 1};
      return node;
    }
  }
  return NULL;
}

static void free_node(struct node *node) {
  size_t index = (size_t)(node - nodes);
  if (is_recording()) record_destroy((uintptr_t)node, CTRACE_THREAD_POOL);
  __atomic_fetch_and(&nodes_used[index / 64], ~(UINT64_C(1) << index % 64), __ATOMIC_RELEASE);
}

static void drop(struct node *node) {
  if (__atomic_sub_fetch(&node->references, 1, __ATOMIC_ACQ_REL) == 0) free_node(node);
}

/// A piece of work. Its thread may leave it by g_thread_exit().
struct work {
  struct node *node;
  uint64_t start;
};

static void end_work(struct work *work) {
  if (work->start != 0) record_slice((uintptr_t)work->node, CTRACE_THREAD_POOL, 0, work->start);
  drop(work->node);
}

/// What the pool's threads run in place of the program's function.
static void run_item(void *item, void *argument) {
  struct node *node = argument;
  __attribute__((cleanup(end_work))) struct work work = {node, is_recording() ? now_after() : 0};
  if (work.start != 0)
    record_items(CTRACE_RECORD_DEQUEUE, (uintptr_t)node, CTRACE_THREAD_POOL, 1, 0, work.start,
                 (struct site){(uintptr_t)node->function + 1, 0});
  node->function(item, node->data);
}

static struct node *node_of(const struct pool *pool) {
  return pool != NULL && pool->function == run_item ? pool->data : NULL;
}

#define NEW_POOL(name, parameters, ...)                                                           \
  exported struct pool *name parameters {                                                         \
    struct node *node = is_passed_on(function) ? NULL : new_node(function, data);                 \
    if (node == NULL) return REAL_OF(glib, name, THIS_SITE)(__VA_ARGS__);                         \
    record_lock(CTRACE_RECORD_INIT, (uintptr_t)node, CTRACE_THREAD_POOL, 0, THIS_SITE);           \
    function = run_item;                                                                          \
    data = node;                                                                                  \
    struct pool *pool = CALL(name, __VA_ARGS__);                                                  \
    if (pool == NULL) free_node(node);                                                            \
    return pool;                                                                                  \
  }

NEW_POOL(g_thread_pool_new,
         (pool_function * function, void *data, int threads, int is_exclusive, void **error),
         function, data, threads, is_exclusive, error)
NEW_POOL(g_thread_pool_new_full,
         (pool_function * function, void *data, free_function *free_item, int threads,
          int is_exclusive, void **error),
         function, data, free_item, threads, is_exclusive, error)

/// The item is in the pool whatever this returns: an error means that no thread could be started.
exported int g_thread_pool_push(struct pool *pool, void *item, void **error) {
  struct node *node = node_of(pool);
  if (node == NULL || is_in_glib) return REAL_OF(glib, g_thread_pool_push, THIS_SITE)(pool, item, error);
  uint64_t time = is_recording() ? now() : 0;
  __atomic_fetch_add(&node->references, 1, __ATOMIC_RELAXED);
  if (time != 0)
    record_items(CTRACE_RECORD_ENQUEUE, (uintptr_t)node, CTRACE_THREAD_POOL, 1, 0, time, THIS_SITE);
  return CALL(g_thread_pool_push, pool, item, error);
}

exported void g_thread_pool_free(struct pool *pool, int is_immediate, int waits) {
  struct node *node = node_of(pool);
  REAL_OF(glib, g_thread_pool_free, THIS_SITE)(pool, is_immediate, waits);
  if (node == NULL) return;
  // Then nothing of it runs any more, and what was never begun has been dropped.
  if (waits)
    free_node(node);
  else
    drop(node);
}
