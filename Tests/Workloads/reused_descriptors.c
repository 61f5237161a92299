// A descriptor of a pipe is closed, in each way that there is, and its number given to a file, and then
// to a pipe again: what goes through the file counts for no pipe, and each pipe for itself.
#include <fcntl.h>
#include <unistd.h>

#include "workload.h"

enum { AT = 50, WAYS = 10, BYTES = 100, OF_FILE = 5000 };

static char path[64];

static void move(const int *ends) {
  char text[BYTES] = "";
  GIVES(BYTES, write(ends[1], text, BYTES));
  GIVES(BYTES, read(AT, text, BYTES));
}

/// What a child that shares our memory does to its descriptors is none of ours.
static void borrow_memory(const int *ends) {
  pid_t child = vfork();
  if (child == 0) {
    int others[2];
    close(AT);
    if (pipe(others) != 0 || dup2(others[0], AT) != AT) _exit(1);
    _exit(0);
  }
  GIVES(0, status_of(child));
  move(ends);
}

/// A stream of libc's own, whose number the file gets next.
static void close_process(void) {
  char text[OF_FILE];
  FILE *stream = popen("exit 0", "r");
  CHECK(stream != NULL);
  int number = fileno(stream);
  GIVES(0, read(number, text, sizeof text));
  OK(pclose(stream));
  int file = open(path, O_RDONLY);
  CHECK(file == number);
  GIVES(OF_FILE, read(file, text, OF_FILE));
  OK(close(file));
}

static void close_it(int way, const int *ends) {
  int file;
  FILE *stream;
  switch (way) {
    case 0: OK(close(AT)); break;
    case 1: OK(close_range(AT, AT, 0)); break;
    case 2: closefrom(AT); break;
    case 3:
      stream = fdopen(AT, "r");
      CHECK(stream != NULL);
      OK(fclose(stream));
      break;
    case 4:
      close_process();
      OK(close(AT));
      break;
    case 5:
      stream = fdopen(AT, "r");
      CHECK(stream != NULL && (stream = freopen(path, "r", stream)) != NULL);
      OK(fclose(stream));
      break;
    case 6:
    case 7:
      file = open(path, O_RDONLY);
      GIVES(AT, way == 6 ? dup2(file, AT) : dup3(file, AT, 0));
      OK(close(file));
      OK(close(AT));
      break;
    case 8:
      OK(close_range(AT, AT, CLOSE_RANGE_CLOEXEC));
      move(ends);
      OK(close(AT));
      break;
    default:
      borrow_memory(ends);
      OK(close(AT));
  }
}

NAMED static void use_pipe(int way) {
  int ends[2];
  OK(pipe(ends));
  GIVES(AT, dup2(ends[0], AT));
  OK(close(ends[0]));
  move(ends);
  close_it(way, ends);
  OK(close(ends[1]));
}

NAMED static void use_file(void) {
  char text[OF_FILE];
  int file = open(path, O_RDONLY);
  CHECK(file >= 0 && fcntl(AT, F_GETFD) < 0);
  GIVES(AT, dup2(file, AT));
  GIVES(OF_FILE, read(AT, text, OF_FILE));
  OK(close(file));
  OK(close(AT));
}

int main(void) {
  snprintf(path, sizeof path, "/tmp/ctrace-reused-%d", (int)getpid());
  int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(file >= 0);
  char text[OF_FILE] = "";
  GIVES(OF_FILE, write(file, text, OF_FILE));
  OK(close(file));
  for (int way = 0; way < WAYS; way++) {
    use_pipe(way);
    use_file();
  }
  OK(unlink(path));
  say("pipes", WAYS);
  say("bytes_each", BYTES);
}
