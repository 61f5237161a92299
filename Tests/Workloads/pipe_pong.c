// Two threads hand a byte to and fro through two pipes, on one CPU, so that every read has to wait.
// They say how often the kernel counted them as having waited. Given a number of rounds they begin at
// SIGUSR1.
#include <sched.h>
#include <sys/resource.h>

#include "workload.h"

static int rounds = 2000;
static int there[2], back[2];

static void stay(void) {
  cpu_set_t set;
  OK(sched_getaffinity(0, sizeof set, &set));
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) last = cpu;
  CPU_ZERO(&set);
  CPU_SET(last, &set);
  OK(pthread_setaffinity_np(pthread_self(), sizeof set, &set));
}

static void tell(const char *voluntary) {
  struct rusage usage;
  OK(getrusage(RUSAGE_THREAD, &usage));
  say(voluntary, usage.ru_nvcsw);
}

static void *ping(void *unused) {
  pthread_setname_np(pthread_self(), "ping");
  stay();
  char byte = 0;
  for (int round = 0; round < rounds; round++) {
    GIVES(1, write(there[1], &byte, 1));
    GIVES(1, read(back[0], &byte, 1));
  }
  tell("ping_voluntary");
  return unused;
}

static void *pong(void *unused) {
  pthread_setname_np(pthread_self(), "pong");
  stay();
  char byte = 0;
  for (int round = 0; round < rounds; round++) {
    GIVES(1, read(there[0], &byte, 1));
    GIVES(1, write(back[1], &byte, 1));
  }
  tell("pong_voluntary");
  return unused;
}

int main(int count, char *arguments[]) {
  if (count > 1) {
    rounds = atoi(arguments[1]);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &signals, NULL));
    say("pid", getpid());
    fflush(stdout);
    int signal;
    OK(sigwait(&signals, &signal));
  }
  OK(pipe(there));
  OK(pipe(back));
  pthread_t one = start(ping, NULL), other = start(pong, NULL);
  join(one);
  join(other);
  say("rounds", rounds);
  fflush(stdout);
}
