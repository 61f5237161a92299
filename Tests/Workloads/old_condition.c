// Condition variables as programs linked before glibc 2.3.2 mean them: a pthread_cond_t holds a
// pointer to the real one.
#include "workload.h"

__asm__(".symver old_wait, pthread_cond_wait@GLIBC_2.2.5");
__asm__(".symver old_signal, pthread_cond_signal@GLIBC_2.2.5");
__asm__(".symver old_broadcast, pthread_cond_broadcast@GLIBC_2.2.5");
__asm__(".symver old_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
extern int old_wait(pthread_cond_t *, pthread_mutex_t *);
extern int old_signal(pthread_cond_t *);
extern int old_broadcast(pthread_cond_t *);
extern int old_timedwait(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static pthread_mutex_t old_mu = PTHREAD_MUTEX_INITIALIZER;
static struct {
  pthread_cond_t *real;
  // Stays as it is: a new condition variable would write here.
  uint64_t guard[6];
} old_cond;
static bool is_ready;
static int64_t waited, waits;

static void *waiter(void *unused) {
  OK(pthread_mutex_lock(&old_mu));
  int64_t begin = now_ns();
  while (!is_ready) {
    OK(old_wait((pthread_cond_t *)&old_cond, &old_mu));
    waits++;
  }
  waited = now_ns() - begin;
  struct timespec time = deadline(CLOCK_REALTIME, 20);
  // Woken early by the broadcast, if that comes late.
  int result;
  do {
    result = old_timedwait((pthread_cond_t *)&old_cond, &old_mu, &time);
    waits++;
  } while (result == 0);
  GIVES(ETIMEDOUT, result);
  OK(pthread_mutex_unlock(&old_mu));
  return unused;
}

int main(void) {
  pthread_t thread = start(waiter, NULL);
  sleep_ms(20);
  OK(pthread_mutex_lock(&old_mu));
  is_ready = true;
  OK(pthread_mutex_unlock(&old_mu));
  OK(old_signal((pthread_cond_t *)&old_cond));
  OK(old_broadcast((pthread_cond_t *)&old_cond));
  join(thread);
  for (int index = 0; index < 6; index++) GIVES(0, old_cond.guard[index]);
  say("waited", waited);
  say("waits", waits);
}
