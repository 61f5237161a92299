// Threads cancelled while they wait: their cleanup handlers run, and what they do still counts.
#include "workload.h"

enum { THREADS = 20 };

static pthread_mutex_t guarded_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t destructor_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t never_posted;
static pthread_key_t key;
static int cleaned, destroyed, waiting;

static void unlock_it(void *mutex) {
  cleaned++;
  OK(pthread_mutex_unlock(mutex));
}

/// Runs after the thread's own end.
static void destroy(void *unused) {
  (void)unused;
  OK(pthread_mutex_lock(&destructor_mu));
  destroyed++;
  OK(pthread_mutex_unlock(&destructor_mu));
}

static void *wait_for_condition(void *unused) {
  pthread_setspecific(key, &key);
  OK(pthread_mutex_lock(&guarded_mu));
  pthread_cleanup_push(unlock_it, &guarded_mu);
  waiting++;
  for (;;) pthread_cond_wait(&never, &guarded_mu);
  pthread_cleanup_pop(1);
  return unused;
}

static void *wait_for_semaphore(void *unused) {
  pthread_setspecific(key, &key);
  for (;;) sem_wait(&never_posted);
  return unused;
}

static void *wait_for_thread(void *other) {
  pthread_setspecific(key, &key);
  pthread_join(*(pthread_t *)other, NULL);
  return other;
}

static void cancel(pthread_t thread) {
  void *result;
  OK(pthread_cancel(thread));
  OK(pthread_join(thread, &result));
  CHECK(result == PTHREAD_CANCELED);
}

int main(void) {
  OK(pthread_key_create(&key, destroy));
  OK(sem_init(&never_posted, 0, 0));
  pthread_t threads[THREADS];
  for (int index = 0; index < THREADS; index++) threads[index] = start(wait_for_condition, NULL);
  for (bool are_there = false; !are_there;) {
    OK(pthread_mutex_lock(&guarded_mu));
    are_there = waiting == THREADS;
    OK(pthread_mutex_unlock(&guarded_mu));
  }
  for (int index = 0; index < THREADS; index++) cancel(threads[index]);
  GIVES(THREADS, cleaned);
  // Hangs if a cancelled thread still had it.
  OK(pthread_mutex_lock(&guarded_mu));
  OK(pthread_mutex_unlock(&guarded_mu));

  pthread_t one = start(wait_for_semaphore, NULL), other = start(wait_for_thread, &one);
  sleep_ms(20);
  cancel(other);
  cancel(one);
  GIVES(THREADS + 2, destroyed);
  say("cancelled_waits", THREADS);
  say("destructor_acquisitions", THREADS + 2);
}
