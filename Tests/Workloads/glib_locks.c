// Two threads and glib's locks, of which all but one are made of futexes: one holds it for 5 ms twenty
// times, the other waits for it each time, and says for how long.
#include <glib.h>

#include "pair.h"

enum { ROUNDS = 20 };

static GMutex glib_mutex;
static GCond glib_condition;
static GRWLock glib_rwlock;
static GMutex ready_mutex;
static gint bit_word;
static bool is_ready;

NAMED static void hold_mutex(void) {
  g_mutex_lock(&glib_mutex);
  pair_hold();
  g_mutex_unlock(&glib_mutex);
}
NAMED static void want_mutex(void) {
  g_mutex_lock(&glib_mutex);
  g_mutex_unlock(&glib_mutex);
}

NAMED static void tell_condition(void) {
  pair_hold();
  g_mutex_lock(&ready_mutex);
  is_ready = true;
  g_cond_signal(&glib_condition);
  g_mutex_unlock(&ready_mutex);
}
NAMED static void wait_condition(void) {
  g_mutex_lock(&ready_mutex);
  while (!is_ready) g_cond_wait(&glib_condition, &ready_mutex);
  is_ready = false;
  g_mutex_unlock(&ready_mutex);
}

NAMED static void hold_rwlock(void) {
  g_rw_lock_writer_lock(&glib_rwlock);
  pair_hold();
  g_rw_lock_writer_unlock(&glib_rwlock);
}
NAMED static void want_rwlock(void) {
  g_rw_lock_reader_lock(&glib_rwlock);
  g_rw_lock_reader_unlock(&glib_rwlock);
}

NAMED static void hold_bit(void) {
  g_bit_lock(&bit_word, 3);
  pair_hold();
  g_bit_unlock(&bit_word, 3);
}
NAMED static void want_bit(void) {
  g_bit_lock(&bit_word, 3);
  g_bit_unlock(&bit_word, 3);
}

static void (*const holds[])(void) = {hold_mutex, tell_condition, hold_rwlock, hold_bit};
static void (*const wants[])(void) = {want_mutex, wait_condition, want_rwlock, want_bit};
static const char *const names[] = {"mutex", "condition", "rwlock", "bit"};
enum { SORTS = sizeof holds / sizeof holds[0] };

static int64_t waited[SORTS];

static void *waiter(void *unused) {
  pthread_setname_np(pthread_self(), "waiter");
  for (int round = 0; round < SORTS * ROUNDS; round++)
    waited[round / ROUNDS] += pair_want(round, wants[round / ROUNDS]);
  return unused;
}

int main(void) {
  pthread_t other = start(waiter, NULL);
  for (int sort = 0; sort < SORTS; sort++) {
    for (int round = sort * ROUNDS; round < (sort + 1) * ROUNDS; round++) {
      holds[sort]();
      pair_done(round);
    }
    pair_say(names[sort], waited[sort]);
  }
  join(other);
  say("rounds", ROUNDS);
}
