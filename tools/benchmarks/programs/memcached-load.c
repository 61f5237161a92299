// A load for memcached over a Unix socket: `memcached-load SOCKET CONNECTIONS REQUESTS`.
//
// Every connection is a thread that sends gets, and a set for every tenth, some at a time, and reads
// the answers. Prints requests, hits and the time they took.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common.h"

enum { BATCH = 20, KEYS = 1000, VALUE_SIZE = 100 };

static const char *socket_path;
static long requests;

static int dial(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
  // The server may be starting.
  for (int attempt = 0; attempt < 200; attempt++) {
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connection < 0) break;
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
    close(connection);
    usleep(25000);
  }
  fprintf(stderr, "memcached-load: cannot reach %s: %s\n", socket_path, strerror(errno));
  exit(1);
}

static void send_all(int connection, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = write(connection, bytes, size);
    if (sent <= 0) {
      perror("memcached-load: write");
      exit(1);
    }
    bytes += sent;
    size -= (size_t)sent;
  }
}

/// Reads until so many answers have come: each ends in "STORED" or "END". Returns the hits.
static long receive(int connection, int answers) {
  char line[4096];
  size_t length = 0;
  long hits = 0;
  while (answers > 0) {
    char bytes[8192];
    ssize_t count = read(connection, bytes, sizeof bytes);
    if (count <= 0) {
      fprintf(stderr, "memcached-load: the server hung up\n");
      exit(1);
    }
    for (ssize_t i = 0; i < count; i++) {
      if (bytes[i] != '\n') {
        if (length < sizeof line - 1) line[length++] = bytes[i];
        continue;
      }
      line[length] = 0;
      length = 0;
      if (strncmp(line, "VALUE ", 6) == 0) hits++;
      if (strncmp(line, "END", 3) == 0 || strncmp(line, "STORED", 6) == 0) answers--;
    }
  }
  return hits;
}

static void *run(void *argument) {
  uint32_t random = (uint32_t)(uintptr_t)argument * 2654435761u + 1;
  char value[VALUE_SIZE + 1];
  memset(value, 'v', VALUE_SIZE);
  value[VALUE_SIZE] = 0;
  int connection = dial();
  long hits = 0;
  for (long done = 0; done < requests; done += BATCH) {
    char batch[BATCH * (VALUE_SIZE + 64)];
    size_t size = 0;
    for (int i = 0; i < BATCH; i++) {
      random = random * 1664525u + 1013904223u;
      unsigned key = (random >> 8) % KEYS;
      size += (size_t)(i % 10 == 0
                           ? snprintf(batch + size, sizeof batch - size,
                                      "set key%u 0 0 %d\r\n%s\r\n", key, VALUE_SIZE, value)
                           : snprintf(batch + size, sizeof batch - size, "get key%u\r\n", key));
    }
    send_all(connection, batch, size);
    hits += receive(connection, BATCH);
  }
  close(connection);
  return (void *)(intptr_t)hits;
}

int main(int count, char **arguments) {
  int connections = (int)argument(count, arguments, 2, 8);
  requests = argument(count, arguments, 3, 50000);
  if (count < 2 || connections < 1 || connections > 256 || requests < BATCH) {
    fprintf(stderr, "usage: memcached-load SOCKET CONNECTIONS REQUESTS\n");
    return 2;
  }
  socket_path = arguments[1];
  close(dial());
  pthread_t threads[256];
  long hits = 0;
  double start = now_ns();
  for (int i = 0; i < connections; i++)
    pthread_create(&threads[i], NULL, run, (void *)(intptr_t)(i + 1));
  for (int i = 0; i < connections; i++) {
    void *result;
    pthread_join(threads[i], &result);
    hits += (long)(intptr_t)result;
  }
  double seconds = (now_ns() - start) / 1e9;
  printf("requests %ld hits %ld seconds %.4f\n", connections * requests, hits, seconds);
  return 0;
}
