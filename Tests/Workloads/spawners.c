// Every way to start a process. Each child locks a different number of times.
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "workload.h"

static pthread_mutex_t child_mu = PTHREAD_MUTEX_INITIALIZER;

static void work(int times) {
  for (int index = 0; index < times; index++) {
    OK(pthread_mutex_lock(&child_mu));
    OK(pthread_mutex_unlock(&child_mu));
  }
}

static const char *own;
static char command[4200];

static char *const *arguments_for(const char *times) {
  static char *list[4];
  list[0] = (char *)(uintptr_t)own;
  list[1] = (char *)(uintptr_t)"child";
  list[2] = (char *)(uintptr_t)times;
  return list;
}

extern char **environ;

int main(int count, char **arguments) {
  if (count == 3) {
    work(atoi(arguments[2]));
    return 5;
  }
  own = arguments[0];
  pid_t child = fork();
  if (child == 0) {
    work(101);
    _exit(5);
  }
  GIVES(5, status_of(child));

  // What a vfork child may do is not much: execute.
  child = vfork();
  if (child == 0) {
    execl(own, own, "child", "102", NULL);
    _exit(98);
  }
  GIVES(5, status_of(child));

  OK(posix_spawn(&child, own, NULL, NULL, arguments_for("103"), environ));
  GIVES(5, status_of(child));
  OK(posix_spawnp(&child, own, NULL, NULL, arguments_for("104"), environ));
  GIVES(5, status_of(child));

  snprintf(command, sizeof command, "'%s' child 105", own);
  int status = system(command);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
  snprintf(command, sizeof command, "'%s' child 106", own);
  FILE *pipe = popen(command, "r");
  CHECK(pipe != NULL);
  status = pclose(pipe);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);

  // Past libc and its handlers of a fork.
  child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    work(107);
    _exit(5);
  }
  GIVES(5, status_of(child));

  // With an environment that says nothing, and one that says something else.
  char *nothing[] = {NULL};
  child = fork();
  if (child == 0) {
    execve(own, arguments_for("108"), nothing);
    _exit(98);
  }
  GIVES(5, status_of(child));
  char *preload = (char *)(uintptr_t)"LD_PRELOAD=", *other[] = {preload, NULL};
  child = fork();
  if (child == 0) {
    execvpe(own, arguments_for("109"), other);
    _exit(98);
  }
  GIVES(5, status_of(child));
  OK(posix_spawn(&child, own, NULL, NULL, arguments_for("110"), NULL));
  GIVES(5, status_of(child));

  // An exec that fails returns, and the process goes on.
  CHECK(execl("/no/such/program", "x", NULL) == -1 && errno == ENOENT);
  CHECK(execve("/etc/passwd", arguments_for("1"), environ) == -1 && errno == EACCES);
  CHECK(posix_spawn(&child, "/no/such/program", NULL, NULL, arguments_for("1"), environ) == ENOENT);
  work(100);
  // The environment itself is as it was, as far as this program can see.
  CHECK(getenv("CTRACE_TEST") != NULL && strcmp(getenv("CTRACE_TEST"), "kept") == 0);
}
