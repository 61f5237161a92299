// Readers that pass a lock on among themselves keep a writer out; a writer keeps out four readers.
#include "workload.h"

enum { PASSES = 30, READERS = 4 };

static pthread_rwlock_t starved_rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t busy_rw = PTHREAD_RWLOCK_INITIALIZER;
static sem_t may_take[2], may_release[2], writer_may_come;
static pthread_barrier_t all_here;
static int64_t writer_waited, readers_waited[READERS];

NAMED static void read_end(void) { OK(pthread_rwlock_unlock(&starved_rw)); }

/// Two threads take turns; each takes the lock before the other lets go of it, so that it is never
/// free.
static void *overlapping_reader(void *argument) {
  intptr_t self = (intptr_t)argument, other = 1 - self;
  for (intptr_t pass = self; pass < PASSES; pass += 2) {
    OK(sem_wait(&may_take[self]));
    OK(pthread_rwlock_rdlock(&starved_rw));
    OK(sem_post(pass == 0 ? &writer_may_come : &may_release[other]));
    sleep_ms(10);
    if (pass + 1 < PASSES) {
      OK(sem_post(&may_take[other]));
      OK(sem_wait(&may_release[self]));
    }
    read_end();
  }
  return NULL;
}

NAMED static void write_once(void) {
  OK(sem_wait(&writer_may_come));
  int64_t begin = now_ns();
  OK(pthread_rwlock_wrlock(&starved_rw));
  writer_waited = now_ns() - begin;
  OK(pthread_rwlock_unlock(&starved_rw));
}

static void *writer(void *unused) {
  write_once();
  return unused;
}

NAMED static void write_long(void) {
  OK(pthread_rwlock_wrlock(&busy_rw));
  pthread_barrier_wait(&all_here);
  sleep_ms(60);
  OK(pthread_rwlock_unlock(&busy_rw));
}

NAMED static int64_t read_once(void) {
  pthread_barrier_wait(&all_here);
  int64_t begin = now_ns();
  OK(pthread_rwlock_rdlock(&busy_rw));
  int64_t waited = now_ns() - begin;
  OK(pthread_rwlock_unlock(&busy_rw));
  return waited;
}

static void *waiting_reader(void *argument) {
  readers_waited[(intptr_t)argument] = read_once();
  return NULL;
}

int main(void) {
  for (int index = 0; index < 2; index++) {
    OK(sem_init(&may_take[index], 0, index == 0));
    OK(sem_init(&may_release[index], 0, 0));
  }
  OK(sem_init(&writer_may_come, 0, 0));
  pthread_t threads[READERS];
  threads[0] = start(overlapping_reader, (void *)0);
  threads[1] = start(overlapping_reader, (void *)1);
  threads[2] = start(writer, NULL);
  for (int index = 0; index < 3; index++) join(threads[index]);

  OK(pthread_barrier_init(&all_here, NULL, READERS + 1));
  for (intptr_t index = 0; index < READERS; index++)
    threads[index] = start(waiting_reader, (void *)index);
  write_long();
  int64_t waited = 0;
  for (int index = 0; index < READERS; index++) {
    join(threads[index]);
    waited += readers_waited[index];
  }
  say("starved_acquisitions", PASSES + 1);
  say("writer_waited", writer_waited);
  say("busy_acquisitions", READERS + 1);
  say("readers_waited", waited);
}
