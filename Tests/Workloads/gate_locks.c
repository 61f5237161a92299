// Threads that work under some locks and between them, as much in all whatever is done under a lock: what is
// taken from one is given to the other. Every run makes the same acquires of the same locks.
//
//   gate_locks LOCKS THREADS ROUNDS FACTOR
//
// In each round a thread acquires one of the locks. The work under the first of them is FACTOR times that
// under the others.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_LOCKS = 64, UNDER = 10000, AROUND = 30000 };

static pthread_mutex_t mu[MOST_LOCKS];
static int locks, threads, rounds, factor;
static pthread_barrier_t start;
static uint64_t acquired[MOST_LOCKS];

static void work(int steps) {
  for (volatile int step = 0; step < steps; step++) {}
}

static void *run(void *argument) {
  uint64_t random = (uint64_t)(uintptr_t)argument * 0x9e3779b97f4a7c15u + 1;
  pthread_barrier_wait(&start);
  for (int round = 0; round < rounds; round++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int lock = (int)((random >> 33) % (uint64_t)locks);
    int under = lock == 0 ? UNDER * factor : UNDER;
    pthread_mutex_lock(&mu[lock]);
    acquired[lock]++;
    work(under);
    pthread_mutex_unlock(&mu[lock]);
    work(AROUND - under);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 5) return 2;
  locks = atoi(arguments[1]);
  threads = atoi(arguments[2]);
  rounds = atoi(arguments[3]);
  factor = atoi(arguments[4]);
  if (locks < 1 || locks > MOST_LOCKS || threads < 1 || factor < 1 || factor > 3) return 2;
  for (int lock = 0; lock < locks; lock++) pthread_mutex_init(&mu[lock], NULL);
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  pthread_t all[threads];
  for (int thread = 0; thread < threads; thread++)
    if (pthread_create(&all[thread], NULL, run, (void *)(uintptr_t)(thread + 1))) return 1;
  for (int thread = 0; thread < threads; thread++) pthread_join(all[thread], NULL);
  uint64_t sum = 0;
  for (int lock = 0; lock < locks; lock++) sum += acquired[lock];
  printf("acquisitions %llu\n", (unsigned long long)sum);
  return 0;
}
