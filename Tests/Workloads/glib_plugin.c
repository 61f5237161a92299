// A plugin that waits at a queue of glib's for what another thread puts there 5 ms later.
#include <glib.h>

#include "workload.h"

void run(int number);

static GAsyncQueue *plugin_queue;

static void *putter(void *unused) {
  for (int round = 0; round < 10; round++) {
    sleep_ms(5);
    g_async_queue_push(plugin_queue, &plugin_queue);
  }
  return unused;
}

NAMED void run(int number) {
  (void)number;
  plugin_queue = g_async_queue_new();
  pthread_t other = start(putter, NULL);
  int64_t waited = 0;
  for (int round = 0; round < 10; round++) {
    int64_t begin = now_ns();
    CHECK(g_async_queue_pop(plugin_queue) == &plugin_queue);
    waited += now_ns() - begin;
  }
  join(other);
  g_async_queue_unref(plugin_queue);
  say("glib", waited);
}
