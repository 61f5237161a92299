// What all workloads share: checks that end the program, a clock, and a way to say what they did.
//
// A workload prints `name value` lines about itself and exits with 0; it exits with 99 and says why
// when anything behaves other than it should.
#ifndef WORKLOAD_H
#define WORKLOAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// Functions whose names the tests look for stay functions of their own.
#define NAMED __attribute__((noinline, noclone, noipa))

static inline void fail(const char *file, int line, const char *what, long value) {
  fprintf(stderr, "%s:%d: %s (%ld, errno %d)\n", file, line, what, value, errno);
  _exit(99);
}

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) fail(__FILE__, __LINE__, #condition, 0); \
  } while (0)

/// Calls something that returns 0 when it works.
#define OK(call) GIVES(0, call)

/// Calls something that has to return `expected`.
#define GIVES(expected, call)                                           \
  do {                                                                  \
    long given = (long)(call);                                          \
    if (given != (long)(expected)) fail(__FILE__, __LINE__, #call, given); \
  } while (0)

static inline int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Sleeps for the whole time, however often it is interrupted.
static inline void sleep_ns(int64_t nanoseconds) {
  int64_t end = now_ns() + nanoseconds;
  struct timespec until = {end / 1000000000, end % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}

static inline void sleep_ms(int64_t milliseconds) { sleep_ns(milliseconds * 1000000); }

/// A moment so many milliseconds from now.
static inline struct timespec deadline(clockid_t clock, int64_t milliseconds) {
  struct timespec time;
  clock_gettime(clock, &time);
  int64_t nanoseconds = time.tv_nsec + milliseconds % 1000 * 1000000;
  time.tv_sec += milliseconds / 1000 + nanoseconds / 1000000000;
  time.tv_nsec = nanoseconds % 1000000000;
  return time;
}

/// Waits until a thread sleeps for a mutex that the caller holds, so that a wait is sure to be one.
/// It is marked in the mutex, by another bit where the mutex names its owner.
static inline void until_wanted(pthread_mutex_t *mutex) {
  const int robust_or_inherit = 16 | 32;
  bool names_owner = (mutex->__data.__kind & robust_or_inherit) != 0;
  for (;;) {
    unsigned word = (unsigned)__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED);
    if (names_owner ? word >> 31 : word > 1) return;
    sleep_ns(20000);
  }
}

/// Whether a thread, of any process, sleeps in the kernel.
static inline bool is_asleep(pid_t thread) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", thread);
  int file = open(path, O_RDONLY);
  CHECK(file >= 0);
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  CHECK(size > 0);
  text[size] = 0;
  // Behind the name, which may hold anything.
  const char *end = strrchr(text, ')');
  CHECK(end != NULL);
  return end[2] == 'S';
}

static inline void until_asleep(pid_t thread) {
  do sleep_ns(50000);
  while (!is_asleep(thread));
}

/// Waits until another thread has put its number into `*thread`, takes it out, and waits until that one
/// sleeps.
static inline void until_blocked(pid_t *thread) {
  pid_t blocked;
  while ((blocked = __atomic_exchange_n(thread, 0, __ATOMIC_ACQUIRE)) == 0) sched_yield();
  until_asleep(blocked);
}

static inline void say(const char *name, int64_t value) { printf("%s %lld\n", name, (long long)value); }

static inline pthread_t start(void *(*routine)(void *), void *argument) {
  pthread_t thread;
  OK(pthread_create(&thread, NULL, routine, argument));
  return thread;
}

static inline void join(pthread_t thread) { OK(pthread_join(thread, NULL)); }

/// Runs a routine in `count` threads, each given its number, until all have ended.
static inline void run_threads(int count, void *(*routine)(void *)) {
  pthread_t threads[count];
  for (intptr_t index = 0; index < count; index++)
    threads[index] = start(routine, (void *)index);
  for (int index = 0; index < count; index++) join(threads[index]);
}

/// Waits for a child and returns its exit status, or 128 and the signal that killed it.
static inline int status_of(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) != child) CHECK(errno == EINTR);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
