#include "clinux.h"

#include "ctrace_counter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clinux_create_memory(const char *name, uint64_t size) {
  int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  // It can be opened through /proc by this user's processes: by nobody else's even so.
  if (fchmod(descriptor, S_IRUSR | S_IWUSR) != 0 || ftruncate(descriptor, (off_t)size) != 0 ||
      // A target that shrank it would make every access of ours a bus error.
      fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
  }
  return descriptor;
}

int clinux_punch_hole(int descriptor, uint64_t offset, uint64_t size) {
  return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                   (off_t)size);
}

pid_t clinux_fork_gated(const char *file, char *const arguments[], char *const environment[],
                        int gate, int failure, const sigset_t *mask, const int streams[3],
                        int own_group) {
  pid_t pid = fork();
  // Of both, whoever comes first.
  if (pid > 0 && own_group) setpgid(pid, pid);
  if (pid != 0) return pid;
  if (own_group) setpgid(0, 0);
  // Only calls that are safe after a fork of a threaded process from here on.
  char byte;
  ssize_t count;
  do count = read(gate, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1) _exit(127);
  for (int stream = 0; stream < 3; stream++) {
    if (streams[stream] < 0) continue;
    // One that is in its place already would be closed.
    if (streams[stream] == stream) fcntl(stream, F_SETFD, 0);
    else if (dup2(streams[stream], stream) < 0) _exit(126);
  }
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvpe(file, arguments, environment);
  int error = errno;
  do count = write(failure, &error, sizeof error);
  while (count < 0 && errno == EINTR);
  _exit(error == ENOENT ? 127 : 126);
}

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int clinux_open_signals(const sigset_t *signals) {
  return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int clinux_open_event(void) { return eventfd(0, EFD_CLOEXEC); }

int clinux_open_process(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_thread_exists(pid_t pid, pid_t tid) {
  if (pid <= 0 || tid <= 0) return 0;
  if (syscall(SYS_tgkill, pid, tid, 0) == 0 || errno == EPERM) return 1;
  return errno == ESRCH ? 0 : -1;
}

int clinux_read_counter_scale(struct clinux_counter_scale *scale) {
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_SOFTWARE,
      .size = sizeof attributes,
      .config = PERF_COUNT_SW_DUMMY,
      .exclude_kernel = 1,
      .exclude_hv = 1,
  };
  int descriptor =
      (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (descriptor < 0) return -1;
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  struct perf_event_mmap_page *page = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (page == MAP_FAILED) return -1;
  int has_scale = page->cap_user_time_zero && page->time_mult != 0 && page->time_shift < 64;
  *scale = (struct clinux_counter_scale){page->time_zero, page->time_mult, page->time_shift};
  munmap(page, size);
  if (has_scale) return 0;
  errno = ENOTSUP;
  return -1;
}

uint64_t clinux_counter(void) { return ctrace_counter(); }
const char *clinux_counter_name(void) { return CTRACE_COUNTER_NAME; }

static uint64_t read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clinux_monotonic(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t clinux_monotonic_raw(void) { return read_clock(CLOCK_MONOTONIC_RAW); }
uint64_t clinux_realtime(void) { return read_clock(CLOCK_REALTIME); }

struct start {
  void (*routine)(void *);
  void *argument;
};

static void *run(void *given) {
  struct start start = *(struct start *)given;
  free(given);
  start.routine(start.argument);
  return NULL;
}

int clinux_start_thread(uint64_t *thread, void (*routine)(void *), void *argument) {
  struct start *start = malloc(sizeof *start);
  if (start == NULL) return ENOMEM;
  *start = (struct start){routine, argument};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t created;
  int error = pthread_create(&created, NULL, run, start);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) free(start);
  *thread = (uint64_t)created;
  return error;
}

void clinux_join_thread(uint64_t thread) { pthread_join((pthread_t)thread, NULL); }

void clinux_detach_thread(uint64_t thread) { pthread_detach((pthread_t)thread); }

int clinux_sleep_on(int cpu, int times) {
  // As many CPUs as any kernel of today may have.
  unsigned long before[8192 / (8 * sizeof(unsigned long))] = {0}, one[sizeof before / sizeof *before] = {0};
  const size_t bits = 8 * sizeof *one;
  const struct timespec briefly = {.tv_nsec = 20000};
  if (cpu < 0 || (size_t)cpu >= 8 * sizeof before) {
    errno = EINVAL;
    return -1;
  }
  one[(size_t)cpu / bits] = 1UL << (size_t)cpu % bits;
  cpu_set_t *all = (cpu_set_t *)before, *only = (cpu_set_t *)one;
  if (sched_getaffinity(0, sizeof before, all) != 0 || sched_setaffinity(0, sizeof one, only) != 0)
    return -1;
  for (int time = 0; time < times; time++) nanosleep(&briefly, NULL);
  return sched_setaffinity(0, sizeof before, all);
}

int32_t clinux_thread(void) { return (int32_t)gettid(); }

int clinux_write_all(int descriptor, const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0) {
    ssize_t count = write(descriptor, next, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    next += count;
    size -= (size_t)count;
  }
  return 0;
}
