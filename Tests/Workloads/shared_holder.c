// Two processes share a mutex: the child holds it for 5 ms twenty times, asleep, and the parent waits
// for it each time.
#include <sys/mman.h>

#include "workload.h"

enum { ROUNDS = 20 };

struct shared {
  pthread_mutex_t mutex;
  pthread_barrier_t turn;
};

int main(void) {
  struct shared *shared =
      mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  pthread_mutexattr_t mutex;
  OK(pthread_mutexattr_init(&mutex));
  OK(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
  OK(pthread_mutex_init(&shared->mutex, &mutex));
  pthread_barrierattr_t barrier;
  OK(pthread_barrierattr_init(&barrier));
  OK(pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED));
  OK(pthread_barrier_init(&shared->turn, &barrier, 2));
  pid_t child = fork();
  CHECK(child >= 0);
  int64_t waited = 0;
  for (int round = 0; round < ROUNDS; round++) {
    if (child == 0) {
      OK(pthread_mutex_lock(&shared->mutex));
      pthread_barrier_wait(&shared->turn);
      until_wanted(&shared->mutex);
      sleep_ms(5);
    } else {
      pthread_barrier_wait(&shared->turn);
      int64_t begin = now_ns();
      OK(pthread_mutex_lock(&shared->mutex));
      waited += now_ns() - begin;
    }
    OK(pthread_mutex_unlock(&shared->mutex));
    pthread_barrier_wait(&shared->turn);
  }
  if (child == 0) _exit(0);
  GIVES(0, status_of(child));
  say("rounds", ROUNDS);
  say("waited", waited);
  say("child", child);
}
