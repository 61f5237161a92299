// A signal handler that locks, interrupting a program that does nothing else.
#include <sys/time.h>

#include "workload.h"

static pthread_mutex_t main_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t handler_mu = PTHREAD_MUTEX_INITIALIZER;
static sem_t handled;
static volatile int64_t handlers;

static void handler(int signal) {
  (void)signal;
  int before = errno;
  // No one else uses it, so that this is safe.
  OK(pthread_mutex_lock(&handler_mu));
  OK(pthread_mutex_unlock(&handler_mu));
  OK(sem_post(&handled));
  handlers++;
  CHECK(errno == before);
}

int main(void) {
  OK(sem_init(&handled, 0, 0));
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  OK(sigaction(SIGALRM, &action, NULL));
  struct itimerval often = {{0, 100}, {0, 100}}, never = {0};
  OK(setitimer(ITIMER_REAL, &often, NULL));
  int64_t locked = 0;
  while (handlers < 3000) {
    errno = 4711;
    OK(pthread_mutex_lock(&main_mu));
    OK(pthread_mutex_unlock(&main_mu));
    CHECK(errno == 4711);
    locked++;
  }
  OK(setitimer(ITIMER_REAL, &never, NULL));
  // Waits that a handler interrupts, and in which it waits for nothing.
  say("main", locked);
  say("handlers", handlers);
  int value;
  OK(sem_getvalue(&handled, &value));
  GIVES(handlers, value);
}
