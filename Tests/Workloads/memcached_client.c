// Talks to a memcached on a socket of the file system: a number of connections at once, each with a
// number of requests whose answers it knows.
#include <sys/socket.h>
#include <sys/un.h>

#include "workload.h"

static const char *path;
static int requests;

static void ask(int server, const char *question, const char *expected) {
  char answer[512];
  size_t size = strlen(expected), have = 0;
  CHECK(write(server, question, strlen(question)) == (ssize_t)strlen(question));
  while (have < size) {
    ssize_t count = read(server, answer + have, size - have);
    CHECK(count > 0);
    have += (size_t)count;
  }
  CHECK(memcmp(answer, expected, size) == 0);
}

static void *client(void *argument) {
  int number = (int)(intptr_t)argument, server = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  OK(connect(server, (struct sockaddr *)&address, sizeof address));
  char question[256], answer[256];
  for (int request = 0; request < requests; request++) {
    snprintf(question, sizeof question, "set key%d-%d 0 0 8\r\n%08d\r\n", number, request % 50,
             request);
    ask(server, question, "STORED\r\n");
    snprintf(question, sizeof question, "get key%d-%d\r\n", number, request % 50);
    snprintf(answer, sizeof answer, "VALUE key%d-%d 0 8\r\n%08d\r\nEND\r\n", number, request % 50,
             request);
    ask(server, question, answer);
  }
  close(server);
  return NULL;
}

int main(int count, char **arguments) {
  CHECK(count == 4);
  path = arguments[1];
  requests = atoi(arguments[3]);
  run_threads(atoi(arguments[2]), client);
  say("answers", 2 * (int64_t)requests * atoi(arguments[2]));
}
