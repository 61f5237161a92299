// A server as many are: four threads that take requests off a queue, and answer over sockets.
#include <sys/socket.h>

#include "workload.h"

enum { WORKERS = 4, CLIENTS = 4, REQUESTS = 400, ROOM = 64 };
static pthread_mutex_t queue_mu = PTHREAD_MUTEX_INITIALIZER, statistics_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], first, used;
static int64_t answered;

static void put(int request) {
  OK(pthread_mutex_lock(&queue_mu));
  while (used == ROOM) OK(pthread_cond_wait(&not_full, &queue_mu));
  queue[(first + used++) % ROOM] = request;
  OK(pthread_cond_signal(&not_empty));
  OK(pthread_mutex_unlock(&queue_mu));
}

static int take(void) {
  OK(pthread_mutex_lock(&queue_mu));
  while (used == 0) OK(pthread_cond_wait(&not_empty, &queue_mu));
  int request = queue[first];
  first = (first + 1) % ROOM;
  used -= 1;
  OK(pthread_cond_signal(&not_full));
  OK(pthread_mutex_unlock(&queue_mu));
  return request;
}

/// Some work, and an answer.
static void *serve(void *unused) {
  for (int client; (client = take()) >= 0;) {
    char letters[4096];
    for (size_t place = 0; place < sizeof letters; place++) letters[place] = (char)(place * 7);
    uint32_t sum = 0;
    for (int round = 0; round < 20; round++)
      for (size_t place = 0; place < sizeof letters; place++) sum = sum * 31 + (uint8_t)letters[place];
    CHECK(write(client, &sum, sizeof sum) == sizeof sum);
    OK(pthread_mutex_lock(&statistics_mu));
    answered += 1;
    OK(pthread_mutex_unlock(&statistics_mu));
  }
  return unused;
}

static int sockets[CLIENTS][2];

static void *client(void *number) {
  int *ends = sockets[(intptr_t)number];
  for (int request = 0; request < REQUESTS; request++) {
    put(ends[1]);
    uint32_t answer;
    CHECK(read(ends[0], &answer, sizeof answer) == sizeof answer);
  }
  return NULL;
}

int main(void) {
  for (int number = 0; number < CLIENTS; number++)
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[number]));
  pthread_t workers[WORKERS];
  for (int number = 0; number < WORKERS; number++) workers[number] = start(serve, NULL);
  run_threads(CLIENTS, client);
  for (int number = 0; number < WORKERS; number++) put(-1);
  for (int number = 0; number < WORKERS; number++) join(workers[number]);
  say("answered", answered);
}
