// A semaphore with a name, through which a parent and its child work in turn.
#include <fcntl.h>

#include "workload.h"

enum { ROUNDS = 10 };

static char work_name[64], done_name[64];

static sem_t *open_it(const char *name) {
  sem_t *semaphore = sem_open(name, O_CREAT, 0600, 0);
  CHECK(semaphore != SEM_FAILED);
  return semaphore;
}

NAMED static int64_t child_waits(sem_t *work, sem_t *done) {
  int64_t waited = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int64_t begin = now_ns();
    OK(sem_wait(work));
    waited += now_ns() - begin;
    OK(sem_post(done));
  }
  return waited;
}

int main(void) {
  snprintf(work_name, sizeof work_name, "/ctrace-work-%d", getpid());
  snprintf(done_name, sizeof done_name, "/ctrace-done-%d", getpid());
  sem_t *work = open_it(work_name), *done = open_it(done_name);
  // Opening what is not there fails as ever.
  CHECK(sem_open("/ctrace-no-such-semaphore", 0) == SEM_FAILED && errno == ENOENT);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    sem_t *own = open_it(work_name);
    say("waited", child_waits(own, done));
    fflush(stdout);
    OK(sem_close(own));
    _exit(0);
  }
  for (int round = 0; round < ROUNDS; round++) {
    sleep_ms(5);
    OK(sem_post(work));
    OK(sem_wait(done));
  }
  CHECK(status_of(child) == 0);
  OK(sem_close(work));
  OK(sem_close(done));
  OK(sem_unlink(work_name));
  OK(sem_unlink(done_name));
  CHECK(sem_unlink(work_name) == -1 && errno == ENOENT);
  say("rounds", ROUNDS);
}
