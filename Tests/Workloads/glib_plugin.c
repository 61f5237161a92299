// A plugin that waits at a queue of glib's for what another thread puts there 5 ms later.
#include <glib.h>

#include "pair.h"

void run(int number);

static GAsyncQueue *plugin_queue;

static void *putter(void *unused) {
  for (int round = 0; round < 10; round++) {
    pair_hold();
    g_async_queue_push(plugin_queue, &plugin_queue);
    pair_done(round);
  }
  return unused;
}

static void take(void) { CHECK(g_async_queue_pop(plugin_queue) == &plugin_queue); }

NAMED void run(int number) {
  (void)number;
  plugin_queue = g_async_queue_new();
  pthread_t other = start(putter, NULL);
  int64_t waited = 0;
  for (int round = 0; round < 10; round++) waited += pair_want(round, take);
  join(other);
  g_async_queue_unref(plugin_queue);
  pair_say("glib", waited);
}
