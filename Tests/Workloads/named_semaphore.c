// Semaphores through which a parent and its children work in turn: one forked, which has all that the parent
// has, and one that is another program, which opens by name what has a name still.
#include <fcntl.h>
#include <sys/mman.h>

#include "workload.h"

enum { ROUNDS = 10 };

static char work_name[64], done_name[64], hidden_name[64];

static sem_t *open_it(const char *name) {
  sem_t *semaphore = sem_open(name, O_CREAT, 0600, 0);
  CHECK(semaphore != SEM_FAILED);
  return semaphore;
}

/// Without a name, in memory that is shared.
NAMED static sem_t *make_unnamed(void) {
  sem_t *semaphore =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(semaphore != MAP_FAILED);
  // Not at the beginning of the page, as a named one is.
  OK(sem_init(semaphore + 2, 1, 0));
  return semaphore + 2;
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

NAMED static void parent_posts(sem_t *work, sem_t *done) {
  for (int round = 0; round < ROUNDS; round++) {
    sleep_ms(5);
    OK(sem_post(work));
    OK(sem_wait(done));
  }
}

static void run_child(const char *name, sem_t *done) {
  sem_t *own = open_it(work_name);
  say(name, child_waits(own, done));
  fflush(stdout);
  OK(sem_close(own));
}

int main(int count, char **arguments) {
  int number = count > 1 ? atoi(arguments[1]) : getpid();
  snprintf(work_name, sizeof work_name, "/ctrace-work-%d", number);
  snprintf(done_name, sizeof done_name, "/ctrace-done-%d", number);
  snprintf(hidden_name, sizeof hidden_name, "/ctrace-hidden-%d", number);
  if (count > 1) {
    run_child("spawned_waited", open_it(done_name));
    return 0;
  }
  sem_t *work = open_it(work_name), *done = open_it(done_name), *hidden = open_it(hidden_name);
  sem_t *unnamed = make_unnamed();
  // Whoever has it has it still.
  OK(sem_unlink(hidden_name));
  // Opening what is not there fails as ever.
  CHECK(sem_open("/ctrace-no-such-semaphore", 0) == SEM_FAILED && errno == ENOENT);
  // The same once more is the same, and is there until it is closed as often.
  CHECK(open_it(work_name) == work);
  OK(sem_close(work));
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    run_child("waited", done);
    say("hidden_waited", child_waits(hidden, done));
    say("unnamed_waited", child_waits(unnamed, done));
    fflush(stdout);
    _exit(0);
  }
  parent_posts(work, done);
  parent_posts(hidden, done);
  parent_posts(unnamed, done);
  CHECK(status_of(child) == 0);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    execl("/proc/self/exe", arguments[0], text, NULL);
    _exit(99);
  }
  parent_posts(work, done);
  CHECK(status_of(child) == 0);
  OK(sem_close(work));
  OK(sem_close(done));
  OK(sem_close(hidden));
  OK(sem_unlink(work_name));
  OK(sem_unlink(done_name));
  CHECK(sem_unlink(work_name) == -1 && errno == ENOENT);
  OK(sem_destroy(unnamed));
  say("rounds", ROUNDS);
}
