// Reads a pipe that a child which is not recorded writes to. It was filled with 10,000 bytes before it
// is read, and 30,000 bytes come while it is read; how many there are then is known at each moment.
#include "workload.h"

enum { BEFORE = 10000, LATER = 30000, CHUNK = 1000 };

static int ends[2], request[2], done[2];

static void write_all(int size) {
  static char bytes[LATER];
  GIVES(size, write(ends[1], bytes, size));
  GIVES(1, write(done[1], "", 1));
}

NAMED static void read_chunk(void) {
  char bytes[CHUNK];
  GIVES(CHUNK, read(ends[0], bytes, CHUNK));
}

int main(void) {
  char byte;
  OK(pipe(ends));
  OK(pipe(request));
  OK(pipe(done));
  pid_t child = fork();
  if (child == 0) {
    write_all(BEFORE);
    GIVES(1, read(request[0], &byte, 1));
    write_all(LATER);
    _exit(0);
  }
  GIVES(1, read(done[0], &byte, 1));
  sleep_ms(20);
  for (int chunk = 0; chunk < 5; chunk++) read_chunk();
  GIVES(1, write(request[1], "", 1));
  GIVES(1, read(done[0], &byte, 1));
  read_chunk();
  sleep_ms(20);
  for (int chunk = 6; chunk < (BEFORE + LATER) / CHUNK; chunk++) read_chunk();
  GIVES(0, status_of(child));
  say("read", BEFORE + LATER);
  say("greatest", BEFORE + LATER - 6 * CHUNK);
}
