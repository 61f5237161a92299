// glib's asynchronous queue, filled while its takers are held back and then emptied, and a pool of two threads
// with more work than they can begin. Both are counted and timed here.
#include <glib.h>

#include "pair.h"

enum { ITEMS = 200, TAKERS = 2, WAITS = 10, JOBS = 20 };

static GAsyncQueue *queue;
static bool may_take;
static int taken;
static int64_t waited;

NAMED static void make_queue(void) {
  queue = g_async_queue_new();
  GIVES(0, g_async_queue_length(queue));
}

NAMED static void put_item(intptr_t item) { g_async_queue_push(queue, (gpointer)item); }

NAMED static intptr_t take_item(void) { return (intptr_t)g_async_queue_pop(queue); }

static void *taker(void *unused) {
  while (!__atomic_load_n(&may_take, __ATOMIC_ACQUIRE)) sleep_ms(1);
  while (take_item() != 1) __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
  return unused;
}

static void take_two(void) { CHECK(take_item() == 2); }

/// Takes from an empty queue.
static void *waiter(void *unused) {
  for (int round = 0; round < WAITS; round++) waited += pair_want(round, take_two);
  // The time-out is over before anything comes.
  int64_t begin = now_ns();
  CHECK(g_async_queue_timeout_pop(queue, 20000) == NULL);
  say("timed_out", now_ns() - begin);
  return unused;
}

static int64_t begun, run_time;
static int64_t residence;
static struct { int64_t put; } jobs[JOBS];
static int pool_data;

NAMED static void do_job(gpointer item, gpointer data) {
  CHECK(data == &pool_data);
  int number = GPOINTER_TO_INT(item) - 1;
  int64_t start = now_ns();
  __atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&residence, start - jobs[number].put, __ATOMIC_RELAXED);
  sleep_ms(5);
  __atomic_fetch_add(&run_time, now_ns() - start, __ATOMIC_RELAXED);
}

static int sorts;

/// Sees the program's own items.
static gint compare(gconstpointer one, gconstpointer other, gpointer data) {
  CHECK(data == &pool_data);
  sorts++;
  int first = GPOINTER_TO_INT(one), second = GPOINTER_TO_INT(other);
  CHECK(first >= 1 && first <= JOBS && second >= 1 && second <= JOBS);
  return first - second;
}

NAMED static void put_job(GThreadPool *pool, int number) {
  jobs[number].put = now_ns();
  CHECK(g_thread_pool_push(pool, GINT_TO_POINTER(number + 1), NULL));
}

NAMED static GThreadPool *make_pool(int threads) {
  GThreadPool *pool = g_thread_pool_new(do_job, &pool_data, threads, FALSE, NULL);
  GIVES(threads, g_thread_pool_get_max_threads(pool));
  return pool;
}

int main(void) {
  make_queue();
  pthread_t other = start(waiter, NULL);
  for (int round = 0; round < WAITS; round++) {
    pair_hold();
    put_item(2);
    pair_done(round);
  }
  join(other);
  pair_say("waited", waited);

  pthread_t takers[TAKERS];
  for (int index = 0; index < TAKERS; index++) takers[index] = start(taker, NULL);
  for (int item = 0; item < ITEMS; item++) put_item(3 + item);
  sleep_ms(50);
  CHECK(g_async_queue_length(queue) == ITEMS);
  __atomic_store_n(&may_take, true, __ATOMIC_RELEASE);
  while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < ITEMS) sleep_ms(1);
  for (int index = 0; index < TAKERS; index++) put_item(1);
  for (int index = 0; index < TAKERS; index++) join(takers[index]);
  // Other ways in and out.
  g_async_queue_push_front(queue, GINT_TO_POINTER(5));
  g_async_queue_lock(queue);
  g_async_queue_push_unlocked(queue, GINT_TO_POINTER(6));
  CHECK(GPOINTER_TO_INT(g_async_queue_pop_unlocked(queue)) == 5);
  CHECK(g_async_queue_remove_unlocked(queue, GINT_TO_POINTER(6)));
  CHECK(!g_async_queue_remove_unlocked(queue, GINT_TO_POINTER(6)));
  g_async_queue_unlock(queue);
  CHECK(g_async_queue_try_pop(queue) == NULL);
  int total = ITEMS + TAKERS + WAITS + 2;
  g_async_queue_unref(queue);
  // What comes to its place is another.
  make_queue();
  put_item(4);
  CHECK(take_item() == 4);
  g_async_queue_unref(queue);

  GThreadPool *pool = make_pool(2);
  for (int number = 0; number < JOBS; number++) put_job(pool, number);
  g_thread_pool_free(pool, FALSE, TRUE);
  CHECK(begun == JOBS);
  say("residence", residence);
  say("run_time", run_time);
  // One that sorts, and one that is freed with work that never begins.
  pool = make_pool(1);
  g_thread_pool_set_sort_function(pool, compare, &pool_data);
  for (int number = JOBS; number-- > JOBS - 4;) put_job(pool, number);
  CHECK(g_thread_pool_unprocessed(pool) >= 2);
  g_thread_pool_free(pool, TRUE, TRUE);
  CHECK(sorts > 0);

  say("items", total);
  say("held_back", ITEMS);
  say("waits", WAITS);
  say("jobs", JOBS);
}
