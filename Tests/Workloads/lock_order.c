// Locks taken in one order and in the other, by threads that never meet: some could, and some could not.
//
//   inverted   two threads, one after the other
//   three      three threads, each two of three locks
//   gated      the same, but each with a third lock around both
//   alone      one thread does both
//   tried      the second lock is only tried
//   timed      the second lock is given up after a while
//   remade     between both the locks are destroyed and made anew, in the same places
//   renewed    one of them is
//   before     the main thread does one before it begins the thread that does the other
//   again      and once more while that thread lives
//   readers    both locks are reader/writer locks, and both threads only read
//   writers    the same, but one of them writes
//   handed     the first lock is released by another thread than the one that acquired it
#include "workload.h"

static pthread_mutex_t one_mu = PTHREAD_MUTEX_INITIALIZER, other_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t third_mu = PTHREAD_MUTEX_INITIALIZER, gate_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t one_rw = PTHREAD_RWLOCK_INITIALIZER, other_rw = PTHREAD_RWLOCK_INITIALIZER;
static enum { ASKS, TRIES, HAS_TIME } how;

NAMED static void take(pthread_mutex_t *first, pthread_mutex_t *second) {
  OK(pthread_mutex_lock(first));
  struct timespec soon = deadline(CLOCK_REALTIME, 10000);
  OK(how == ASKS    ? pthread_mutex_lock(second)
     : how == TRIES ? pthread_mutex_trylock(second)
                    : pthread_mutex_timedlock(second, &soon));
  OK(pthread_mutex_unlock(second));
  OK(pthread_mutex_unlock(first));
}

NAMED static void *forwards(void *unused) {
  take(&one_mu, &other_mu);
  return unused;
}
NAMED static void *backwards(void *unused) {
  take(&other_mu, &one_mu);
  return unused;
}
NAMED static void *onwards(void *unused) {
  take(&other_mu, &third_mu);
  return unused;
}
NAMED static void *around(void *unused) {
  take(&third_mu, &one_mu);
  return unused;
}
static void *both_ways(void *unused) {
  forwards(NULL);
  return backwards(unused);
}

static sem_t lives, told;
static void *go_backwards_when_told(void *unused) {
  OK(sem_post(&lives));
  OK(sem_wait(&told));
  return backwards(unused);
}

static void *gated(void *function) {
  OK(pthread_mutex_lock(&gate_mu));
  ((void *(*)(void *))function)(NULL);
  OK(pthread_mutex_unlock(&gate_mu));
  return NULL;
}

static void *read_forwards(void *unused) {
  OK(pthread_rwlock_rdlock(&one_rw));
  OK(pthread_rwlock_rdlock(&other_rw));
  OK(pthread_rwlock_unlock(&other_rw));
  OK(pthread_rwlock_unlock(&one_rw));
  return unused;
}

static void *go_backwards(void *writes) {
  int (*acquire)(pthread_rwlock_t *) = writes ? pthread_rwlock_wrlock : pthread_rwlock_rdlock;
  OK(acquire(&other_rw));
  OK(acquire(&one_rw));
  OK(pthread_rwlock_unlock(&one_rw));
  OK(pthread_rwlock_unlock(&other_rw));
  return NULL;
}

static void *unlock_it(void *mutex) {
  OK(pthread_mutex_unlock(mutex));
  return NULL;
}

/// Locks one, which another unlocks, and then another.
static void *hand_over(void *unused) {
  OK(pthread_mutex_lock(&one_mu));
  join(start(unlock_it, &one_mu));
  OK(pthread_mutex_lock(&other_mu));
  OK(pthread_mutex_unlock(&other_mu));
  return unused;
}

/// One after the other.
static void run(void *(*first)(void *), void *(*second)(void *)) {
  join(start(first, NULL));
  join(start(second, NULL));
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  const char *what = arguments[1];
  if (strcmp(what, "inverted") == 0) {
    run(forwards, backwards);
  } else if (strcmp(what, "three") == 0) {
    run(forwards, onwards);
    join(start(around, NULL));
  } else if (strcmp(what, "gated") == 0) {
    join(start(gated, (void *)forwards));
    join(start(gated, (void *)backwards));
  } else if (strcmp(what, "alone") == 0) {
    join(start(both_ways, NULL));
  } else if (strcmp(what, "tried") == 0 || strcmp(what, "timed") == 0) {
    how = strcmp(what, "tried") == 0 ? TRIES : HAS_TIME;
    run(forwards, backwards);
  } else if (strcmp(what, "remade") == 0 || strcmp(what, "renewed") == 0) {
    join(start(forwards, NULL));
    pthread_mutex_t *mutexes[] = {&other_mu, &one_mu};
    for (int place = 0; place < (strcmp(what, "remade") == 0 ? 2 : 1); place++) {
      OK(pthread_mutex_destroy(mutexes[place]));
      OK(pthread_mutex_init(mutexes[place], NULL));
    }
    join(start(backwards, NULL));
  } else if (strcmp(what, "before") == 0) {
    forwards(NULL);
    join(start(backwards, NULL));
  } else if (strcmp(what, "again") == 0) {
    forwards(NULL);
    pthread_t thread = start(go_backwards_when_told, NULL);
    OK(sem_wait(&lives));
    forwards(NULL);
    OK(sem_post(&told));
    join(thread);
  } else if (strcmp(what, "readers") == 0 || strcmp(what, "writers") == 0) {
    join(start(read_forwards, NULL));
    join(start(go_backwards, strcmp(what, "writers") == 0 ? &one_rw : NULL));
  } else if (strcmp(what, "handed") == 0) {
    run(hand_over, backwards);
  } else {
    CHECK(false);
  }
  say("done", 1);
}
