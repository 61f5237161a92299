// Two threads that take turns: one holds something, or is late, and knows that the other waits for it: it
// sleeps. What the one sees is the least, and what the other measures the most, that the wait can be.
#ifndef PAIR_H
#define PAIR_H

#include "workload.h"

static int pair_turn, pair_wanting;
static pid_t pair_waiter;
/// For how long the other was seen to sleep.
static int64_t pair_held;

static inline int pair_load(const int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }
static inline void pair_until(int turn) {
  while (pair_load(&pair_turn) < turn) sleep_ns(50000);
}
static inline void pair_next(void) { __atomic_fetch_add(&pair_turn, 1, __ATOMIC_RELEASE); }

/// Lets the other want it, and holds it for 5 ms from when the other sleeps.
static inline void pair_hold(void) {
  pair_next();
  int turn = pair_load(&pair_turn);
  while (pair_load(&pair_wanting) != turn) sleep_ns(50000);
  until_asleep(pair_waiter);
  int64_t begin = now_ns();
  sleep_ms(5);
  pair_held += now_ns() - begin;
}

/// The other's side, which waits in `want`: how long that took.
static inline int64_t pair_want(int round, void (*want)(void)) {
  pair_until(2 * round + 1);
  pair_waiter = gettid();
  __atomic_store_n(&pair_wanting, 2 * round + 1, __ATOMIC_RELEASE);
  int64_t begin = now_ns();
  want();
  int64_t waited = now_ns() - begin;
  pair_next();
  return waited;
}

/// Where the holder waits for the other to have had it.
static inline void pair_done(int round) { pair_until(2 * round + 2); }

/// Says what was seen and measured since the last time.
static inline void pair_say(const char *name, int64_t waited) {
  char held[64];
  snprintf(held, sizeof held, "%s_held", name);
  say(held, pair_held);
  say(name, waited);
  pair_held = 0;
}

#endif
