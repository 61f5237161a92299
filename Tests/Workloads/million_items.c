// A million items through a queue of the program's own, by four producers and four consumers.
#include <ctrace.h>

#include "workload.h"

enum { THREADS = 4, EACH = 250000, ROOM = 100 };

static struct ctrace_queue items = CTRACE_QUEUE("items", ROOM);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int depth;

NAMED static void produce(void) {
  pthread_mutex_lock(&mutex);
  while (depth == ROOM) pthread_cond_wait(&changed, &mutex);
  if (depth == 0) pthread_cond_broadcast(&changed);
  ctrace_enqueue(&items, 1);
  depth++;
  pthread_mutex_unlock(&mutex);
}

NAMED static void consume(void) {
  pthread_mutex_lock(&mutex);
  while (depth == 0) pthread_cond_wait(&changed, &mutex);
  if (depth == ROOM) pthread_cond_broadcast(&changed);
  depth--;
  ctrace_dequeue(&items, 1);
  pthread_mutex_unlock(&mutex);
}

static void *run(void *number) {
  for (int item = 0; item < EACH; item++) (intptr_t)number % 2 == 0 ? produce() : consume();
  return NULL;
}

int main(void) {
  run_threads(2 * THREADS, run);
  say("items", THREADS * EACH);
  say("left", depth);
}
