// Readers that always overlap keep a writer out, 300 times over, or let it in.
//
//   passed   a lock that lets readers in while a writer waits, as locks are unless told otherwise
//   first    one that lets waiting writers go first
#include "workload.h"

enum { READERS = 4, WRITES = 3 };
static pthread_rwlock_t table_rw;
static int done;
static int64_t reads, passed;
static int wants;

NAMED static void read_table(void) {
  OK(pthread_rwlock_rdlock(&table_rw));
  __atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
  if (__atomic_load_n(&wants, __ATOMIC_ACQUIRE)) __atomic_fetch_add(&passed, 1, __ATOMIC_RELAXED);
  sleep_ms(2);
  OK(pthread_rwlock_unlock(&table_rw));
}

static void *reader(void *number) {
  sleep_ns((intptr_t)number * 500000);
  while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) read_table();
  return NULL;
}

NAMED static void write_table(void) {
  __atomic_store_n(&wants, 1, __ATOMIC_RELEASE);
  OK(pthread_rwlock_wrlock(&table_rw));
  __atomic_store_n(&wants, 0, __ATOMIC_RELEASE);
  OK(pthread_rwlock_unlock(&table_rw));
}

static void *writer(void *unused) {
  pthread_setname_np(pthread_self(), "writer");
  for (int write = 0; write < WRITES; write++) {
    sleep_ms(10);
    write_table();
  }
  return unused;
}

/// Lets readers go when the writer has waited for long: it would not come in otherwise.
static void *mercy(void *unused) {
  while (__atomic_load_n(&passed, __ATOMIC_RELAXED) < 300 &&
         !__atomic_load_n(&done, __ATOMIC_ACQUIRE))
    sleep_ms(1);
  __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
  return unused;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  pthread_rwlockattr_t attributes;
  OK(pthread_rwlockattr_init(&attributes));
  if (strcmp(arguments[1], "first") == 0)
    OK(pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP));
  OK(pthread_rwlock_init(&table_rw, &attributes));
  pthread_t readers[READERS];
  for (intptr_t number = 0; number < READERS; number++)
    readers[number] = start(reader, (void *)number);
  pthread_t merciful = start(mercy, NULL);
  join(start(writer, NULL));
  __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
  join(merciful);
  for (int number = 0; number < READERS; number++) join(readers[number]);
  say("reads", reads);
  say("passed", passed);
}
