// A library that another workload loads: it waits for a lock of its own.
#include "workload.h"

/// Changes the size of a frame, but no address.
#ifndef FRAME
#define FRAME 1000
#endif

static pthread_mutex_t plugin_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;

NAMED static void *plugin_holder(void *unused) {
  OK(pthread_mutex_lock(&plugin_mu));
  pthread_barrier_wait(&turn);
  until_wanted(&plugin_mu);
  sleep_ms(10);
  OK(pthread_mutex_unlock(&plugin_mu));
  return unused;
}

NAMED static void plugin_waiter(void) {
  volatile char frame[FRAME];
  frame[0] = 0;
  pthread_barrier_wait(&turn);
  OK(pthread_mutex_lock(&plugin_mu));
  OK(pthread_mutex_unlock(&plugin_mu));
  CHECK(frame[0] == 0);
}

void plugin_run(void) {
  OK(pthread_barrier_init(&turn, NULL, 2));
  pthread_t thread = start(plugin_holder, NULL);
  plugin_waiter();
  join(thread);
  OK(pthread_barrier_destroy(&turn));
}
