// libuv: work for its pool of threads, some of which is cancelled before it begins, and its locks.
#include <uv.h>

#include "pair.h"

enum { JOBS = 40, ROUNDS = 10 };

struct job {
  uv_work_t request;
  int64_t put;
};

static struct job jobs[JOBS];
static int64_t residence, run_time;
static int64_t done, cancelled, after;

NAMED static void do_work(uv_work_t *request) {
  struct job *job = request->data;
  CHECK(&job->request == request && request->work_cb == do_work);
  int64_t start = now_ns();
  __atomic_fetch_add(&residence, start - job->put, __ATOMIC_RELAXED);
  sleep_ms(4);
  __atomic_fetch_add(&run_time, now_ns() - start, __ATOMIC_RELAXED);
  __atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
}

static void after_work(uv_work_t *request, int status) {
  CHECK(((struct job *)request->data)->request.data == request->data);
  CHECK(status == 0 || status == UV_ECANCELED);
  cancelled += status == UV_ECANCELED;
  after++;
}

NAMED static void put_work(uv_loop_t *loop, struct job *job) {
  job->request.data = job;
  job->put = now_ns();
  OK(uv_queue_work(loop, &job->request, do_work, after_work));
}

static uv_mutex_t uv_mutex;
static uv_sem_t uv_semaphore;
static int64_t mutex_waited, semaphore_waited;

NAMED static void want_mutex(void) {
  uv_mutex_lock(&uv_mutex);
  uv_mutex_unlock(&uv_mutex);
}

NAMED static void hold_mutex(void) {
  uv_mutex_lock(&uv_mutex);
  pair_hold();
  uv_mutex_unlock(&uv_mutex);
}

NAMED static void want_semaphore(void) {
  uv_sem_wait(&uv_semaphore);
  __asm__ volatile("");
}

static void waiter(void *unused) {
  (void)unused;
  for (int round = 0; round < ROUNDS; round++) mutex_waited += pair_want(round, want_mutex);
  for (int round = ROUNDS; round < 2 * ROUNDS; round++)
    semaphore_waited += pair_want(round, want_semaphore);
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  for (int number = 0; number < JOBS; number++) put_work(loop, &jobs[number]);
  // The last in are the last to begin.
  int refused = 0;
  for (int number = JOBS - 10; number < JOBS; number++)
    refused += uv_cancel((uv_req_t *)&jobs[number].request) != 0;
  GIVES(0, uv_run(loop, UV_RUN_DEFAULT));
  GIVES(JOBS, after);
  GIVES(10, cancelled + refused);
  CHECK(cancelled > 0);
  GIVES(UV_EINVAL, uv_queue_work(loop, &jobs[0].request, NULL, after_work));
  uv_loop_close(loop);

  OK(uv_mutex_init(&uv_mutex));
  OK(uv_sem_init(&uv_semaphore, 0));
  uv_thread_t other;
  OK(uv_thread_create(&other, waiter, NULL));
  for (int round = 0; round < ROUNDS; round++) {
    hold_mutex();
    pair_done(round);
  }
  pair_say("mutex", mutex_waited);
  for (int round = ROUNDS; round < 2 * ROUNDS; round++) {
    pair_hold();
    uv_sem_post(&uv_semaphore);
    pair_done(round);
  }
  pair_say("semaphore", semaphore_waited);
  OK(uv_thread_join(&other));
  say("jobs", JOBS);
  say("done", done);
  say("cancelled", cancelled);
  say("residence", residence);
  say("run_time", run_time);
  say("rounds", ROUNDS);
}
