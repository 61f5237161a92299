// Two locks that nobody waits for, one held within the other, a few times each and for very different times. It
// prints how long it had them.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 40 };

static pthread_mutex_t outer_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inner_mu = PTHREAD_MUTEX_INITIALIZER;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int main(void) {
  int64_t outer = 0, inner = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int64_t begin = now();
    pthread_mutex_lock(&outer_mu);
    int64_t middle = now();
    pthread_mutex_lock(&inner_mu);
    if (round % 8 == 7) nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    pthread_mutex_unlock(&inner_mu);
    inner += now() - middle;
    if (round % 8 == 3) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    pthread_mutex_unlock(&outer_mu);
    outer += now() - begin;
  }
  printf("outer %lld\ninner %lld\n", (long long)outer, (long long)inner);
  return 0;
}
