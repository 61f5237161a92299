// A process that forks one that executes the program again, three levels deep; each level also has a
// child that only forks. Each locks as often as its place in the tree says.
#include "workload.h"

static pthread_mutex_t tree_mu = PTHREAD_MUTEX_INITIALIZER;

static void work(int times) {
  for (int index = 0; index < times; index++) {
    OK(pthread_mutex_lock(&tree_mu));
    OK(pthread_mutex_unlock(&tree_mu));
  }
}

int main(int count, char **arguments) {
  int level = count > 1 ? atoi(arguments[1]) : 0;
  work(10 * (level + 1));
  pid_t leaf = fork();
  CHECK(leaf >= 0);
  if (leaf == 0) {
    work(1000 + level);
    _exit(0);
  }
  CHECK(status_of(leaf) == 0);
  if (level == 3) return 33;
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    char number[16];
    snprintf(number, sizeof number, "%d", level + 1);
    execl(arguments[0], arguments[0], number, NULL);
    _exit(98);
  }
  return status_of(child);
}
