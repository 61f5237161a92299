// Becomes a daemon as daemons do: forks twice and closes every descriptor. Then its threads fight for
// a lock, and it writes down for how long, in the file named on its command line.
#include <fcntl.h>
#include <sys/stat.h>

#include "workload.h"

enum { ROUNDS = 10 };

static pthread_mutex_t daemon_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t turn;

static void *holder(void *unused) {
  for (int round = 0; round < ROUNDS; round++) {
    OK(pthread_mutex_lock(&daemon_mu));
    pthread_barrier_wait(&turn);
    until_wanted(&daemon_mu);
    sleep_ms(10);
    OK(pthread_mutex_unlock(&daemon_mu));
    pthread_barrier_wait(&turn);
  }
  return unused;
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  if (fork() != 0) return 0;
  CHECK(setsid() > 0);
  if (fork() != 0) _exit(0);
  CHECK(chdir("/") == 0);
  for (int descriptor = 0; descriptor < 4096; descriptor++) close(descriptor);
  CHECK(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);

  OK(pthread_barrier_init(&turn, NULL, 2));
  pthread_t thread = start(holder, NULL);
  int64_t waited = 0;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_barrier_wait(&turn);
    int64_t begin = now_ns();
    OK(pthread_mutex_lock(&daemon_mu));
    waited += now_ns() - begin;
    OK(pthread_mutex_unlock(&daemon_mu));
    pthread_barrier_wait(&turn);
  }
  join(thread);
  FILE *file = fopen(arguments[1], "w");
  CHECK(file != NULL);
  fprintf(file, "%lld", (long long)waited);
  CHECK(fclose(file) == 0);
}
