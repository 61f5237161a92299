// Threads that come to wait for each other for ever, or that only look as if they did.
//
//   ring N    N threads each take a mutex, and then, when all have theirs, want that of the next
//   self      a thread locks a mutex that it has
//   join      a thread wants a mutex of one that waits for its end
//   readers   a thread reads what another wants to write, which has what the first wants
//   shared    two processes, each with a mutex that the other wants
//   long      a thread has a mutex for three seconds while two others wait for it in a row
//   timed     a ring whose members give up after three seconds
#include <sys/mman.h>
#include <sys/prctl.h>

#include "workload.h"

enum { MOST = 16 };
static pthread_mutex_t ring_mu[MOST];
static pthread_barrier_t all_have_theirs;
static int members;
static bool give_up;

static void name_thread(const char *kind, intptr_t number) {
  char name[16];
  snprintf(name, sizeof name, "%s-%d", kind, (int)number);
  pthread_setname_np(pthread_self(), name);
}

NAMED static void want(pthread_mutex_t *mutex) {
  if (!give_up) {
    OK(pthread_mutex_lock(mutex));
    return;
  }
  struct timespec time = deadline(CLOCK_REALTIME, 3000);
  int result = pthread_mutex_timedlock(mutex, &time);
  CHECK(result == 0 || result == ETIMEDOUT);
  if (result == 0) OK(pthread_mutex_unlock(mutex));
}

static void *member(void *argument) {
  intptr_t number = (intptr_t)argument;
  name_thread("member", number);
  OK(pthread_mutex_lock(&ring_mu[number]));
  pthread_barrier_wait(&all_have_theirs);
  want(&ring_mu[(number + 1) % members]);
  OK(pthread_mutex_unlock(&ring_mu[number]));
  return NULL;
}

static void run_ring(int count) {
  members = count;
  for (int number = 0; number < count; number++) OK(pthread_mutex_init(&ring_mu[number], NULL));
  OK(pthread_barrier_init(&all_have_theirs, NULL, (unsigned)count));
  run_threads(count, member);
}

static pthread_mutex_t own_mu = PTHREAD_MUTEX_INITIALIZER;

NAMED static void lock_twice(void) {
  OK(pthread_mutex_lock(&own_mu));
  OK(pthread_mutex_lock(&own_mu));
}

static void *joined(void *unused) {
  pthread_setname_np(pthread_self(), "joined");
  want(&own_mu);
  return unused;
}

static pthread_rwlock_t table_rw = PTHREAD_RWLOCK_INITIALIZER;

static void *writer(void *unused) {
  pthread_setname_np(pthread_self(), "writer");
  OK(pthread_mutex_lock(&own_mu));
  pthread_barrier_wait(&all_have_theirs);
  OK(pthread_rwlock_wrlock(&table_rw));
  return unused;
}

static void *reader(void *unused) {
  pthread_setname_np(pthread_self(), "reader");
  OK(pthread_rwlock_rdlock(&table_rw));
  pthread_barrier_wait(&all_have_theirs);
  want(&own_mu);
  return unused;
}

/// Another reader has the lock too, and wants nothing.
static void *other_reader(void *unused) {
  OK(pthread_rwlock_rdlock(&table_rw));
  pthread_barrier_wait(&all_have_theirs);
  pause();
  return unused;
}

struct between {
  pthread_mutex_t mutexes[2];
  pthread_barrier_t both;
};

static void run_processes(void) {
  struct between *between =
      mmap(NULL, sizeof *between, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(between != MAP_FAILED);
  pthread_mutexattr_t shared;
  OK(pthread_mutexattr_init(&shared));
  OK(pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED));
  for (int number = 0; number < 2; number++)
    OK(pthread_mutex_init(&between->mutexes[number], &shared));
  pthread_barrierattr_t attributes;
  OK(pthread_barrierattr_init(&attributes));
  OK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
  OK(pthread_barrier_init(&between->both, &attributes, 2));
  pid_t child = fork();
  int number = child == 0;
  // Nobody else would end it.
  if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  OK(pthread_mutex_lock(&between->mutexes[number]));
  pthread_barrier_wait(&between->both);
  want(&between->mutexes[1 - number]);
}

static pthread_mutex_t slow_mu = PTHREAD_MUTEX_INITIALIZER, behind_mu = PTHREAD_MUTEX_INITIALIZER;

static void *slow(void *unused) {
  OK(pthread_mutex_lock(&slow_mu));
  pthread_barrier_wait(&all_have_theirs);
  sleep_ms(3000);
  OK(pthread_mutex_unlock(&slow_mu));
  return unused;
}

static void *waits(void *unused) {
  OK(pthread_mutex_lock(&behind_mu));
  pthread_barrier_wait(&all_have_theirs);
  want(&slow_mu);
  OK(pthread_mutex_unlock(&slow_mu));
  OK(pthread_mutex_unlock(&behind_mu));
  return unused;
}

static void *waits_behind(void *unused) {
  pthread_barrier_wait(&all_have_theirs);
  want(&behind_mu);
  OK(pthread_mutex_unlock(&behind_mu));
  return unused;
}

int main(int count, char **arguments) {
  CHECK(count >= 2);
  const char *what = arguments[1];
  if (strcmp(what, "ring") == 0) {
    run_ring(atoi(arguments[2]));
  } else if (strcmp(what, "self") == 0) {
    lock_twice();
  } else if (strcmp(what, "join") == 0) {
    OK(pthread_mutex_lock(&own_mu));
    join(start(joined, NULL));
  } else if (strcmp(what, "readers") == 0) {
    OK(pthread_barrier_init(&all_have_theirs, NULL, 3));
    pthread_t threads[] = {start(other_reader, NULL), start(reader, NULL), start(writer, NULL)};
    join(threads[2]);
  } else if (strcmp(what, "shared") == 0) {
    run_processes();
  } else if (strcmp(what, "long") == 0) {
    OK(pthread_barrier_init(&all_have_theirs, NULL, 3));
    pthread_t threads[] = {start(slow, NULL), start(waits, NULL), start(waits_behind, NULL)};
    for (int number = 0; number < 3; number++) join(threads[number]);
  } else if (strcmp(what, "timed") == 0) {
    give_up = true;
    run_ring(2);
  } else {
    CHECK(false);
  }
  say("done", 1);
}
