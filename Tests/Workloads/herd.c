// Eight threads wait for jobs, of which there is one at a time.
//
//   broadcast   each job wakes them all
//   signal      each job wakes one
//   phases      each job is one for all of them, who are all woken
#include "workload.h"

enum { WORKERS = 8, JOBS = 200 };
static pthread_mutex_t jobs_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t jobs_ready = PTHREAD_COND_INITIALIZER;
static int jobs, round_number, arrived, waiting;
static bool ended, are_phases;
static int64_t in_vain, taken;

NAMED static bool take_job(void) {
  OK(pthread_mutex_lock(&jobs_mu));
  bool was_woken = false;
  while (jobs == 0 && !ended) {
    if (was_woken) in_vain += 1;
    waiting += 1;
    OK(pthread_cond_wait(&jobs_ready, &jobs_mu));
    waiting -= 1;
    was_woken = true;
  }
  bool has_job = jobs > 0;
  if (has_job) {
    jobs -= 1;
    taken += 1;
  }
  OK(pthread_mutex_unlock(&jobs_mu));
  return has_job;
}

NAMED static void await_phase(int phase) {
  OK(pthread_mutex_lock(&jobs_mu));
  waiting += 1;
  while (round_number < phase) OK(pthread_cond_wait(&jobs_ready, &jobs_mu));
  OK(pthread_mutex_unlock(&jobs_mu));
  __atomic_fetch_add(&arrived, 1, __ATOMIC_RELAXED);
}

static void *worker(void *unused) {
  if (are_phases)
    for (int phase = 1; phase <= JOBS; phase++) await_phase(phase);
  else
    while (take_job()) {}
  return unused;
}

/// Waits until all are waiting again, each for as long as that takes.
static void until_all_wait(int rounds) {
  for (;;) {
    OK(pthread_mutex_lock(&jobs_mu));
    bool all = are_phases ? waiting == rounds * WORKERS : waiting == WORKERS && jobs == 0;
    OK(pthread_mutex_unlock(&jobs_mu));
    if (all) return;
    sleep_ns(20000);
  }
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  bool signals = strcmp(arguments[1], "signal") == 0;
  are_phases = strcmp(arguments[1], "phases") == 0;
  pthread_t threads[WORKERS];
  for (int number = 0; number < WORKERS; number++) threads[number] = start(worker, NULL);
  for (int job = 1; job <= JOBS; job++) {
    until_all_wait(job);
    OK(pthread_mutex_lock(&jobs_mu));
    jobs += !are_phases;
    round_number = job;
    OK(signals ? pthread_cond_signal(&jobs_ready) : pthread_cond_broadcast(&jobs_ready));
    OK(pthread_mutex_unlock(&jobs_mu));
  }
  if (!are_phases) until_all_wait(JOBS);
  OK(pthread_mutex_lock(&jobs_mu));
  ended = true;
  OK(pthread_cond_broadcast(&jobs_ready));
  OK(pthread_mutex_unlock(&jobs_mu));
  for (int number = 0; number < WORKERS; number++) join(threads[number]);
  say("in_vain", in_vain);
  say("taken", taken);
}
