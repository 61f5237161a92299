// A million messages of 8 bytes through a pipe, which both sides add up; between threads, or between
// processes when there is an argument.
#include <sys/mman.h>

#include "workload.h"

enum { MESSAGES = 1000000 };

static int ends[2];
static uint64_t *read_sum;

static void *write_all(void *unused) {
  for (uint64_t number = 0; number < MESSAGES; number++)
    GIVES(sizeof number, write(ends[1], &number, sizeof number));
  return unused;
}

static void *read_all(void *unused) {
  uint64_t number;
  for (int index = 0; index < MESSAGES; index++) {
    GIVES(sizeof number, read(ends[0], &number, sizeof number));
    *read_sum += number;
  }
  return unused;
}

int main(int count, char *arguments[]) {
  (void)arguments;
  OK(pipe(ends));
  read_sum = mmap(NULL, sizeof *read_sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(read_sum != MAP_FAILED);
  int64_t begin = now_ns();
  if (count > 1) {
    pid_t child = fork();
    if (child == 0) {
      read_all(NULL);
      _exit(0);
    }
    write_all(NULL);
    GIVES(0, status_of(child));
  } else {
    pthread_t reader = start(read_all, NULL), writer = start(write_all, NULL);
    join(reader);
    join(writer);
  }
  CHECK(*read_sum == (uint64_t)MESSAGES * (MESSAGES - 1) / 2);
  say("bytes", (int64_t)MESSAGES * 8);
  say("time", now_ns() - begin);
}
