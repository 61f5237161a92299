// Four threads come to a barrier 20 ms after each other, three times.
#include "workload.h"

enum { THREADS = 4, ROUNDS = 3 };

static pthread_barrier_t meeting;
static int64_t waited[THREADS];
static int first_of_round[ROUNDS];

NAMED static int meet(intptr_t number) {
  int64_t begin = now_ns();
  int result = pthread_barrier_wait(&meeting);
  waited[number] += now_ns() - begin;
  return result;
}

static void *work(void *argument) {
  intptr_t number = (intptr_t)argument;
  for (int round = 0; round < ROUNDS; round++) {
    sleep_ms(20 * number);
    int result = meet(number);
    CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    if (result != 0) __atomic_fetch_add(&first_of_round[round], 1, __ATOMIC_RELAXED);
  }
  return NULL;
}

int main(void) {
  OK(pthread_barrier_init(&meeting, NULL, THREADS));
  run_threads(THREADS, work);
  int64_t total = 0;
  for (int index = 0; index < THREADS; index++) total += waited[index];
  for (int round = 0; round < ROUNDS; round++) GIVES(1, first_of_round[round]);
  OK(pthread_barrier_destroy(&meeting));
  say("passes", THREADS * ROUNDS);
  say("waited", total);
}
