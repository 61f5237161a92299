// Three places for eight users, each of whom takes one ten times for 10 ms.
#include "workload.h"

enum { PLACES = 3, USERS = 8, TURNS = 10 };

static sem_t pool_sem;
static pthread_barrier_t all_here;
static int64_t waited[USERS];

NAMED static void use_place(intptr_t user) {
  int64_t begin = now_ns();
  OK(sem_wait(&pool_sem));
  waited[user] += now_ns() - begin;
  sleep_ms(10);
  OK(sem_post(&pool_sem));
}

static void *work(void *argument) {
  pthread_barrier_wait(&all_here);
  for (int turn = 0; turn < TURNS; turn++) use_place((intptr_t)argument);
  return NULL;
}

int main(void) {
  OK(sem_init(&pool_sem, 0, PLACES));
  OK(pthread_barrier_init(&all_here, NULL, USERS));
  run_threads(USERS, work);
  int64_t total = 0;
  for (int user = 0; user < USERS; user++) total += waited[user];
  say("places", PLACES);
  say("acquisitions", USERS * TURNS);
  say("posts", USERS * TURNS);
  say("waited", total);
}
