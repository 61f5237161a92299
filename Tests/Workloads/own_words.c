// A program that tells of itself through ctrace.h, and knows what it told: a queue whose depth goes up a
// staircase and down again, a queue that is read from its end, a lock of its own, work, numbers.
#include <ctrace.h>

#include "workload.h"

enum { STEPS = 5, STEP_MS = 10, WAITS = 5, PIECES = 10 };

static struct ctrace_queue stairs = CTRACE_QUEUE("stairs", STEPS);
static struct ctrace_queue pile = CTRACE_QUEUE("pile", 0);
static struct ctrace_lock own_lock = CTRACE_LOCK("own_lock");
static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static int64_t put_in[STEPS];

NAMED static void put(int step) {
  ctrace_enqueue(&stairs, 1);
  put_in[step] = now_ns();
}

NAMED static int64_t take(int step) {
  int64_t stayed = now_ns() - put_in[step];
  ctrace_dequeue(&stairs, 1);
  return stayed;
}

/// One item more each time, and one less each time, in the order in which they came.
static void climb(void) {
  int64_t stayed = 0, longest = 0, area = 0, last = now_ns();
  for (int step = 0; step < STEPS; step++) {
    put(step);
    area += step * (put_in[step] - last);
    last = put_in[step];
    sleep_ms(STEP_MS);
  }
  int64_t full = 0;
  for (int step = 0; step < STEPS; step++) {
    int64_t time = take(step), now = now_ns();
    if (step == 0) full = now - last;
    area += (STEPS - step) * (now - last);
    last = now;
    stayed += time;
    if (time > longest) longest = time;
    sleep_ms(STEP_MS);
  }
  say("steps", STEPS);
  say("stayed", stayed);
  say("longest_stay", longest);
  say("full", full);
  say("area", area);
}

/// The last that came goes first: each item says itself when it came.
static void stack_up(void) {
  uint64_t came[3];
  int64_t times[3], stayed = 0;
  for (int item = 0; item < 3; item++) {
    came[item] = ctrace_now();
    times[item] = now_ns();
    ctrace_enqueue(&pile, 1);
    sleep_ms(10);
  }
  for (int item = 2; item >= 0; item--) {
    int64_t time = now_ns() - times[item];
    ctrace_dequeue_put_at(&pile, came[item]);
    if (item == 0) say("first_stay", time);
    stayed += time;
  }
  say("pile_stayed", stayed);
  ctrace_set_depth(&pile, 7);
  sleep_ms(1);
  ctrace_set_depth(&pile, 0);
}

static int held;
static int64_t waited;

NAMED static void wait_for_own(void) {
  int64_t begin = now_ns();
  ctrace_lock_requested(&own_lock);
  while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) != 0) sched_yield();
  ctrace_lock_acquired(&own_lock);
  waited += now_ns() - begin;
}

NAMED static void give_back_own(void) {
  ctrace_lock_released(&own_lock);
  __atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}

static pthread_barrier_t turns;

static void *contend(void *unused) {
  for (int turn = 0; turn < WAITS; turn++) {
    pthread_barrier_wait(&turns);
    wait_for_own();
    give_back_own();
    pthread_barrier_wait(&turns);
  }
  return unused;
}

/// Each turn one thread has the lock while the other asks for it.
static void fight(void) {
  OK(pthread_barrier_init(&turns, NULL, 2));
  pthread_t other = start(contend, NULL);
  for (int turn = 0; turn < WAITS; turn++) {
    while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) != 0) sched_yield();
    ctrace_lock_acquired(&own_lock);
    pthread_barrier_wait(&turns);
    // It wants the lock by now, if there is anybody to tell that to.
    while (ctrace_is_recorded() && __atomic_load_n(&own_lock.waiters, __ATOMIC_RELAXED) == 0)
      sched_yield();
    sleep_ms(5);
    give_back_own();
    pthread_barrier_wait(&turns);
  }
  join(other);
}

static void work(void) {
  int64_t worked = 0;
  for (int piece = 0; piece < PIECES; piece++) {
    int64_t begin = now_ns();
    struct ctrace_slice outer = ctrace_slice_begin("outer work");
    struct ctrace_slice inner = ctrace_slice_begin("inner work");
    sleep_ms(1);
    ctrace_slice_end(inner);
    ctrace_slice_end(outer);
    worked += now_ns() - begin;
    ctrace_set_counter("pieces", piece - 3);
  }
  say("worked", worked);
  say("pieces", PIECES);
  ctrace_instant("done", 42);
  ctrace_instant(NULL, 0);
}

int main(void) {
  say("recorded", ctrace_is_recorded());
  climb();
  stack_up();
  fight();
  say("waited", waited);
  say("waits", WAITS);
  work();
  ctrace_name_lock(&plain, "a plain lock");
  OK(pthread_mutex_lock(&plain));
  OK(pthread_mutex_unlock(&plain));
  // What is at one address after the other is another queue.
  for (int life = 0; life < 3; life++) {
    struct ctrace_queue queue = CTRACE_QUEUE("short-lived", 1);
    ctrace_enqueue(&queue, 1);
    ctrace_dequeue(&queue, 1);
    ctrace_queue_gone(&queue);
  }
  pid_t child = fork();
  if (child == 0) {
    ctrace_enqueue(&stairs, 3);
    ctrace_dequeue(&stairs, 3);
    _exit(0);
  }
  GIVES(0, status_of(child));
}
