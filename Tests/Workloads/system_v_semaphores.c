// A bounded buffer of three System V semaphores in one set, between processes: the producer fills it and
// waits for room, then the consumer empties it and waits for items. Each counts, and times its waits.
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include "workload.h"

enum { ITEMS = 0, ROOM = 1, MUTEX = 2, SLOTS = 5, ROUNDS = 10 };

static int set;
static struct shared {
  int blocking;
  int64_t put, taken, put_wait, take_wait;
} *shared;

static void operate(int semaphore, int by) {
  struct sembuf operation = {(unsigned short)semaphore, (short)by, 0};
  OK(semop(set, &operation, 1));
}

/// Takes the mutex and leaves it, in which nobody waits.
static void touch(void) {
  operate(MUTEX, -1);
  operate(MUTEX, 1);
}

NAMED static void put_one(void) {
  operate(ROOM, -1);
  touch();
  operate(ITEMS, 1);
  shared->put += 1;
}

NAMED static void take_one(void) {
  operate(ITEMS, -1);
  touch();
  operate(ROOM, 1);
  shared->taken += 1;
}

static void blocked(void (*call)(void), int64_t *time) {
  int64_t begin = now_ns();
  __atomic_store_n(&shared->blocking, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
  call();
  *time += now_ns() - begin;
}

static void until_other_blocked(void) {
  until_blocked(&shared->blocking);
  sleep_ms(5);
}

NAMED static void make_set(void) {
  unsigned short values[] = {0, SLOTS, 1};
  set = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  CHECK(set >= 0);
  OK(semctl(set, 0, SETALL, values));
  OK(semctl(set, ROOM, SETVAL, SLOTS));
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  make_set();
  pid_t child = fork();
  if (child == 0) {
    for (int round = 0; round < ROUNDS; round++) {
      until_other_blocked();
      for (int item = 0; item < SLOTS + 1; item++) take_one();
      blocked(take_one, &shared->take_wait);
    }
    _exit(0);
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (int item = 0; item < SLOTS; item++) put_one();
    blocked(put_one, &shared->put_wait);
    until_other_blocked();
    put_one();
  }
  GIVES(0, status_of(child));
  CHECK(shared->put == shared->taken);
  say("put", shared->put);
  say("taken", shared->taken);
  say("put_wait", shared->put_wait);
  say("take_wait", shared->take_wait);
  say("slots", SLOTS);
  OK(semctl(set, 0, IPC_RMID));
}
