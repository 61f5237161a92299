// One-time initialisations, spinlocks, and the threads, mutexes and conditions of C11.
#include <threads.h>

#include "workload.h"

enum { CALLERS = 4, SPINS = 5 };

static pthread_once_t slow_once = PTHREAD_ONCE_INIT;
static once_flag slow_flag = ONCE_FLAG_INIT;
static pthread_spinlock_t fought_spin;
static pthread_barrier_t all_here;
static mtx_t c11_mtx;
static cnd_t c11_cnd;
static bool is_ready;
static int once_runs, flag_runs;
static int64_t once_waited[CALLERS], spin_waited, condition_waited, mutex_waited;

static void initialise_once(void) {
  once_runs++;
  sleep_ms(20);
}
static void initialise_flag(void) {
  flag_runs++;
  sleep_ms(20);
}

NAMED static void call_both(intptr_t number) {
  pthread_barrier_wait(&all_here);
  int64_t begin = now_ns();
  OK(pthread_once(&slow_once, initialise_once));
  once_waited[number] = now_ns() - begin;
  pthread_barrier_wait(&all_here);
  call_once(&slow_flag, initialise_flag);
}

static void *caller(void *argument) {
  call_both((intptr_t)argument);
  return NULL;
}

NAMED static void hold_spin(void) {
  for (int round = 0; round < SPINS; round++) {
    OK(pthread_spin_lock(&fought_spin));
    pthread_barrier_wait(&all_here);
    sleep_ms(5);
    OK(pthread_spin_unlock(&fought_spin));
    pthread_barrier_wait(&all_here);
  }
}

NAMED static void want_spin(void) {
  for (int round = 0; round < SPINS; round++) {
    pthread_barrier_wait(&all_here);
    int64_t begin = now_ns();
    OK(pthread_spin_lock(&fought_spin));
    spin_waited += now_ns() - begin;
    OK(pthread_spin_unlock(&fought_spin));
    pthread_barrier_wait(&all_here);
  }
}

static void *spinner(void *unused) {
  want_spin();
  return unused;
}

NAMED static int c11_waiter(void *unused) {
  (void)unused;
  GIVES(thrd_success, mtx_lock(&c11_mtx));
  int64_t begin = now_ns();
  while (!is_ready) GIVES(thrd_success, cnd_wait(&c11_cnd, &c11_mtx));
  condition_waited = now_ns() - begin;
  GIVES(thrd_success, mtx_unlock(&c11_mtx));
  pthread_barrier_wait(&all_here);
  pthread_barrier_wait(&all_here);
  begin = now_ns();
  GIVES(thrd_success, mtx_lock(&c11_mtx));
  mutex_waited = now_ns() - begin;
  GIVES(thrd_success, mtx_unlock(&c11_mtx));
  return 7;
}

int main(void) {
  OK(pthread_barrier_init(&all_here, NULL, CALLERS));
  run_threads(CALLERS, caller);
  CHECK(once_runs == 1 && flag_runs == 1);
  OK(pthread_barrier_destroy(&all_here));
  OK(pthread_barrier_init(&all_here, NULL, 2));

  OK(pthread_spin_init(&fought_spin, PTHREAD_PROCESS_PRIVATE));
  pthread_t thread = start(spinner, NULL);
  hold_spin();
  join(thread);

  GIVES(thrd_success, mtx_init(&c11_mtx, mtx_plain));
  GIVES(thrd_success, cnd_init(&c11_cnd));
  thrd_t c11_thread;
  GIVES(thrd_success, thrd_create(&c11_thread, c11_waiter, NULL));
  sleep_ms(20);
  GIVES(thrd_success, mtx_lock(&c11_mtx));
  is_ready = true;
  GIVES(thrd_success, mtx_unlock(&c11_mtx));
  GIVES(thrd_success, cnd_signal(&c11_cnd));
  pthread_barrier_wait(&all_here);
  GIVES(thrd_success, mtx_lock(&c11_mtx));
  pthread_barrier_wait(&all_here);
  sleep_ms(20);
  GIVES(thrd_success, mtx_unlock(&c11_mtx));
  int result;
  GIVES(thrd_success, thrd_join(c11_thread, &result));
  CHECK(result == 7);
  cnd_destroy(&c11_cnd);
  mtx_destroy(&c11_mtx);

  int64_t total = 0;
  // The one that initialises does not wait.
  for (int index = 0; index < CALLERS; index++) total += once_waited[index];
  say("once_waited", total / CALLERS * (CALLERS - 1));
  say("spin_waited", spin_waited);
  say("spin_acquisitions", 2 * SPINS);
  say("c11_mutex_waited", mutex_waited);
  say("c11_condition_waited", condition_waited);
}
