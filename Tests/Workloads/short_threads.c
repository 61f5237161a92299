// Ten thousand threads, or as many as are asked for, forty at a time, each of which locks twice and
// ends.
#include "workload.h"

enum { AT_ONCE = 40 };

static pthread_mutex_t passed_mu = PTHREAD_MUTEX_INITIALIZER;

static sem_t done;

static void *work(void *unused) {
  for (int index = 0; index < 2; index++) {
    OK(pthread_mutex_lock(&passed_mu));
    OK(pthread_mutex_unlock(&passed_mu));
  }
  OK(sem_post(&done));
  return unused;
}

int main(int count, char **arguments) {
  int wanted = count > 1 ? atoi(arguments[1]) : 10000;
  CHECK(wanted % AT_ONCE == 0);
  OK(sem_init(&done, 0, 0));
  pthread_t threads[AT_ONCE];
  for (int begun = 0; begun < wanted; begun += AT_ONCE) {
    for (int index = 0; index < AT_ONCE; index++) threads[index] = start(work, NULL);
    // Some are waited for, the others look after themselves.
    for (int index = 0; index < AT_ONCE; index++) {
      if (index % 4 == 0) {
        OK(pthread_detach(threads[index]));
      } else {
        join(threads[index]);
      }
    }
  }
  for (int index = 0; index < wanted; index++) OK(sem_wait(&done));
  say("threads", wanted + 1);
  say("acquisitions", 2 * wanted);
}
