// An OpenMP team of four whose threads come to its barriers one after the other, its locks and critical
// sections held for a known time, and its tasks.
#include <omp.h>

#include "pair.h"

enum { THREADS = 4, ROUNDS = 3, STEP = 10, HOLDS = 10, TASKS = 40 };

static int64_t waited[THREADS], end_waited, loop_waited[THREADS];
static int64_t arrived[THREADS];
static int64_t critical_waited, lock_waited, named_waited, nested_waited;

NAMED static void meet(int number) {
  int64_t begin = now_ns();
#pragma omp barrier
  waited[number] += now_ns() - begin;
}

NAMED static void barriers(void) {
#pragma omp parallel num_threads(THREADS)
  {
    int number = omp_get_thread_num();
    CHECK(omp_get_num_threads() == THREADS);
    for (int round = 0; round < ROUNDS; round++) {
      sleep_ms(STEP * number);
      meet(number);
    }
  }
}

/// The threads come to the end one after the other, the first thread first.
NAMED static void region_end(void) {
#pragma omp parallel num_threads(THREADS)
  {
    int number = omp_get_thread_num();
    sleep_ms(STEP * number);
    arrived[number] = now_ns();
  }
  int64_t last = 0;
  for (int number = 0; number < THREADS; number++)
    if (arrived[number] > last) last = arrived[number];
  for (int number = 0; number < THREADS; number++) end_waited += last - arrived[number];
}

/// Iterations go to whoever comes; at the loop's end all wait.
NAMED static void loops(void) {
#pragma omp parallel num_threads(THREADS)
  {
    int64_t mine = now_ns();
#pragma omp for schedule(dynamic, 1)
    for (int index = 0; index < THREADS; index++) {
      sleep_ms(STEP * index);
      mine = now_ns();
    }
    loop_waited[omp_get_thread_num()] = now_ns() - mine;
  }
}

/// Two threads: the first holds what the second wants.
NAMED static void contend(void (*hold)(void), void (*want)(void), int64_t *waits) {
  pair_turn = pair_wanting = 0;
#pragma omp parallel num_threads(2)
  for (int round = 0; round < HOLDS; round++) {
    if (omp_get_thread_num() == 0) {
      hold();
      pair_done(round);
    } else {
      *waits += pair_want(round, want);
    }
  }
}

static omp_lock_t omp_lock;
static omp_nest_lock_t omp_nested;
static int guarded;

NAMED static void hold_lock(void) {
  omp_set_lock(&omp_lock);
  pair_hold();
  omp_unset_lock(&omp_lock);
  guarded++;
}
NAMED static void want_lock(void) {
  omp_set_lock(&omp_lock);
  guarded++;
  omp_unset_lock(&omp_lock);
  __asm__ volatile("");
}

/// Held as long as any of its levels is.
NAMED static void hold_nested(void) {
  omp_set_nest_lock(&omp_nested);
  omp_set_nest_lock(&omp_nested);
  omp_unset_nest_lock(&omp_nested);
  GIVES(2, omp_test_nest_lock(&omp_nested));
  pair_hold();
  omp_unset_nest_lock(&omp_nested);
  omp_unset_nest_lock(&omp_nested);
  guarded++;
}
NAMED static void want_nested(void) {
  omp_set_nest_lock(&omp_nested);
  guarded++;
  omp_unset_nest_lock(&omp_nested);
  __asm__ volatile("");
}

NAMED static void hold_named(void) {
#pragma omp critical(guard)
  pair_hold();
  guarded++;
}
NAMED static void want_named(void) {
#pragma omp critical(guard)
  guarded++;
  __asm__ volatile("");
}

NAMED static void hold_critical(void) {
#pragma omp critical
  pair_hold();
  guarded++;
}
NAMED static void want_critical(void) {
#pragma omp critical
  guarded++;
  __asm__ volatile("");
}

NAMED static void locks(void) {
  contend(hold_lock, want_lock, &lock_waited);
  pair_say("lock", lock_waited);
  contend(hold_nested, want_nested, &nested_waited);
  pair_say("nested", nested_waited);
  contend(hold_named, want_named, &named_waited);
  pair_say("named", named_waited);
  contend(hold_critical, want_critical, &critical_waited);
  pair_say("critical", critical_waited);
}

static int64_t task_time, task_sum;

/// One thread makes the tasks, all run them. A mutex that tasks wait for is theirs, not the barrier's.
NAMED static void tasks(void) {
#pragma omp parallel num_threads(THREADS)
#pragma omp single
  {
    for (int64_t number = 0; number < TASKS; number++) {
#pragma omp task firstprivate(number)
      {
        int64_t begin = now_ns();
        sleep_ms(2);
        __atomic_fetch_add(&task_sum, number, __ATOMIC_RELAXED);
        __atomic_fetch_add(&task_time, now_ns() - begin, __ATOMIC_RELAXED);
      }
    }
    // By itself, whether anybody wants it or not.
#pragma omp task if (0)
    __atomic_fetch_add(&task_sum, 1, __ATOMIC_RELAXED);
#pragma omp taskwait
    GIVES(TASKS * (TASKS - 1) / 2 + 1, task_sum);
  }
}

NAMED static long sums(void) {
  long sum = 0;
#pragma omp parallel for num_threads(THREADS) reduction(+ : sum) schedule(guided)
  for (long index = 0; index < 1000; index++) sum += index;
#pragma omp parallel for num_threads(THREADS) ordered schedule(dynamic, 1)
  for (long index = 0; index < 8; index++) {
#pragma omp ordered
    sum = sum * 2 + index;
  }
#pragma omp parallel sections num_threads(2)
  {
#pragma omp section
    sleep_ms(1);
#pragma omp section
    sleep_ms(1);
  }
#pragma omp parallel num_threads(THREADS)
#pragma omp parallel num_threads(2)
#pragma omp atomic
  sum++;
  return sum;
}

int main(void) {
  omp_set_dynamic(0);
  omp_init_lock(&omp_lock);
  omp_init_nest_lock(&omp_nested);
  barriers();
  loops();
  locks();
  tasks();
  long expected = 499500;
  for (long index = 0; index < 8; index++) expected = expected * 2 + index;
  GIVES(expected + 4, sums() - (omp_get_max_active_levels() > 1 ? 4 : 0));
  for (int count = 0; count < 7; count++) {
    omp_set_lock(&omp_lock);
    omp_unset_lock(&omp_lock);
  }
  omp_destroy_lock(&omp_lock);
  omp_destroy_nest_lock(&omp_nested);
  // The last region: its threads have no other to come to.
  region_end();
  int64_t total = 0, loop_total = 0;
  for (int number = 0; number < THREADS; number++) {
    total += waited[number];
    loop_total += loop_waited[number];
  }
  say("threads", THREADS);
  say("rounds", ROUNDS);
  say("waited", total);
  say("loop_waited", loop_total);
  say("end_waited", end_waited);
  say("holds", HOLDS);
  say("tasks", TASKS);
  say("task_time", task_time);
}
