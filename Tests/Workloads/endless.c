// Waits for a lock over and over until it is told to end: by SIGUSR1, whereupon it says so, or by
// SIGTERM, whereupon it exits with 21.
#include "workload.h"

static pthread_mutex_t endless_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;
static volatile sig_atomic_t signal_seen;
static bool is_last_round;

static void end(int signal) { signal_seen = signal; }

static void *holder(void *unused) {
  while (!is_last_round) {
    is_last_round = signal_seen != 0;
    OK(pthread_mutex_lock(&endless_mu));
    pthread_barrier_wait(&turn);
    until_wanted(&endless_mu);
    sleep_ms(1);
    OK(pthread_mutex_unlock(&endless_mu));
    pthread_barrier_wait(&turn);
  }
  return unused;
}

int main(void) {
  struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
  OK(sigaction(SIGUSR1, &action, NULL));
  OK(sigaction(SIGTERM, &action, NULL));
  OK(pthread_barrier_init(&turn, NULL, 2));
  printf("pid %d\n", getpid());
  fflush(stdout);
  pthread_t thread = start(holder, NULL);
  int64_t rounds = 0;
  for (bool is_last = false; !is_last;) {
    pthread_barrier_wait(&turn);
    is_last = is_last_round;
    OK(pthread_mutex_lock(&endless_mu));
    rounds++;
    OK(pthread_mutex_unlock(&endless_mu));
    pthread_barrier_wait(&turn);
  }
  join(thread);
  say("rounds", rounds);
  return signal_seen == SIGTERM ? 21 : 0;
}
