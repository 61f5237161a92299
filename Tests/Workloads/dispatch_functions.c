// Each function of libdispatch that takes a function, and each that takes a block, so many times.
#include <dispatch/dispatch.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Exported, but in no header of the Linux port.
void dispatch_async_and_wait(dispatch_queue_t, dispatch_block_t);
void dispatch_async_and_wait_f(dispatch_queue_t, void *, dispatch_function_t);
void dispatch_barrier_async_and_wait(dispatch_queue_t, dispatch_block_t);
void dispatch_barrier_async_and_wait_f(dispatch_queue_t, void *, dispatch_function_t);

static int ran, iterations;
static dispatch_semaphore_t done;

static void work(void *argument) {
  if (argument != &ran) abort();
  __atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
}

static void work_and_signal(void *argument) {
  work(argument);
  dispatch_semaphore_signal(done);
}

static void iterate(void *argument, size_t iteration) {
  if (argument != &ran || iteration >= 10) abort();
  __atomic_fetch_add(&iterations, 1, __ATOMIC_RELAXED);
}

int main(void) {
  dispatch_queue_t queue = dispatch_queue_create("test.functions", DISPATCH_QUEUE_CONCURRENT);
  dispatch_queue_t serial = dispatch_queue_create_with_target("test.targeted", NULL, queue);
  dispatch_queue_t nameless = dispatch_queue_create(NULL, NULL);
  dispatch_group_t group = dispatch_group_create();
  done = dispatch_semaphore_create(0);
  dispatch_time_t soon = dispatch_time(DISPATCH_TIME_NOW, NSEC_PER_MSEC);
  dispatch_time_t soon_by_wall = dispatch_walltime(NULL, NSEC_PER_MSEC);

  dispatch_async_f(queue, &ran, work);
  dispatch_barrier_async_f(queue, &ran, work);
  dispatch_group_async_f(group, queue, &ran, work);
  dispatch_group_wait(group, DISPATCH_TIME_FOREVER);
  dispatch_group_notify_f(group, queue, &ran, work_and_signal);
  dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
  errno = 0;
  dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, 20 * NSEC_PER_MSEC), queue, &ran,
                   work_and_signal);
  dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
  int error = errno;
  dispatch_semaphore_wait(done, dispatch_time(DISPATCH_TIME_NOW, NSEC_PER_MSEC));
  int error_of_timeout = errno;
  dispatch_after_f(soon_by_wall, queue, &ran, work_and_signal);
  dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
  dispatch_sync_f(queue, &ran, work);
  dispatch_barrier_sync_f(queue, &ran, work);
  dispatch_async_and_wait_f(queue, &ran, work);
  dispatch_barrier_async_and_wait_f(queue, &ran, work);
  dispatch_apply_f(10, queue, &ran, iterate);

  __block int count = 0;
  dispatch_async(queue, ^{ work(&ran); });
  dispatch_barrier_async(queue, ^{ work(&ran); count += 1; });
  dispatch_group_async(group, queue, ^{ work(&ran); });
  dispatch_group_wait(group, DISPATCH_TIME_FOREVER);
  dispatch_group_notify(group, queue, ^{ work_and_signal(&ran); });
  dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
  dispatch_after(soon, queue, ^{ work_and_signal(&ran); });
  dispatch_semaphore_wait(done, DISPATCH_TIME_FOREVER);
  dispatch_sync(queue, ^{ work(&ran); });
  dispatch_barrier_sync(queue, ^{ work(&ran); count += 1; });
  dispatch_async_and_wait(queue, ^{ work(&ran); });
  dispatch_barrier_async_and_wait(queue, ^{ work(&ran); count += 1; });
  dispatch_apply(10, queue, ^(size_t iteration) { iterate(&ran, iteration); });

  // One after another on a queue that does one thing at a time, and where libdispatch chooses.
  dispatch_apply_f(10, serial, &ran, iterate);
  dispatch_apply_f(10, DISPATCH_APPLY_AUTO, &ran, iterate);
  dispatch_sync_f(nameless, &ran, work);

  for (int number = 0; number < 100; number++)
    dispatch_async(serial, ^{
      if (number < 100) work(&ran);
    });
  dispatch_sync(serial, ^{});
  dispatch_release(serial);
  dispatch_release(nameless);
  dispatch_release(queue);
  dispatch_release(group);
  printf("ran %d\niterations %d\ncount %d\n", ran, iterations, count);
  printf("error %d\ntimeout %d\n", error, error_of_timeout);
  return 0;
}
