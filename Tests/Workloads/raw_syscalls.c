// Calls of the kernel through syscall(), good and bad ones. What each gives is printed, and must be the
// same whether the program is traced or not.
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "workload.h"

static uint32_t word, other_word;

/// Prints what a call gave: numbers of processes differ from run to run, so that it is told by `shows`
/// whether the result itself is to be seen.
static void tell(const char *what, long result, int error, bool shows) {
  printf("%s: %ld %d\n", what, shows || result < 0 ? result : result > 0, result < 0 ? error : 0);
}

#define CALL(...)                         \
  do {                                    \
    errno = 0;                            \
    long result = syscall(__VA_ARGS__);   \
    tell(#__VA_ARGS__, result, errno, true); \
  } while (0)

static void nothing(int signal) { (void)signal; }

static void *interrupt(void *thread) {
  for (int count = 0; count < 5; count++) {
    sleep_ms(20);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
  }
  return NULL;
}

static void *wake_later(void *unused) {
  sleep_ms(20);
  while (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0) sleep_ms(1);
  return unused;
}

static void every_command_with(void *address) {
  struct timespec soon = {0, 1000000};
  static const int waits[] = {FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI, 13 /* FUTEX_LOCK_PI2 */,
                              FUTEX_WAIT_REQUEUE_PI};
  for (int command = 0; command < 16; command++) {
    bool is_wait = false;
    for (size_t index = 0; index < sizeof waits / sizeof waits[0]; index++)
      is_wait |= waits[index] == command;
    for (int flags = 0; flags < 4; flags++) {
      word = other_word = 0;
      errno = 0;
      long result = syscall(SYS_futex, address, command | flags << 7, is_wait ? 0 : 1,
                            is_wait ? (void *)&soon : (void *)1, &other_word, 0);
      char what[64];
      snprintf(what, sizeof what, "command %d flags %d", command, flags);
      tell(what, result, errno, true);
      if (result == 0 && word != 0) syscall(SYS_futex, address, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
    }
  }
}

int main(void) {
  struct timespec soon = {0, 2000000}, never = {-1, 0}, odd = {0, 2000000000};
  // Bad addresses and arguments.
  CALL(SYS_futex, NULL, FUTEX_WAIT, 0, NULL, NULL, 0);
  CALL(SYS_futex, (void *)8, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  CALL(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0);
  CALL(SYS_futex, (void *)-4096, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  CALL(SYS_futex, (void *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, (char *)&word + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, (void *)8, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, (void *)8, FUTEX_WAKE, 1, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT, 0, &never, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT, 0, &odd, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT, 0, (void *)8, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT, 0, &soon, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &soon, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &soon, NULL, 1);
  CALL(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_WAKE_OP, 1, (void *)1, &other_word, 0);
  CALL(SYS_futex, &word, FUTEX_REQUEUE, 1, (void *)1, &other_word, 0);
  CALL(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other_word, 7);
  CALL(SYS_futex, &word, 99, 1, NULL, NULL, 0);
  every_command_with(&word);
  every_command_with((void *)8);
  // A page that cannot be written, which a word of a lock with an owner has to be.
  void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  CALL(SYS_futex, page, FUTEX_WAIT, 1, NULL, NULL, 0);
  errno = 0;
  tell("lock a page", syscall(SYS_futex, page, FUTEX_LOCK_PI, 0, NULL, NULL, 0), errno, true);

  // A lock that is taken already, by the caller itself.
  word = 0;
  CALL(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
  CALL(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);

  // Signals.
  struct sigaction action = {.sa_handler = nothing};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t self = pthread_self(), other;
  word = 0;
  other = start(interrupt, &self);
  CALL(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
  join(other);
  other = start(wake_later, NULL);
  long result;
  while ((result = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0)) != 0)
    CHECK(errno == EINTR);
  tell("a wake", result, errno, true);
  join(other);
  // What was in errno stays there where nothing fails.
  errno = 77;
  GIVES(0, syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
  printf("errno kept: %d\n", errno);

  // Other calls, with up to six arguments.
  GIVES(getpid(), syscall(SYS_getpid));
  GIVES(getpid(), syscall(SYS_getpid, 1, 2, 3, 4, 5, 6));
  GIVES(getppid(), syscall(SYS_getppid));
  CALL(SYS_close, 99);
  CALL(SYS_read, 99, &word, 4);
  CALL(-1);
  CALL(100000, 1, 2, 3, 4, 5, 6);
  int file = open("/proc/self/exe", O_RDONLY);
  CHECK(file >= 0);
  void *map = (void *)syscall(SYS_mmap, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)file, 0L);
  CHECK(map != MAP_FAILED && memcmp(map, "\177ELF", 4) == 0);
  void *second = (void *)syscall(SYS_mmap, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)file,
                                 4096L);
  CHECK(second != MAP_FAILED && memcmp(map, second, 4096) != 0);
  errno = 0;
  result = syscall(SYS_mmap, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)file, 1L);
  tell("map at 1", result, errno, true);
  char text[8] = "";
  int ends[2];
  OK(pipe(ends));
  GIVES(3, syscall(SYS_write, ends[1], "abc", 3));
  GIVES(3, syscall(SYS_read, ends[0], text, 8));
  printf("pipe: %s\n", text);

  // Children without any help of libc.
  fflush(stdout);
  long child = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
  CHECK(child >= 0);
  if (child == 0) {
    word = 0;
    struct timespec moment = {0, 1000000};
    bool timed_out = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &moment, NULL, 0) == -1;
    syscall(SYS_exit_group, timed_out && errno == ETIMEDOUT && syscall(SYS_getppid) > 0 ? 5 : 6);
  }
  printf("child: %d\n", status_of((pid_t)child));
  fflush(stdout);
  volatile int seen = 0;
#ifdef SYS_vfork
  child = syscall(SYS_fork);
#else
  child = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
#endif
  CHECK(child >= 0);
  if (child == 0) {
    seen = 1;
    syscall(SYS_exit_group, 7 + seen);
  }
  printf("fork: %d %d\n", status_of((pid_t)child), seen);
}
