// Locks that live at one address one after the other are different locks.
#include "workload.h"

enum { LIVES = 50 };

static union {
  pthread_mutex_t mutex;
  pthread_rwlock_t rwlock;
  sem_t semaphore;
} *memory;

static void *use_mutex(void *argument) {
  for (intptr_t index = (intptr_t)argument; index > 0; index--) {
    OK(pthread_mutex_lock(&memory->mutex));
    OK(pthread_mutex_unlock(&memory->mutex));
  }
  return NULL;
}

/// From this thread and, after it, from another: both must notice that the lock is a new one.
static void use_in_two_threads(int each) {
  use_mutex((void *)(intptr_t)each);
  join(start(use_mutex, (void *)(intptr_t)each));
}

NAMED static void first_life(void) {
  OK(pthread_mutex_init(&memory->mutex, NULL));
  use_in_two_threads(100);
  OK(pthread_mutex_destroy(&memory->mutex));
}

NAMED static void second_life(void) {
  OK(pthread_mutex_init(&memory->mutex, NULL));
  use_in_two_threads(250);
  OK(pthread_mutex_destroy(&memory->mutex));
}

NAMED static void third_life(void) {
  OK(pthread_rwlock_init(&memory->rwlock, NULL));
  for (int index = 0; index < 70; index++) {
    OK(pthread_rwlock_rdlock(&memory->rwlock));
    OK(pthread_rwlock_unlock(&memory->rwlock));
  }
  OK(pthread_rwlock_destroy(&memory->rwlock));
}

NAMED static void fourth_life(void) {
  OK(sem_init(&memory->semaphore, 0, 1));
  for (int index = 0; index < 30; index++) {
    OK(sem_wait(&memory->semaphore));
    OK(sem_post(&memory->semaphore));
  }
  OK(sem_destroy(&memory->semaphore));
}

NAMED static void many_lives(void) {
  OK(pthread_mutex_init(&memory->mutex, NULL));
  use_mutex((void *)3);
  OK(pthread_mutex_destroy(&memory->mutex));
}

int main(void) {
  // Never given back in between, so that all of them surely live at the same address.
  memory = malloc(sizeof *memory);
  CHECK(memory != NULL);
  first_life();
  second_life();
  third_life();
  fourth_life();
  for (int life = 0; life < LIVES; life++) many_lives();
  free(memory);
  say("first_life", 200);
  say("second_life", 500);
  say("third_life", 70);
  say("fourth_life", 30);
  say("lives", LIVES);
  say("many_lives", 3);
}
