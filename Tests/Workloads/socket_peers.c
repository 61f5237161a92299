// Requests and replies through local sockets between processes: with a program that inherited one end of
// a pair, and with a client that connected to a path. Each takes a while over every request, so that
// the connections live for a quarter of a second at least.
#include <sys/socket.h>
#include <sys/un.h>

#include "workload.h"

enum { ROUNDS = 50, REQUEST = 300, REPLY = 70 };

static char bytes[1000];

static void take_all(int file, size_t size) {
  for (size_t have = 0; have < size;) {
    ssize_t count = read(file, bytes, size - have);
    CHECK(count > 0);
    have += (size_t)count;
  }
}

NAMED static void ask(int file) {
  for (int round = 0; round < ROUNDS; round++) {
    GIVES(REQUEST, write(file, bytes, REQUEST));
    take_all(file, REPLY);
  }
}

NAMED static void answer(int in, int out) {
  for (int round = 0; round < ROUNDS; round++) {
    take_all(in, REQUEST);
    sleep_ms(5);
    GIVES(REPLY, write(out, bytes, REPLY));
  }
}

static void inherited(const char *program) {
  int ends[2];
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 0);
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execl(program, program, "answer", NULL);
    _exit(98);
  }
  OK(close(ends[1]));
  ask(ends[0]);
  GIVES(0, status_of(child));
}

static void connected(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/tmp/ctrace-peers-%d", (int)getpid());
  int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  OK(bind(listening, (struct sockaddr *)&address, sizeof address));
  OK(listen(listening, 1));
  pid_t child = fork();
  if (child == 0) {
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    OK(connect(file, (struct sockaddr *)&address, sizeof address));
    ask(file);
    _exit(0);
  }
  int file = accept(listening, NULL, NULL);
  CHECK(file >= 0);
  answer(file, file);
  GIVES(0, status_of(child));
  OK(unlink(address.sun_path));
}

int main(int count, char *arguments[]) {
  if (count > 1) {
    answer(0, 1);
    return 0;
  }
  inherited(arguments[0]);
  connected();
  say("requested", (int64_t)ROUNDS * REQUEST);
  say("replied", (int64_t)ROUNDS * REPLY);
}
